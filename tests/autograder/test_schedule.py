"""Does every submission get a result, whatever happens to the processes that grade?"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder import launch
from autograder.record import Record
from autograder.schedule import grade_all
from autograder.script import Script, Step

pytestmark = pytest.mark.usefixtures("warm_start")


def steps(source: str) -> Script:
    return Script((Step(0, "run", source),), {})


Parts = Callable[[str], list[int]]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    """The processes of a name that this test has started: nursery, worker or zygote. Other tests have theirs."""
    mine, start = [], launch._start

    def noted(*arguments: Any, **options: Any) -> Any:
        process = start(*arguments, **options)
        mine.append(process.pid)
        return process

    monkeypatch.setattr(launch, "_start", noted)

    def living(name: str) -> list[int]:
        found, ahead = [], list(mine)
        while ahead:
            process = ahead.pop()
            with contextlib.suppress(OSError):
                if Path(f"/proc/{process}/comm").read_text().strip() == name:
                    found.append(process)
                    continue  # what it has forked bears its name, too, for a moment
                tasks = list(Path(f"/proc/{process}/task").glob("*/children"))
                ahead += [int(child) for task in tasks for child in task.read_text().split()]
        return found

    return living


@contextmanager
def killing(parts: Parts, name: str, most: int) -> Iterator[list[int]]:
    """Kills the first ``most`` processes of this name as soon as they live; gives the list of the killed."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.005):
            for process in parts(name):
                if process not in killed and len(killed) < most:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                        killed.append(process)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("part", ["nursery", "worker", "zygote"])
def test_every_submission_is_graded_and_what_is_killed_is_replaced(parts: Parts, part: str) -> None:
    scripts = {name: steps(f"print({name!r})") for name in ("a", "b", "c")}
    with killing(parts, part, 1) as killed:
        records = dict(grade_all(scripts.items(), secret="", jobs=1))
    assert len(killed) == 1
    assert {name: record.code for name, record in records.items()} == {"a": "OK", "b": "OK", "c": "OK"}
    assert records["b"].outputs == {0: [{"output_type": "stream", "name": "stdout", "text": "b\n"}]}
    assert parts("nursery") + parts("worker") == []


def test_a_learners_process_holds_its_connection_and_nothing_else_of_ours() -> None:
    """Nor a way to the scheduler or the zygote, which workers that are forks could leave open."""
    source = """
import contextlib, os, stat
for number in range(256):
    with contextlib.suppress(OSError):
        mode = os.fstat(number).st_mode
        print("device" if stat.S_ISCHR(mode) else "socket" if stat.S_ISSOCK(mode) else "something else")
"""
    ((_, record),) = grade_all([("a", steps(source))], secret="", jobs=1)
    seen = record.outputs[0][0].get("text", "").split("\n")
    assert (seen.count("socket"), seen.count("something else"), "device" in seen) == (1, 0, True), record.outputs


def test_a_submission_whose_workers_always_die_is_our_own_fault(parts: Parts) -> None:
    with killing(parts, "worker", 100) as killed:
        ((name, record),) = grade_all([("a", steps("1"))], secret="", jobs=1)
    assert (name, record.code, len(killed)) == ("a", "XX", 2)
    assert "not the learner's fault" in record.sentence


def test_nothing_to_do_starts_nothing(parts: Parts) -> None:
    assert list(grade_all([], secret="")) == []
    assert parts("nursery") == []


class Echo:
    """Stands for a worker: gives back what it was given."""

    def __init__(self, *_: object):
        self.connection, self._theirs = multiprocessing.Pipe()
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

    def end(self) -> None:
        pass

    def wait(self) -> None:
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
    monkeypatch.setattr(Echo, "wait", lambda worker: ended.append(worker))
    results = grade_all([("fine", steps(str(number))) for number in range(9)], secret="", jobs=2)
    next(results)
    results.close()
    assert len(set(ended)) == 2
