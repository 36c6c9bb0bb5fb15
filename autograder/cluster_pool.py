"""The workers of a cluster, and what each of them has.

Every task is placed here and not by dask's scheduler: only a worker whose versions are these, and which has a sandbox,
is given any; a few at once, so that no class is in memory as a whole. What a worker had that is gone or late is given
to another, a few times at the most. For each submission the first answer counts, and there is no second.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder import ledger, messages
from autograder.course import CourseError
from autograder.record import Record

TRIES = 3
AHEAD = 3  # tasks that each thread of a worker has: one that runs, and two that wait while this process writes
LOOK = 1.0  # seconds between two looks at which workers there are
PATIENCE = 120.0  # seconds without any worker that may grade
# What a worker evaluates. By name, so that neither dask's scheduler nor a worker without this package, or with another
# version of it, has to unpickle anything of ours: for that they would end.
CALL = "__import__('autograder.cluster_worker').cluster_worker.{function}(text)"


class ClusterError(CourseError):
    """The cluster cannot be used, or no longer; the message says why and what to do."""


@dataclass
class Task:
    """A submission on its way. deadline: when its worker is late with it."""

    key: Hashable
    text: str
    tries: int = 0
    deadline: float = 0.0


@dataclass
class _Worker:
    """A worker as it is seen from here. tasks: by their names in dask, in the order in which it runs them."""

    address: str
    slots: int
    asked: float  # when
    state: Literal["asked", "fit", "unfit", "late"] = "asked"
    tasks: dict[str, Task] = field(default_factory=dict)

    def running(self) -> list[str]:
        return list(self.tasks)[: self.slots]


class Pool:
    """The workers of a cluster, and what they have been given."""

    def __init__(self, client: Any, common: str, allowed: float, tell: Callable[[str], None]):
        import dask
        from dask.utils import parse_timedelta

        self.client, self.common, self.allowed, self.tell = client, common, allowed, tell
        self.address = client.scheduler.address
        self.silence = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect")) + 5
        self.workers: dict[str, _Worker] = {}
        self.futures: dict[str, tuple[Any, _Worker]] = {}
        self.owed: set[str] = set()  # late answers
        self.answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.again: deque[Task] = deque()
        self.finished: deque[tuple[Hashable, Record]] = deque()
        self.refused: dict[str, str] = {}
        self.names = (f"grade-{uuid.uuid4().hex}-{number}" for number in itertools.count())
        self.looked, self.silent, self.fit, self.exhausted = 0.0, 0.0, time.monotonic(), False

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[Hashable, Record]]:
        while True:
            self._look()
            self._fill(tasks)
            while self.finished:
                yield self.finished.popleft()
            busy = self.again or any(worker.tasks for worker in self.workers.values())
            if self.exhausted and not busy:
                return
            with contextlib.suppress(queue.Empty):
                self._arrived(*self.answers.get(timeout=LOOK))

    # Who is there ------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Sees who has come, who is gone, and who is late. Errors: ClusterError where nobody is left."""
        now = time.monotonic()
        if now < self.looked + LOOK:
            return
        self.looked = now
        present = self._present()
        for address in self.workers.keys() - present.keys():
            worker = self.workers.pop(address)
            if self.client.status == "running":
                self.tell(messages.WORKER_GONE.format(worker=address, count=len(worker.tasks)))
            self._gone(worker)
        for address in present.keys() - self.workers.keys():
            self.workers[address] = worker = _Worker(address, present[address], now)
            self._submit(worker, "look", self.common)
        for worker in self.workers.values():
            # An answer that waits here is not late.
            if self.answers.empty() and any(task.deadline < now for task in worker.tasks.values()):
                self._late(worker)
        asked = [worker for worker in self.workers.values() if worker.state == "asked"]
        if any(worker.state == "fit" for worker in self.workers.values()):
            self.fit = now
        elif now > self.fit + PATIENCE and not any(now < worker.asked + self.allowed for worker in asked):
            said = "\n".join(self.refused.values()) or messages.NO_WORKER_CAME
            raise ClusterError(messages.NO_WORKER.format(seconds=PATIENCE, said=said))

    def _present(self) -> dict[str, int]:
        """The workers that the scheduler knows, with the number of their threads."""
        with contextlib.suppress(OSError, ValueError):  # ValueError: lost while TLS begins, as tornado says it
            if self.client.status == "running":
                # Not client.scheduler_info: the client itself asks now and then for none of the workers, and would
                # answer with that.
                known = self.client.sync(self.client.scheduler.identity)["workers"]
                self.silent = 0.0
                return {address: worker["nthreads"] for address, worker in known.items()}
        # dask tries to reach the scheduler again for as long as its own setting says.
        now = time.monotonic()
        if not self.silent:
            self.tell(messages.SCHEDULER_SILENT.format(address=self.address))
            self.silent = now
        if self.client.status == "closed" or now > self.silent + self.silence:
            raise ClusterError(messages.SCHEDULER_LOST.format(address=self.address))
        return {}

    def _gone(self, worker: _Worker) -> None:
        for name in worker.running():
            self._failed(self._withdraw(worker, name), messages.WORKER_KILLED)
        self._take_back(worker)
        for name in [name for name, (_, owner) in self.futures.items() if owner is worker]:
            self.futures.pop(name)[0].release()
            self.owed.discard(name)

    def _late(self, worker: _Worker) -> None:
        """Gives what a worker is late with to others. It gets no more until it answers, and the answer is ignored."""
        self.tell(messages.WORKER_LATE.format(worker=worker.address, count=len(worker.tasks)))
        worker.state = "late"
        for name in worker.running():
            self.owed.add(name)
            self._failed(worker.tasks.pop(name), messages.WORKER_SILENT)
        self._take_back(worker)

    def _take_back(self, worker: _Worker) -> None:
        self.again += [self._withdraw(worker, name) for name in list(worker.tasks)]

    def _looked_at(self, worker: _Worker, said: dict[str, Any]) -> None:
        """Whether this worker may grade."""
        theirs = said["versions"]
        different = [
            messages.DIFFERENT.format(name=name, theirs=theirs.get(name, "nothing"), ours=version)
            for name, version in ledger.versions().items()
            if theirs.get(name) != version
        ]
        if different:
            self._refuse(worker, messages.WORKER_DIFFERS.format(worker=worker.address, different="; ".join(different)))
        elif said["problem"]:
            self._refuse(worker, messages.WORKER_UNSAFE.format(worker=worker.address, problem=said["problem"]))
        else:
            worker.state = "fit"

    def _refuse(self, worker: _Worker, sentence: str) -> None:
        worker.state = "unfit"
        self.refused[worker.address] = sentence
        self.tell(sentence)
        self._take_back(worker)

    # What they do ------------------------------------------------------------------------------------------------

    def _fill(self, tasks: Iterator[Task]) -> None:
        """Gives the workers what they have room for: what was taken back first."""
        while True:
            fit = [worker for worker in self.workers.values() if worker.state == "fit"]
            free = [worker for worker in fit if len(worker.tasks) < AHEAD * worker.slots]
            if not free:
                return
            worker = min(free, key=lambda worker: len(worker.tasks) / worker.slots)
            task = self.again.popleft() if self.again else next(tasks, None)
            if task is None:
                self.exhausted = True
                task = self._waiting(fit) if len(worker.tasks) < worker.slots else None
            if task is None:
                return
            name = self._submit(worker, "grade", task.text)
            task.deadline = time.monotonic() + (len(worker.tasks) // worker.slots + 1) * self.allowed
            worker.tasks[name] = task

    def _waiting(self, fit: list[_Worker]) -> Task | None:
        """A task that waits behind others, taken away from its worker for one that has nothing to do."""
        longest = max(fit, key=lambda worker: len(worker.tasks) - worker.slots)
        if len(longest.tasks) <= longest.slots:
            return None
        return self._withdraw(longest, next(reversed(longest.tasks)))

    def _submit(self, worker: _Worker, function: str, text: str) -> str:
        name, call = next(self.names), CALL.format(function=function)
        future = self.client.submit(
            eval, call, {"text": text}, key=name, workers=[worker.address], allow_other_workers=False
        )
        self.futures[name] = future, worker
        asyncio.run_coroutine_threadsafe(self._collect(name, future), self.client.loop.asyncio_loop)
        return name

    async def _collect(self, name: str, future: Any) -> None:
        """Fetches an answer in the client's own thread, so that a worker that dies now holds up no other."""
        try:
            self.answers.put((name, await self.client.gather(future, asynchronous=True)))
        except (Exception, asyncio.CancelledError) as error:
            self.answers.put((name, error))

    def _withdraw(self, worker: _Worker, name: str) -> Task:
        self.futures.pop(name)[0].release()
        return worker.tasks.pop(name)

    def _arrived(self, name: str, answer: Any) -> None:
        if name not in self.futures:
            return  # withdrawn: somebody else has it, or is done with it
        future, worker = self.futures.pop(name)
        future.release()
        task = worker.tasks.pop(name, None)
        said = json.loads(answer) if isinstance(answer, str) else {}
        if name in self.owed:
            self.owed.remove(name)
            worker.state = "fit"
            self.tell(messages.WORKER_BACK.format(worker=worker.address))
        elif task is None and said:
            self._looked_at(worker, said)
        elif task is None:
            self._refuse(worker, messages.WORKER_BROKEN.format(worker=worker.address, error=_named(answer)))
        elif not said:
            self._failed(task, _named(answer))
        elif "record" not in said:
            self.again.append(task)
            self._looked_at(worker, said)
        elif (record := Record.from_json(said["record"])).code == "XX":
            self._failed(task, record.detail)
        else:
            self.finished.append((task.key, record))

    def _failed(self, task: Task, why: str) -> None:
        """Tries a task once more, or gives up on it: that is nobody's fault but the grader's."""
        task.tries += 1
        if task.tries < TRIES:
            self.again.append(task)
            return
        detail = messages.TRIED.format(tries=TRIES, why=why)
        self.finished.append((task.key, Record("XX", detail, messages.ENDED["XX"].format(detail=detail))))


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
