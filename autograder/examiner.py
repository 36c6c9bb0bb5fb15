"""Grades one submission: sends cells and cases to the learner's process, and judges what comes back.

This is the trusted side. It holds the seeds, asks the oracles and decides the points; from the learner's process it
takes bytes alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder import messages
from autograder.learner import Ended, Learner
from autograder.record import Output, Record, error
from autograder.script import Script, Step
from autograder.supervisor import Zygote
from course_lib import exercises
from course_lib.checking.driver import Line, Outcome, Raised
from course_lib.checking.exercise import Case, Exercise, Facet
from course_lib.checking.guard import Hit
from course_lib.checking.judge import Problem, Verdict, judge, refuse
from course_lib.checking.report import Report, report

STATUSES = ("returned", "raised", "not attempted", "wrong state", "out of time", "banned")


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
            learner.close()
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
    outputs = answer.get("outputs")
    record.outputs[step.index] = clean(outputs) if isinstance(outputs, list) else []
    if step.kind == "assert":
        record.weak.append(step.grade_id)
        if not _controls_fail(learner):
            record.outputs[step.index] = [error("NoControl", messages.NO_CONTROL)]
    if answer.get("late"):
        record.sentence = record.sentence or messages.CELL_LATE.format(limits=learner.limits)
    if answer.get("cut"):
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
        outputs = learner.ask({"op": "run", "source": source, "counted": False}).get("outputs")
        names = [output.get("ename") for output in clean(outputs if isinstance(outputs, list) else [])]
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
    opened = learner.ask({"op": "open", "exercise": name})
    if problem := opened.get("problem"):
        return Examination(exercise, problem=_problem(problem, exercise))
    groups = exercise.groups(seed)
    results = _outcomes(exercise, [case for _, cases in groups for case in cases], learner)
    outcomes = [[next(results, Outcome("not run")) for _ in cases] for _, cases in groups]
    hits = [_hit(hit) for hit in opened.get("hits", ())][:20]
    return Examination(exercise, groups, outcomes, hits, seed)


def _problem(problem: Any, exercise: Exercise) -> Problem:
    """The problem that the learner's process names, if it is one of those that work can have."""
    try:
        message, facts = problem
        facts = {"name": exercise.name} | {str(key): str(value)[:300] for key, value in facts.items()}
        if message in messages.PROBLEMS:
            return Problem(message, facts)
    except (TypeError, ValueError, AttributeError):
        pass
    return Problem("NOT_DEFINED", {"name": exercise.name})


def _outcomes(exercise: Exercise, cases: Sequence[Case], learner: Learner) -> Iterator[Outcome]:
    """One outcome after the other, up to the first case that ran out of time. All cases are sent at once."""
    places = {id(case): place for place, case in enumerate(exercise.public)}
    sent = [places[id(case)] if id(case) in places else _sent(case) for case in cases]
    question = {"op": "cases", "exercise": exercise.name, "cases": sent}
    for _, answer in zip(cases, learner.ask_each(question, exercise.seconds + 2), strict=False):
        outcome = _outcome(answer)
        yield outcome
        if outcome.status == "out of time":
            return


def _sent(case: Case) -> dict[str, Any]:
    """The fields of a case that its call needs, as far as they say anything."""
    fields: dict[str, Any] = {name: dict(getattr(case, name)) for name in ("kwargs", "build", "state")}
    fields |= {"args": case.args, "gradient": case.gradient, "training": case.training}
    return {name: each for name, each in fields.items() if each}


def _outcome(answer: dict[str, Any]) -> Outcome:
    if answer.get("late") or answer.get("interrupted"):
        return Outcome("out of time")
    try:
        return _read(answer["outcome"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return Outcome("raised", raised=Raised("ProtocolError", messages.GARBLED, ()))


def _read(said: dict[str, Any]) -> Outcome:
    """An outcome from what a learner's process said; every field is taken for what it may be and no more."""
    raised = said.get("raised") and Raised(
        str(said["raised"]["type"])[:100],
        str(said["raised"]["message"])[:10_000],
        tuple(
            Line(int(n), str(function)[:100], str(text)[:500]) for n, function, text in said["raised"]["lines"][-20:]
        ),
    )
    status = said["status"]
    if status not in STATUSES:
        raise ValueError(status)
    hits = tuple(_hit(hit) for hit in said.get("hits", ())[:20])
    if status == "banned" and not hits:
        hits = (Hit("?"),)
    state = said.get("state")
    if {"raised": raised, "wrong state": state}.get(status, True) is None:
        raise ValueError(status)
    return Outcome(
        status,
        said["value"],
        said.get("gradients", {}) | {},  # of a dict alone: keys from a list could be made to share one hash
        said.get("buffers", {}) | {},
        changed=tuple(each if type(each) is int else str(each)[:100] for each in said.get("changed", ())[:20]),
        steady=not said.get("unsteady"),
        raised=raised,
        state=None if state is None else (str(state[0])[:1000], str(state[1])[:1000]),
        hits=hits,
        printed=str(said.get("printed", ""))[:10_000],
    )


def _hit(said: Any) -> Hit:
    operator, line = said
    return Hit(str(operator)[:100], int(line) if line is not None else None)


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


def clean(outputs: list[Any]) -> list[Output]:
    """A learner's outputs without anything that a browser would run: of rich output, text and pictures stay."""
    kept = []
    for output in outputs:
        try:
            kept.append(_clean(output))
        except (KeyError, TypeError, AttributeError, ValueError):
            continue
    return kept


def _clean(output: Output) -> Output:
    kind = output["output_type"]
    if kind == "stream":
        name = "stderr" if output["name"] == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": str(output["text"])}
    if kind == "error":
        lines = [str(line) for line in output["traceback"]]
        return {
            "output_type": "error",
            "ename": str(output["ename"]),
            "evalue": str(output["evalue"]),
            "traceback": lines,
        }
    if kind not in ("display_data", "execute_result"):
        raise ValueError(kind)
    data = {mime: str(output["data"][mime]) for mime in SAFE_KINDS if mime in output["data"]}
    cleaned = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        cleaned["execution_count"] = int(output["execution_count"])
    return cleaned
