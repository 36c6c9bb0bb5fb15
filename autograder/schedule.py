"""Grades many submissions at once: a worker process a core, each with a zygote of its own, all forks of one nursery.

A worker supervises and examines; learners' code runs in forks of its zygote alone. A worker that dies is replaced and
its submission tried again; a submission for which the grader itself fails is tried once more. Where the nursery dies,
its workers die with it, and another takes its place.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

from autograder import cgroup, launch, messages
from autograder.record import Record
from autograder.sandbox import Limits, SandboxError
from autograder.script import Script

TRIES = 2
PAUSE = 0.5  # seconds in which a process that is killed is gone
Task = tuple[Hashable, Script, int]


def grade_all(
    scripts: Iterable[tuple[Hashable, Script]],
    *,
    secret: str,
    limits: Limits | None = None,
    jobs: int | None = None,
    trust_submissions: bool = False,
    nursery: Nursery | None = None,
) -> Iterator[tuple[Hashable, Record]]:
    """Yields each submission's name and Record as it is finished, in no certain order.

    scripts: read one by one, as workers become free. jobs: worker processes at most, as many as there are cores
    without it. nursery: one that was started ahead. Errors: SandboxError where no sandbox can be made.
    """
    tasks, again = ((name, script, 1) for name, script in scripts), deque[Task]()
    most = jobs or len(os.sched_getaffinity(0))
    nursery = nursery or Nursery()
    options = (limits or Limits(), trust_submissions)
    workers: list[_Worker] = []
    try:
        while True:
            workers = [worker for worker in workers if worker.task or worker.is_alive()]
            while sum(worker.task is not None for worker in workers) < most:
                task = again.popleft() if again else next(tasks, None)
                if task is None:
                    break
                free = next((worker for worker in workers if worker.task is None), None)
                if free is None:
                    free = _Worker(nursery, options, secret)
                    workers.append(free)
                free.start(task)
            busy = [worker for worker in workers if worker.task]
            if not busy:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in (each for each in busy if each.connection in ready):
                (name, script, tries), record = worker.finish()
                if record.code == "XX" and tries < TRIES:
                    again.append((name, script, tries + 1))
                else:
                    yield name, record
    finally:
        idle = [worker for worker in workers if worker.task is None]
        for worker in idle:
            worker.end()
        for worker in idle:
            worker.wait()
        nursery.stop()
        for worker in workers:
            worker.wait()
        cgroup.sweep()


class Nursery:
    """The nursery, seen from the scheduler: started when the first worker is wanted, and anew when it is gone.

    lost_one: a worker has died, and perhaps because the nursery has: then its end may be a moment ahead.
    """

    lost_one = False

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="down-and-up-")
        self._control: socket.socket | None = None
        self._process: subprocess.Popen | None = None

    def fork(self) -> Connection:
        """The connection to a new worker."""
        ours, theirs = socket.socketpair()
        with theirs:
            if not self._is_alive():
                self.stop()
                self.start()
            assert self._control is not None
            with contextlib.suppress(OSError):  # it just died: whoever reads from the worker sees that
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
        return Connection(ours.detach())

    def _is_alive(self) -> bool:
        if self._process is None:
            return False
        try:
            self._process.wait(PAUSE if self.lost_one else 0)
        except subprocess.TimeoutExpired:
            return True
        return False

    def start(self) -> None:
        """Starts it and does not wait: importing takes seconds, and it knows nothing yet of what is to be graded."""
        self.lost_one = False
        cgroup.delegate()  # now: what it forks is to be in the group that this makes
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = launch.nursery(theirs, self._home.name)

    def stop(self) -> None:
        """Ends it and, by the kernel, all its workers."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def something_is_new(root: Path) -> bool:
    """Whether a submission looks as if it had no grade yet: a guess from nbgrader's usual folders, at no cost."""
    for handed in root.glob("submitted/*/*/*.ipynb"):
        graded = root / "autograded" / handed.relative_to(root / "submitted")
        if not graded.exists() or graded.stat().st_mtime < handed.stat().st_mtime:
            return True
    return False


class _Worker:
    """A worker process, seen from the scheduler."""

    def __init__(self, nursery: Nursery, options: tuple[Limits, bool], secret: str):
        self.task: Task | None = None
        self._nursery = nursery
        self.connection = nursery.fork()
        self._send(options)
        self._send(secret)  # read when its zygote has been forked

    def start(self, task: Task) -> None:
        self.task = task
        self._send(task[1])

    def _send(self, message: object) -> None:
        with contextlib.suppress(OSError):  # a worker that just died: finish() says so
            self.connection.send(message)

    def is_alive(self) -> bool:
        """Whether a worker without a task is there: it says nothing until it is gone."""
        return not self.connection.poll()

    def finish(self) -> tuple[Task, Record]:
        """The task and its Record, which says XX where the worker is gone."""
        task, self.task = self.task, None
        assert task is not None
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            self._nursery.lost_one = True
            detail = "a worker process was killed"
            return task, Record("XX", detail, messages.ENDED["XX"].format(detail=detail))
        if isinstance(result, SandboxError):
            raise result
        return task, result

    def end(self) -> None:
        """Tells a worker without a task to clear up and go."""
        self._send(None)

    def wait(self) -> None:
        """Waits until a worker that was told to go, or whose nursery is gone, is gone too."""
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll(5):
                self.connection.recv_bytes()
