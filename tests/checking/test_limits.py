"""A call that does not come to an end is stopped; everything else is left alone."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from course_lib.checking.limits import OutOfTime, time_limit

alarm = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no alarm")


def test_a_call_in_time_is_left_alone() -> None:
    with time_limit(5):
        answer = 6 * 7
    assert answer == 42


def forever():
    while True:
        pass


def swallows_exceptions():
    while True:
        try:
            time.sleep(1)
        except Exception:
            continue


def swallows_everything():
    while True:
        try:
            sum(range(100))
        except:  # noqa: E722
            continue


def swallows_it_once_and_ends():
    try:
        time.sleep(1)
    except OutOfTime:
        return


@alarm
@pytest.mark.parametrize(
    "work",
    [forever, swallows_exceptions, swallows_everything, swallows_it_once_and_ends],
    ids=lambda work: work.__name__,
)
def test_what_takes_too_long_is_stopped(work) -> None:
    start = time.perf_counter()
    with pytest.raises(OutOfTime), time_limit(0.05):
        work()
    assert time.perf_counter() - start < 30


@alarm
def test_the_alarm_before_is_back_afterwards() -> None:
    def mine(signum, frame):
        raise AssertionError

    before = signal.signal(signal.SIGALRM, mine)
    try:
        with pytest.raises(OutOfTime), time_limit(0.01):
            time.sleep(1)
        assert signal.getsignal(signal.SIGALRM) is mine
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_error_and_ctrl_c_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), time_limit(5):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), time_limit(5):
        raise KeyboardInterrupt


def test_outside_the_main_thread_nothing_is_stopped() -> None:
    ended = []

    def work():
        with time_limit(0.01):
            time.sleep(0.05)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
