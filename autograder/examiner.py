"""Grades one submission: sends cells and cases to the learner's process, and judges what comes back.

This is the trusted side. It holds the seeds, asks the oracles and decides the points; from the learner's process it
takes bytes alone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder import messages
from autograder.learner import Ended, Learner
from autograder.record import Output, Record, error
from autograder.sandbox import Limits
from autograder.script import Script, Step
from autograder.supervisor import Zygote
from course_lib import exercises
from course_lib.checking.driver import Line, Outcome, Raised, Status
from course_lib.checking.exercise import Case, Exercise, Facet
from course_lib.checking.guard import Hit
from course_lib.checking.judge import Problem, Verdict, judge, refuse
from course_lib.checking.plain import text
from course_lib.checking.report import Report, report

STATUSES: tuple[Status, ...] = ("returned", "raised", "not attempted", "wrong state", "out of time", "banned")


def grade(script: Script, zygote: Zygote, secret: str | Mapping[str, str]) -> Record:
    """Runs a submission and judges it. Never raises for what the submission does.

    secret: the course's; or the seeds that it makes of this script, on a machine that is not to know it.
    """
    record, began = Record(), time.monotonic()
    learner: Learner | None = None
    try:
        seeds = script.seeds(secret) if isinstance(secret, str) else secret
        learner = zygote.spawn()
        for step in script.steps:
            _step(step, script, learner, seeds, record)
    except Ended as end:
        _end(record, end, script, zygote)
    except Exception as error:
        _end(record, Ended("XX", f"{type(error).__name__}: {error}"), script, zygote)
    finally:
        if learner:
            learner.end()
    record.seconds = time.monotonic() - began
    return record


def _step(step: Step, script: Script, learner: Learner, seeds: Mapping[str, str], record: Record) -> None:
    if step.kind == "check":
        hidden = {check.exercise for check in step.checks if check.hidden}
        names = dict.fromkeys(check.exercise for check in step.checks)
        examined = {name: _examine(name, seeds[name] if name in hidden else None, learner) for name in names}
        # A second report on the same exercise takes the place of the first, as it does in a notebook.
        last = {check.exercise: check.hidden for check in step.checks}
        shown = {name: report(examined[name].verdict(hidden)) for name, hidden in last.items()}
        facts = shown[step.checks[-1].exercise].facts
        record.outputs[step.index] = [*map(_displayed, shown.values()), _result(facts["points"])]
        record.checks[step.grade_id] = facts
        return
    answer = learner.ask({"op": "run", "source": step.source})
    before = [output for outputs in record.outputs.values() for output in outputs]
    kept = OUTPUTS - len(before)
    letters = learner.limits.text - sum(len(output.get("text", "")) for output in before)
    record.outputs[step.index] = clean(answer.get("outputs"), kept, letters)
    if step.kind == "assert":
        record.weak.append(step.grade_id)
        if not _controls_fail(learner):
            record.outputs[step.index] = [error("NoControl", messages.NO_CONTROL)]
    if answer.get("late") is True:
        record.sentence = record.sentence or messages.CELL_LATE.format(limits=learner.limits)
    if answer.get("cut") is True or kept <= len(record.outputs[step.index]):
        record.sentence = record.sentence or messages.TEXT_CUT
    record.sentence = record.sentence or _breach(record.outputs[step.index])


def _breach(outputs: Sequence[Output]) -> str:
    """The sentence on a limit at which a call of the kernel failed, as the cell's error says; empty where none did."""
    said = [f"{output['ename']}: {output['evalue']}" for output in outputs if output["output_type"] == "error"]
    return next((told for word, told in messages.BREACHES.items() if any(word in each for each in said)), "")


# Asserts that must fail. Where one passes, the learner's process no longer means what a test cell says.
CONTROLS = (
    "assert False",
    "assert 1 == 2",
    "import torch\nassert torch.equal(torch.zeros(2), torch.ones(2))",
    "import torch\nassert torch.allclose(torch.zeros(2), torch.ones(2))",
    "import torch\ntorch.testing.assert_close(torch.zeros(2), torch.ones(2))",
    "import numpy\nassert numpy.allclose(numpy.zeros(2), numpy.ones(2))",
)


def _controls_fail(learner: Learner) -> bool:
    """Whether every negative control fails with an AssertionError in the learner's process."""
    for source in CONTROLS:
        answer = learner.ask({"op": "run", "source": source, "counted": False})
        names = [output.get("ename") for output in clean(answer.get("outputs"))]
        if names != ["AssertionError"]:
            return False
    return True


@dataclass(frozen=True)
class Examination:
    """What one exercise's cases gave; from it comes a verdict with the hidden cases or without."""

    exercise: Exercise
    groups: Sequence[tuple[Facet, tuple[Case, ...]]] = ()
    outcomes: Sequence[list[Outcome]] = ()
    hits: Sequence[Hit] = ()
    seed: str | None = None
    problem: Problem | None = None

    def verdict(self, hidden: bool) -> Verdict:
        if self.problem:
            return refuse(self.exercise, self.problem)
        pairs = zip(self.groups, self.outcomes, strict=True)
        kept = [(group, results) for group, results in pairs if hidden or group[1] is group[0].public]
        groups, outcomes = [group for group, _ in kept], [results for _, results in kept]
        return judge(self.exercise, groups, outcomes, hits=self.hits, seed=self.seed if hidden else None)


def _examine(name: str, seed: str | None, learner: Learner) -> Examination:
    """Runs an exercise's public cases and, with a seed, the hidden ones that it makes."""
    exercise = exercises.find(name)
    groups = exercise.groups(seed)
    places = {id(case): place for place, case in enumerate(exercise.public)}
    cases = [case for _, cases in groups for case in cases]
    sent = [places[id(case)] if id(case) in places else _sent(case) for case in cases]
    answers = learner.ask_each({"op": "examine", "exercise": name, "cases": sent}, exercise.seconds + 2)
    opened = next(answers)
    if opened.get("problem") is not None:
        return Examination(exercise, problem=_problem(opened["problem"], exercise))
    try:
        hits = _hits(opened.get("hits", []))
    except Exception:  # as in _problem
        return Examination(exercise, problem=_problem(None, exercise))
    results = _outcomes(itertools.chain([opened], answers) if _is_late(opened) else answers, len(cases))
    outcomes = [[next(results, Outcome("not run")) for _ in cases] for _, cases in groups]
    return Examination(exercise, groups, outcomes, hits, seed)


def _problem(problem: Any, exercise: Exercise) -> Problem:
    """The problem that the learner's process names, if it is one of those that work can have."""
    try:
        message, facts = problem
        facts = {word: _text(facts.get(word, ""), 300) for word in ("given", "wanted", "yours")}
        if type(message) is str and message in messages.PROBLEMS:
            return Problem(message, facts | {"name": exercise.name})
    except Exception:  # whatever it is, it came of what the learner's process said
        pass
    return Problem("NOT_DEFINED", {"name": exercise.name})


def _outcomes(answers: Iterator[dict[str, Any]], most: int) -> Iterator[Outcome]:
    """One outcome after the other, up to the first case that ran out of time."""
    for answer in itertools.islice(answers, most):
        outcome = _outcome(answer)
        yield outcome
        if outcome.status == "out of time":
            return


def _sent(case: Case) -> dict[str, Any]:
    """The fields of a case that its call needs, as far as they say anything."""
    fields: dict[str, Any] = {name: dict(getattr(case, name)) for name in ("kwargs", "build", "state")}
    fields |= {"args": case.args, "gradient": case.gradient, "training": case.training}
    return {name: each for name, each in fields.items() if each}


def _is_late(answer: dict[str, Any]) -> bool:
    return answer.get("late") is True or answer.get("interrupted") is True


def _outcome(answer: dict[str, Any]) -> Outcome:
    if _is_late(answer):
        return Outcome("out of time")
    try:
        return _read(answer["outcome"])
    except Exception:  # whatever it is, it came of what the learner's process said
        return Outcome("raised", raised=Raised("ProtocolError", messages.GARBLED, ()))


def _read(said: dict[str, Any]) -> Outcome:
    """An outcome from what a learner's process said; every field is taken for what it may be and no more."""
    status = STATUSES[STATUSES.index(said["status"])]
    raised, state = said.get("raised"), said.get("state")
    if {"raised": raised, "wrong state": state}.get(status, True) is None:
        raise ValueError(status)
    hits = _hits(said.get("hits", []))
    if status == "banned" and not hits:
        hits = (Hit("?"),)
    return Outcome(
        status,
        said["value"],
        said.get("gradients", {}) | {},  # of a dict alone: keys from a list could be made to share one hash
        said.get("buffers", {}) | {},
        changed=tuple(
            _number(each) if type(each) is int else _text(each, 100) for each in _parts(said.get("changed", []))
        ),
        steady=said.get("unsteady") is not True,
        raised=None if raised is None else _raised(raised),
        state=None if state is None else (_text(_parts(state)[0], 1000), _text(_parts(state)[1], 1000)),
        hits=hits,
        printed=_text(said.get("printed", ""), 10_000),
    )


def _raised(said: Any) -> Raised:
    said |= {}  # or it is no dict
    lines = [Line(_number(n), _text(function, 100), _text(line, 500)) for n, function, line in _parts(said["lines"])]
    return Raised(_text(said["type"], 100), _text(said["message"], 10_000), tuple(lines))


def _hits(said: Any) -> tuple[Hit, ...]:
    return tuple(Hit(_text(operator, 100), None if n is None else _number(n)) for operator, n in _parts(said))


def _parts(said: Any) -> list[Any] | tuple[Any, ...]:
    """The first entries of a list from the learner's process. Errors: TypeError."""
    if type(said) not in (list, tuple):
        raise TypeError("no list")
    return said[:20]


def _text(said: Any, most: int) -> str:
    """A text from the learner's process, cut, and without what UTF-8 cannot write. Errors: TypeError."""
    if type(said) is not str:
        raise TypeError("no text")
    return text(said, most)


def _number(said: Any) -> int:
    """A position or a line from the learner's process. Errors: ValueError."""
    if type(said) is not int or not 0 <= said < 1 << 31:
        raise ValueError("no number")
    return said


# What the notebook shows ------------------------------------------------------------------------------------------


def _displayed(shown: Report) -> Output:
    data, metadata = shown._repr_mimebundle_()
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def _result(points: float) -> Output:
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "data": {"text/plain": repr(points)},
        "metadata": {},
    }


def _end(record: Record, end: Ended, script: Script, zygote: Zygote) -> None:
    """Gives every grade cell that was not reached no points, and says why under it."""
    record.code, record.detail = end.code, end.detail
    record.sentence = messages.ENDED[end.code].format(detail=end.detail, limits=zygote.limits)
    for step in script.steps:
        if step.index in record.outputs or step.kind == "run":
            continue
        record.outputs[step.index] = [error(record.code, record.sentence)]
        for check in step.checks:
            record.checks[step.grade_id] = {
                "exercise": check.exercise,
                "face": "ended",
                "points": 0.0,
                "max_points": float(exercises.find(check.exercise).points),
                "facets": [],
                "diagnosis": record.sentence,
                "misconception": None,
                "seed": None,
            }


SAFE_KINDS = ("text/plain", "image/png", "image/jpeg", "text/latex")
OUTPUTS = 5000  # that are kept of a notebook: a browser, and nbgrader, take long over each of them
LINES, LETTERS = 1000, 10_000  # of one traceback, and of each of its lines


def clean(outputs: Any, most: int = OUTPUTS, letters: int = Limits.text) -> list[Output]:
    """A learner's outputs without anything that a browser would run: of rich output, text and pictures stay.

    most: outputs that are kept. letters: that are kept of what was printed.
    """
    kept = []
    for output in outputs[:most] if type(outputs) is list else ():
        try:
            cleaned = _clean(output)
        except Exception:  # whatever it is, it came of what the learner's process said
            continue
        if cleaned["output_type"] == "stream":
            cleaned["text"] = cleaned["text"][: max(letters, 0)]
            letters -= len(cleaned["text"])
        kept.append(cleaned)
    return kept


def _clean(output: Output) -> Output:
    kind = output["output_type"]
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _whole(output["text"])}
    if kind == "error":
        lines = [_text(line, LETTERS) for line in output["traceback"][:LINES]]
        return {
            "output_type": "error",
            "ename": _text(output["ename"], 100),
            "evalue": _text(output["evalue"], LETTERS),
            "traceback": lines,
        }
    if kind not in ("display_data", "execute_result"):
        raise ValueError(kind)
    data = {mime: _whole(output["data"][mime]) for mime in SAFE_KINDS if mime in output["data"]}
    cleaned = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        cleaned["execution_count"] = _number(output["execution_count"])
    return cleaned


def _whole(said: Any) -> str:
    return _text(said, len(said))
