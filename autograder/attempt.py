"""The learner's side of the byte protocol: runs cells, and calls the learner's work on the cases that come.

Everything here runs in the learner's own process, beside the learner's code. Nothing that it says is believed: it
sends values, and the examiner judges them.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

from autograder import wire
from autograder.cells import Cells
from course_lib import exercises
from course_lib.checking.driver import Outcome, outcomes_of, run
from course_lib.checking.examine import problem_with
from course_lib.checking.exercise import Case
from course_lib.checking.guard import static_hits
from course_lib.checking.judge import Problem

MESSAGE_LIMIT = 256 << 20


def warm() -> None:
    """Loads every exercise and runs a case of each before the fork, so that no attempt pays for a first time."""
    for name in exercises.names():
        exercise = exercises.find(name)
        for misconception in exercise.misconceptions[:1]:
            run(exercise, misconception.wrong, exercise.facets[0].public[0], twice=True)


def serve(stream: socket.socket, cells: Cells) -> None:
    """Answers the examiner's messages one after the other, each answer with the id of its question.

    To an exercise there is an answer, and one to each case. Those that are quick go together, as the connection holds
    them.
    """
    connection = wire.Connection(stream)
    connection.send({"id": 0})  # before any code of the learner's: from here on, how this process ends is their doing
    while True:
        try:
            question = connection.receive(MESSAGE_LIMIT)
        except wire.Closed:
            return
        try:
            for answer in ANSWERS[question["op"]](cells, question):
                connection.hold({"id": question["id"], **answer})
            connection.flush()
        except KeyboardInterrupt:
            connection.hold({"id": question["id"], "interrupted": True})
        except Exception as error:
            connection.hold({"id": question["id"], "fault": f"{type(error).__name__}: {error}"[:300]})
        connection.flush()


Answers = Iterator[dict[str, Any]]


def _run(cells: Cells, question: dict[str, Any]) -> Answers:
    outputs, status = cells.run(question["source"], counted=question.get("counted", True))
    yield {"outputs": outputs, "status": status, "cut": cells.recorder.cut}


def _examine(cells: Cells, question: dict[str, Any]) -> Answers:
    """Looks at the work: is it there, can it be called, does it name what is banned? Then calls it on each case.

    A public case is sent as its place among them. Behind one that runs out of time no other is called.
    """
    name = question["exercise"]
    exercise = exercises.find(name)
    problem: Problem | None = Problem("NOT_DEFINED", {"name": name})
    with contextlib.suppress(KeyError):
        work = cells.get(name)
        problem = problem_with(exercise, work)
    if problem:
        yield {"problem": (problem.message, problem.facts)}
        return
    yield {"problem": None, "hits": [(hit.operator, hit.line) for hit in static_hits(work, exercise.banned)]}
    public = exercise.public
    cases = [public[sent] if isinstance(sent, int) else Case(**sent) for sent in question["cases"]]
    for outcome in outcomes_of(exercise, work, cases):
        yield {"outcome": _told(outcome)}


def _told(outcome: Outcome) -> dict[str, Any]:
    """An outcome's fields, as far as they say anything."""
    said: dict[str, Any] = {"status": outcome.status, "value": outcome.value}
    for name in ("gradients", "buffers", "changed", "state"):
        if field := getattr(outcome, name):
            said[name] = field
    if raised := outcome.raised:
        lines = [(line.number, line.function, line.text[:500]) for line in raised.lines[-20:]]
        said["raised"] = {"type": raised.type, "message": raised.message[:10_000], "lines": lines}
    if outcome.hits:
        said["hits"] = [(hit.operator, hit.line) for hit in outcome.hits[:20]]
    if outcome.printed:
        said["printed"] = outcome.printed[:10_000]
    if not outcome.steady:
        said["unsteady"] = True
    return said


ANSWERS: dict[str, Callable[[Cells, dict[str, Any]], Answers]] = {"run": _run, "examine": _examine}
