"""Stops a call that does not come to an end."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(BaseException):
    """Raised in the learner's call when its time is over. No Exception, so that ``except Exception`` lets it pass."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises OutOfTime in the body once it has run for this many seconds.

    In a main thread on Linux and macOS an alarm does it, again every second in case the body swallows the first. On
    Windows a timer interrupts the main thread as Ctrl-C does. In any other thread nothing is stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "setitimer"):
        yield from _alarm(seconds)
    else:
        yield from _interrupt(seconds)


def _alarm(seconds: float) -> Iterator[None]:
    def ring(signum, frame):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
        if over.is_set():
            raise OutOfTime from None
        raise
    finally:
        timer.cancel()
