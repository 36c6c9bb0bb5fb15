"""One learner's process, seen from the examiner: it is asked, and it ends in time and within its limits."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from autograder import cgroup, wire
from autograder.record import Code
from autograder.sandbox import Limits, told
from course_lib.checking.plain import text

GRACE = 2.0  # seconds between the interrupt and the kill


class Ended(Exception):
    """The learner's process is gone. code says why, detail adds the signal or exit status."""

    def __init__(self, code: Code, detail: str = ""):
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Learner:
    """One learner's process, from its fork to its end."""

    def __init__(self, connection: socket.socket, status: int, limits: Limits, group: cgroup.Group | None = None):
        self._connection, self.limits = wire.Connection(connection), limits
        self._group, self._killed_before = group, group.killed() if group else 0
        self._status = os.fdopen(status, "r")
        line = self._status.readline().strip()
        if not line.isdigit() or line == "70":
            raise Ended("XX", "the sandbox could not be made")
        self.pid = int(line)
        self._over = time.monotonic() + limits.wall_seconds
        self._count = 0
        self._serves = False
        self._too_large = False
        self._watch = threading.Thread(target=self._watch_memory, daemon=True)
        self._done = threading.Event()
        self._watch.start()

    def ask(self, question: dict[str, Any], seconds: float | None = None) -> dict[str, Any]:
        """Sends a question and waits for its answer. A cell that takes too long is interrupted, then killed.

        Errors: Ended.
        """
        return next(self.ask_each(question, seconds))

    def ask_each(self, question: dict[str, Any], seconds: float | None = None) -> Iterator[dict[str, Any]]:
        """The answers to a question that has more than one, as they come. seconds: that each of them may take.

        Behind an answer that was late no other comes. Errors: Ended.
        """
        self._count += 1
        deadline = self._deadline(seconds)
        with self._ends():
            self._connection.send({"id": self._count, **question}, deadline)
        late = False
        while True:
            with self._ends():
                try:
                    answer = self._answer(deadline)
                except wire.Late:
                    late = True
                    self._signal(signal.SIGINT)
                    answer = self._answer(time.monotonic() + GRACE)
                    if time.monotonic() >= self._over:
                        raise
            if late and not self._connection.has_more:  # of what was sent at once the last one was late
                yield answer | {"late": True}
                return
            yield answer
            deadline = self._deadline(seconds)

    def _deadline(self, seconds: float | None) -> float:
        return min(time.monotonic() + (seconds or self.limits.cell_seconds), self._over)

    @contextlib.contextmanager
    def _ends(self) -> Iterator[None]:
        """Turns what goes wrong on the wire into the end of the process."""
        try:
            yield
        except wire.Late:
            self.kill()
            raise Ended("TO") from None
        except wire.ProtocolError as error:
            self.kill()
            raise Ended("OL", str(error)) from None
        except wire.Closed:
            raise self._ending() from None

    def _answer(self, deadline: float) -> dict[str, Any]:
        while True:
            answer = self._connection.receive(self.limits.output, deadline)
            if self._connection.received > self.limits.output:
                raise wire.ProtocolError(f"more than {self.limits.output} bytes in all")
            self._serves = True
            said = answer.get("id")
            if type(said) is int and said == self._count:
                if "fault" in answer:
                    self.kill()
                    fault = answer["fault"]
                    raise Ended("SG", text(fault, 300) if type(fault) is str else "a fault")
                return answer

    def _ending(self) -> Ended:
        if self._too_large or self._has_lost_one():
            return Ended("ML")
        lives = select.poll()
        lives.register(self._status, select.POLLIN)
        if not lives.poll(GRACE * 1000):  # it has closed the connection, and could live on for ever
            self.kill()
            return Ended("SG", "it closed its connection to the grader")
        status = self._status.readline().strip()
        number = int(status) if status.lstrip("-").isdigit() else None
        if number is None or (number == 70 and not self._serves):
            return Ended("XX", "the learner's process could not go on")
        if number == -signal.SIGXCPU:
            return Ended("TO")
        if number < 0:
            names = {known.value: known.name for known in signal.Signals}
            return Ended("SG", names.get(-number, f"signal {-number}"))
        return Ended("SG", f"exit status {number}")

    def _watch_memory(self) -> None:
        """Kills the process when it and its children together hold more memory than they may."""
        start = _resident(self.pid)
        while not self._done.wait(0.1):
            if _resident(self.pid) - start > self.limits.memory or self._has_lost_one():
                self._too_large = True
                self.kill()
                return

    def _has_lost_one(self) -> bool:
        """Whether the kernel has ended a process of the group for its memory."""
        return self._group is not None and self._group.killed() > self._killed_before

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the process and, as it is the first of its PID namespace, everything that it started."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """Ends the process, and waits for nothing: to take down its namespaces takes the kernel a while."""
        if not self._done.is_set():
            self._done.set()
            self.kill()
            self._connection.close()

    def close(self) -> None:
        """Ends the process and waits until it is gone."""
        self.end()
        if not self._status.closed:
            self._status.read()
            self._status.close()
            self._watch.join()


def _resident(pid: int) -> int:
    """Bytes of memory that a process and its descendants hold for themselves, or share and come from no file."""
    total = 0
    for each in _tree(pid):
        with contextlib.suppress(OSError):
            lines = told(f"/proc/{each}/status").splitlines()
            kilobytes = [line.split()[1] for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
            total += sum(map(int, kilobytes)) << 10
    return total


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in told(f"/proc/{pid}/task/{task}/children").split():
                yield from _tree(int(child))
