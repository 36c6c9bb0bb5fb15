"""Does every submission get a result, whatever happens to the processes that grade?"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from autograder.record import Record
from autograder.schedule import grade_all
from autograder.script import Script, Step


def steps(source: str) -> Script:
    return Script((Step(0, "run", source),), {})


@contextmanager
def killing(most: int) -> Iterator[list[int]]:
    """Kills the first ``most`` worker processes as soon as they live; gives the list of the killed."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.01):
            for child in multiprocessing.active_children():
                if child.pid not in killed and len(killed) < most:
                    killed.append(child.pid)
                    child.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_every_submission_is_graded_and_a_killed_worker_replaced() -> None:
    scripts = {name: steps(f"print({name!r})") for name in ("a", "b", "c")}
    with killing(1) as killed:
        records = dict(grade_all(scripts.items(), secret="", jobs=1))
    assert len(killed) == 1
    assert {name: record.code for name, record in records.items()} == {"a": "OK", "b": "OK", "c": "OK"}
    assert records["b"].outputs == {0: [{"output_type": "stream", "name": "stdout", "text": "b\n"}]}
    assert multiprocessing.active_children() == []


def test_a_submission_whose_workers_always_die_is_our_own_fault() -> None:
    with killing(100) as killed:
        ((name, record),) = grade_all([("a", steps("1"))], secret="", jobs=1)
    assert (name, record.code, len(killed)) == ("a", "XX", 2)
    assert "not the learner's fault" in record.sentence


def test_nothing_to_do_starts_nothing() -> None:
    assert list(grade_all([], secret="")) == []
    assert multiprocessing.active_children() == []


class Echo:
    """Stands for a worker: gives back what it was given."""

    def __init__(self, options: tuple):
        self.connection, self._theirs = multiprocessing.Pipe()
        self.process = self
        self.task = None

    def is_alive(self) -> bool:
        return True

    def start(self, task: tuple) -> None:
        self.task = task
        self._theirs.send("done")

    def finish(self) -> tuple:
        task, self.task = self.task, None
        self.connection.recv()
        return task, ANSWERS[task[0]](task[2])

    def stop(self) -> None:
        pass


ANSWERS: dict[str, Callable[[int], Record]] = {
    "fine": lambda tries: Record(),
    "slow": lambda tries: Record("TO"),
    "ours": lambda tries: Record("XX", f"try {tries}"),
    "once": lambda tries: Record("XX" if tries == 1 else "OK", f"try {tries}"),
}


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.schedule._Worker", Echo)


@pytest.mark.parametrize(
    ("name", "code", "detail"),
    [("fine", "OK", ""), ("slow", "TO", ""), ("ours", "XX", "try 2"), ("once", "OK", "try 2")],
)
def test_only_our_own_failures_are_tried_again(echo: None, name: str, code: str, detail: str) -> None:
    ((_, record),) = grade_all([(name, steps("1"))], secret="", jobs=1)
    assert (record.code, record.detail) == (code, detail)


def test_submissions_are_read_one_by_one(echo: None) -> None:
    """A class of a thousand is never in memory as a whole."""
    read = []

    def scripts() -> Iterator[tuple[str, Script]]:
        for number in range(20):
            read.append(number)
            yield "fine", steps(str(number))

    results = grade_all(scripts(), secret="", jobs=2)
    next(results)
    assert read == [0, 1]
    assert len(list(results)) == 19


def test_the_workers_are_ended_when_nobody_listens(echo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []
    monkeypatch.setattr(Echo, "stop", lambda worker: ended.append(worker))
    results = grade_all([("fine", steps(str(number))) for number in range(9)], secret="", jobs=2)
    next(results)
    results.close()
    assert len(ended) == 2
