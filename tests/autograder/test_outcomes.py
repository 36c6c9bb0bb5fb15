"""What a learner's process says of a case arrives at the examiner as the visible check saw it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy
import pytest
import torch
from torch import nn

from autograder import attempt, wire
from autograder.examiner import _examine, _read
from autograder.script import Check, Script, Step
from course_lib import exercises
from course_lib.checking.driver import outcomes_of, run
from course_lib.checking.examine import examine
from course_lib.checking.exercise import Case, Exercise
from course_lib.checking.judge import judge
from course_lib.checking.report import report
from course_lib.exercises.cnn_block import batch_norm, conv_block

ROOT = Path(__file__).parents[2]


class Learner:
    """A learner's process at the other end of a socket, as the examiner asks it."""

    def __init__(self, **names) -> None:
        ours, theirs = socket.socketpair()
        self.ours = wire.Connection(ours)
        cells = SimpleNamespace(get=names.__getitem__)
        threading.Thread(target=attempt.serve, args=(theirs, cells), daemon=True).start()
        assert self.ours.receive(100) == {"id": 0}  # it is there

    def ask(self, question: dict) -> dict:
        return next(self.ask_each(question))

    def ask_each(self, question: dict, seconds: float = 0) -> Iterator[dict]:
        self.ours.send({"id": 1, **question})
        while True:
            yield self.ours.receive(attempt.MESSAGE_LIMIT)


def over_the_wire(exercise: Exercise, work) -> list[list]:
    learner = Learner(**{exercise.name: work})
    examined = _examine(exercise.name, "a", learner)
    learner.ours.close()
    return list(examined.outcomes)


class Misnamed(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size=3, pool=2, inplace=False):
        super().__init__()
        self.convolution = nn.Conv2d(in_channels, out_channels, kernel_size)


class Frozen(conv_block._ConvBlock):
    """The filters get no gradient, and nothing else is wrong."""

    def forward(self, x):
        self.conv.weight.requires_grad_(False)
        return super().forward(x)


def unmoved(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    kept = [value if value is None else value.clone() for value in (running_mean, running_var)]
    return batch_norm._batch_norm(x, *kept, weight, bias, training, momentum, eps)


@pytest.mark.parametrize(
    ("name", "work", "points"),
    [
        ("ConvBlock", conv_block._ConvBlock, 3),
        ("ConvBlock", Frozen, 2),
        ("ConvBlock", Misnamed, 0),
        ("batch_norm", batch_norm._batch_norm, 4),
        ("batch_norm", unmoved, 3),
    ],
)
def test_the_examiner_sees_what_the_check_sees(monkeypatch, name: str, work, points: float) -> None:
    """Gradients of parameters, buffers, updated arguments, other states and errors that are asked for."""
    monkeypatch.setattr("autograder.attempt.outcomes_of", lambda exercise, *given: outcomes_of(free, *given))
    free = Exercise(**{**vars(exercises.find(name)), "banned": (), "misconceptions": ()})
    groups, here = free.groups("a"), over_the_wire(free, work)
    there = [[run(free, work, case) for case in cases] for _, cases in groups]
    verdicts = [judge(free, groups, outcomes) for outcomes in (here, there)]
    assert [verdict.points for verdict in verdicts] == [points, points]
    assert [f.finding and f.finding.reason for f in verdicts[0].facets] == [
        f.finding and f.finding.reason for f in verdicts[1].facets
    ]
    for one, other in zip(sum(here, []), sum(there, []), strict=True):
        assert one.status == other.status
        assert one.state == other.state
        assert one.gradients.keys() == other.gradients.keys()
        assert one.buffers.keys() == other.buffers.keys()


async def coroutine(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return 1


def array(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return numpy.array([size])


@pytest.mark.parametrize("work", [coroutine, array])
def test_the_diagnosis_is_that_of_the_visible_check(work) -> None:
    exercise = exercises.find("output_size")
    learner = Learner(output_size=work)
    examined = _examine("output_size", None, learner)
    # Here the learner's process is a thread of this one: what it withholds is withheld from the judge too, until it
    # answers the next question.
    learner.ask({"op": "examine", "exercise": "output_size", "cases": []})
    seen = examined.verdict(False)
    assert str(report(seen)) == str(report(examine(exercise, work)))


SAID = {"status": "returned", "value": 3, "gradients": {}, "buffers": {}, "changed": (), "steady": True, "raised": None}
SAID |= {"hits": [], "printed": "", "state": None}


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "wrong state"},
        {"status": "raised"},
        {"status": "not run"},
        {"gradients": 3},
        {"buffers": "none"},
    ],
    ids=str,
)
def test_an_outcome_that_can_not_be_is_no_outcome(lie) -> None:
    assert _read(SAID).value == 3
    with pytest.raises((ValueError, TypeError)):
        _read(SAID | lie)


def test_gradients_and_buffers_of_any_kind_are_wrong_ones_and_break_nothing() -> None:
    exercise = exercises.find("ConvBlock")
    facet = exercise.facets[2]
    case: Case = facet.public[0]
    right = run(exercise, exercise.oracle, case, trusted=True)
    said = SAID | {"value": right.value, "buffers": right.buffers}
    for gradients in ({}, {0: "a word"}, dict.fromkeys(right.gradients, torch.zeros(1))):
        verdict = judge(exercise, [(facet, [case])], [[_read(said | {"gradients": gradients})]])
        assert verdict.facets[2].points == 0
    said = SAID | {"value": right.value, "gradients": right.gradients}
    for buffers in ({}, {"bn.running_mean": 3}, dict.fromkeys(right.buffers, "a word"), dict.fromkeys(right.buffers)):
        verdict = judge(exercise, [(facet, [case])], [[_read(said | {"buffers": buffers})]])
        assert verdict.facets[2].points == 0


def test_a_kernel_and_the_examiner_draw_the_same_hidden_cases() -> None:
    """The kernel that built a lesson read the text from the function or class, the examiner reads it from the cell."""
    seen = {}
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        sources = {cell.metadata.nbgrader.grade_id: cell.source for cell in cells if "nbgrader" in cell.metadata}
        for name in {name for name in exercises.names() if name in sources}:
            [check] = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"check_{name}"]
            [seed] = [o.metadata["course_lib"]["seed"] for o in check.outputs if "course_lib" in o.get("metadata", {})]
            if not any(facet.hidden for facet in exercises.find(name).facets):
                assert seed is None  # of an answer, no cases are drawn
                continue
            script = Script((Step(0, "check", checks=(Check(name, hidden=True),)),), sources)
            seen[name] = seed, script.seeds("")[name]
    assert {"max_pool", "RepairedPyramid", "ConvBlock", "UNet"} <= set(seen)
    assert {name: pair for name, pair in seen.items() if pair[0] != pair[1]} == {}
