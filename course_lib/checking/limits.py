"""Stops a call that does not come to an end."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(BaseException):
    """Raised in the learner's call when its time is over. No Exception, so that ``except Exception`` lets it pass."""


# An alarm that the body swallowed rings again after so many seconds, until one meets it outside its try.
AGAIN = 0.01


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises OutOfTime once the body has run for this many seconds, at the latest when it ends.

    In a main thread on Linux and macOS an alarm does it, and rings again while the body swallows it. On Windows a timer
    interrupts the main thread as Ctrl-C does. In any other thread nothing is stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "setitimer"):
        yield from _alarm(seconds)
    else:
        yield from _interrupt(seconds)


def _alarm(seconds: float) -> Iterator[None]:
    armed, rang = True, False

    def ring(signum, frame):
        nonlocal rang
        if armed:
            rang = True
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if rang:
            raise OutOfTime


def _interrupt(seconds: float) -> Iterator[None]:
    over = threading.Event()

    def ring():
        over.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, ring)
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if not over.is_set():
            raise
    finally:
        timer.cancel()
        if over.is_set():
            raise OutOfTime
