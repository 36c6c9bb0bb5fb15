"""Three small exercises, one of each kind, that the tests of the engine share."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception

THREE = torch.tensor([1.0, -2.0, 3.0])


def _scaled(x, times=2):
    return x * times


def _draw_scaled(draw: Draw) -> list[Case]:
    return [Case((draw.distinct(draw.integer(2, 4)),), {"times": draw.integer(3, 5)}) for _ in range(3)]


SCALED = Exercise(
    name="scaled",
    title="A multiple",
    lesson="tests",
    oracle=_scaled,
    difficulty=1,
    minutes=1,
    hints=("Multiply.", "Multiply x by times.", "return x * times"),
    facets=(
        Facet("values", 2, "Each value is taken times.", (Case((THREE,), note="twice"),)),
        Facet("factor", 1, "Any factor is taken.", (Case((THREE,), {"times": 3}, "three times"),), _draw_scaled),
        Facet("gradient", 1, "Gradients flow.", (Case((THREE,), note="the gradient", gradient=True),)),
        Facet(
            "sum",
            1,
            "Doubling doubles the sum.",
            (Case((THREE,)), Case((2 * THREE,))),
            law=Law("The second sum must be twice the first.", lambda two, _: bool(two[1].sum() == 2 * two[0].sum())),
        ),
    ),
    misconceptions=(
        Misconception("always twice", lambda x, times=2: 2 * x, "You double, whatever times is."),
        Misconception("a power", lambda x, times=2: x**times, "These are powers of x. Multiply instead."),
    ),
)


class _ScaleAndShift(nn.Module):
    """y = weight · x + bias, and counts its calls in training."""

    def __init__(self, size, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        if self.training:
            self.calls += 1
        y = self.weight * x
        return y if self.bias is None else y + self.bias


class _Backwards(_ScaleAndShift):
    def forward(self, x):
        if self.training:
            self.calls += 1
        return self.weight * (x + self.bias)


_STATE = {"weight": torch.tensor([2.0, 3.0]), "bias": torch.tensor([1.0, 0.0]), "calls": torch.tensor(4)}
_PAIR = torch.tensor([[1.0, 1.0], [0.0, 5.0]])

SCALE_AND_SHIFT = Exercise(
    name="ScaleAndShift",
    title="A module",
    lesson="tests",
    kind="module",
    oracle=_ScaleAndShift,
    difficulty=1,
    minutes=1,
    hints=(),
    facets=(
        Facet("values", 1, "y = weight · x + bias.", (Case((_PAIR,), build={"size": 2}, state=_STATE, gradient=True),)),
        Facet("training", 1, "Calls count.", (Case((_PAIR,), build={"size": 2}, state=_STATE, training=True),)),
    ),
    misconceptions=(Misconception("shifted first", _Backwards, "You add the bias before you multiply."),),
)


def _facts():
    return {"legs": 8, "eyes": [1.0, 2.0], "insect": False}


FACTS = Exercise(
    name="facts",
    title="An answer",
    lesson="tests",
    kind="answer",
    oracle=_facts,
    difficulty=1,
    minutes=1,
    hints=("Look at a spider.",),
    facets=(
        Facet("legs", 1, "How many legs?", (Case(),), part="legs"),
        Facet("eyes", 0.5, "How many eyes?", (Case(),), part="eyes"),
        Facet("insect", 0.5, "Is it an insect?", (Case(),), part="insect"),
    ),
    misconceptions=(
        Misconception("an insect", lambda: {"legs": 6, "eyes": [2.0, 2.0], "insect": True}, "Spiders are no insects."),
    ),
)


@pytest.fixture
def scaled() -> Exercise:
    """A function exercise: ``scaled(x, times=2)``; facets values (2), factor, gradient and sum (1 each)."""
    return SCALED


@pytest.fixture
def scale_and_shift() -> Exercise:
    """A module exercise: ``ScaleAndShift(size)`` with weight, bias and the buffer calls."""
    return SCALE_AND_SHIFT


@pytest.fixture
def facts() -> Exercise:
    """An answer exercise with the entries legs, eyes and insect."""
    return FACTS
