"""How often a classifier keeps its answer when the picture moves."""

from __future__ import annotations

from itertools import combinations, product

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.analysis.shift_consistency import consistency
from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _shift_consistency(logits):
    return consistency(logits)


def _share(agree) -> float:
    return torch.stack(list(agree)).double().mean().item()


def _wrong(agreeing):
    """The share of True in what ``agreeing`` makes of the predictions (S, N)."""

    def shift_consistency(logits):
        return _share(agreeing(logits.argmax(-1)))

    return shift_consistency


def _logits(predicted: list[list[int]], classes: int) -> Tensor:
    """Logits (S, N, classes) whose largest value stands at the predicted class, with others of many sizes beside it."""
    winner = F.one_hot(torch.tensor(predicted), classes) * 10.0
    return winner + torch.arange(winner.numel()).reshape(winner.shape) * 7 % 10


def _draw(draw: Draw, shifts: int, dtype: torch.dtype = torch.float32) -> Case:
    pictures, classes = draw.integer(1, 6), draw.integer(2, 4)
    at_home = [draw.integer(0, classes - 1) for _ in range(pictures)]
    predicted = [
        [home if draw.integer(0, 2) else draw.integer(0, classes - 1) for home in at_home] for _ in range(shifts)
    ]
    return Case((_logits(predicted, classes).to(dtype),))


SHIFT_CONSISTENCY = Exercise(
    name="shift_consistency",
    title="Shift consistency: how often the answer stays when the picture moves",
    lesson="02_backward_and_shift",
    oracle=_shift_consistency,
    banned=("consistency",),
    instead="Turn the logits into classes and compare these, pair by pair.",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "two shifts",
            1,
            "With two shifts: the share of pictures whose predicted class is the same in both.",
            (
                Case((_logits([[0, 1, 2, 1], [0, 1, 2, 0]], 3),), note="the last of four pictures changes its class"),
                Case((_logits([[1], [1]], 2),), note="one picture that keeps its class"),
                Case((_logits([[0, 2], [1, 0]], 3),), note="nobody keeps the class"),
                Case((_logits([[3, 0, 1], [3, 0, 2]], 4).double(),), note="logits in float64"),
            ),
            lambda draw: [_draw(draw, 2) for _ in range(5)],
        ),
        Facet(
            "all pairs",
            1,
            "With more shifts: the same share over all pairs of different shifts.",
            (
                Case((_logits([[0], [0], [1]], 2),), note="classes 0, 0, 1: one pair of three agrees"),
                Case((_logits([[0], [1], [0], [1]], 2),), note="classes 0, 1, 0, 1: two pairs of six agree"),
                Case((_logits([[2, 1], [0, 1], [0, 1]], 3),), note="a picture that moves away and one that stays"),
                Case((_logits([[0, 1, 1]] * 5, 2),), note="nothing changes in five shifts"),
            ),
            lambda draw: [_draw(draw, draw.integer(3, 6)) for _ in range(6)],
        ),
    ),
    misconceptions=(
        Misconception(
            "only against the first shift",
            _wrong(lambda p: [other == p[0] for other in p[1:]]),
            "You compare every shift with the first one. The first has no special right: compare every shift with every other, S · (S − 1) / 2 pairs in all.",
        ),
        Misconception(
            "only neighbouring shifts",
            _wrong(lambda p: [one == other for one, other in zip(p[:-1], p[1:], strict=True)]),
            "You compare each shift with the next one. Compare every shift with every other, S · (S − 1) / 2 pairs in all.",
        ),
        Misconception(
            "each shift paired with itself too",
            _wrong(lambda p: [one == other for one, other in product(p, repeat=2)]),
            "You count pairs of a shift with itself. They always agree and make the result look better. Count pairs of two different shifts.",
        ),
        Misconception(
            "all shifts must agree",
            _wrong(lambda p: [(p == p[0]).all(0)]),
            "You count a picture only if all shifts agree on it. Count pairs: a picture with the classes 0, 0, 1 has one agreeing pair of three.",
        ),
        Misconception(
            "the share that changes",
            _wrong(lambda p: [one != other for one, other in combinations(p, 2)]),
            "This is the share of pairs that disagree. Consistency is the share that agrees, 1 minus yours.",
        ),
        Misconception(
            "the largest of the wrong axis",
            lambda logits: _share(one == other for one, other in combinations(logits.argmax(1), 2)),
            "logits has the axes shifts, pictures, classes. The predicted class is the position of the largest value along the last axis.",
        ),
        Misconception(
            "the number of pairs instead of their share",
            lambda logits: float(sum((one == other).sum() for one, other in combinations(logits.argmax(-1), 2))),
            "You count the agreeing pairs. Divide by the number of all pairs, over all pictures.",
        ),
    ),
    hints=(
        "First turn logits into classes: logits.argmax(-1) has the shape (S, N). From then on only equal or not equal matters.",
        "itertools.combinations(classes, 2) gives every pair of two different rows once. For each pair (one == other).float().mean() is the share of pictures that agree.",
        "The mean of these shares over all pairs is the result. .item() makes a plain number of a tensor.",
    ),
)
