"""Grades many submissions at once: a worker process a core, each with a zygote of its own.

A worker supervises and examines; learners' code runs in forks of its zygote alone. A worker that dies is replaced and
its submission tried again; a submission for which the grader itself fails is tried once more.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from multiprocessing.connection import Connection, wait

from autograder import messages, sandbox
from autograder.record import Record
from autograder.sandbox import Limits, SandboxError
from autograder.script import Script

TRIES = 2
Task = tuple[Hashable, Script, int]


def grade_all(
    scripts: Iterable[tuple[Hashable, Script]],
    *,
    secret: str,
    limits: Limits | None = None,
    jobs: int | None = None,
    trust_submissions: bool = False,
) -> Iterator[tuple[Hashable, Record]]:
    """Yields each submission's name and Record as it is finished, in no certain order.

    scripts: read one by one, as workers become free. jobs: worker processes at most, as many as there are cores
    without it. Errors: SandboxError where no sandbox can be made.
    """
    tasks, again = ((name, script, 1) for name, script in scripts), deque[Task]()
    most = jobs or len(os.sched_getaffinity(0))
    options = (secret, limits or Limits(), trust_submissions)
    workers: list[_Worker] = []
    try:
        while True:
            workers = [worker for worker in workers if worker.task or worker.process.is_alive()]
            while sum(worker.task is not None for worker in workers) < most:
                task = again.popleft() if again else next(tasks, None)
                if task is None:
                    break
                free = next((worker for worker in workers if worker.task is None), None)
                if free is None:
                    free = _Worker(options)
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
        for worker in workers:
            worker.stop()


class _Worker:
    """A worker process, seen from the scheduler."""

    def __init__(self, options: tuple):
        # Spawned, not forked: a worker starts without anything of ours in memory.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, *options), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    def start(self, task: Task) -> None:
        self.task = task
        try:
            self.connection.send(task[1])
        except OSError:
            return  # a worker that just died: finish() says so

    def finish(self) -> tuple[Task, Record]:
        """The task and its Record, which says XX where the worker is gone."""
        task, self.task = self.task, None
        assert task is not None
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            detail = "a worker process was killed"
            return task, Record("XX", detail, messages.ENDED["XX"].format(detail=detail))
        if isinstance(result, SandboxError):
            raise result
        return task, result

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def _work(connection: Connection, secret: str, limits: Limits, trust_submissions: bool) -> None:
    """A worker: grades one script after the other until the scheduler is gone."""
    # Only here: the scheduler itself needs no torch.
    import torch

    from autograder.examiner import grade
    from autograder.supervisor import Zygote

    sandbox.die_with_parent()
    torch.set_num_threads(1)
    try:
        with Zygote(limits, trust_submissions) as zygote:
            while True:
                connection.send(grade(connection.recv(), zygote, secret))
    except SandboxError as error:
        connection.send(error)
    except (EOFError, OSError):
        return
