"""A pyramid that was written as a sequence, to be repaired."""

from __future__ import annotations

import torch
from torch import nn

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.adaptive_pooling.spatial_pyramid_pool import (
    BY_CHANNEL,
    CHAIN_KEPT,
    NOT_FLATTENED,
    REVERSED,
    by_channel,
    chain_of,
    joined,
    levels_of,
)
from course_lib.exercises.pooling.shared import FOUR, WIDE, batched


class _Repaired(nn.Module):
    def __init__(self, levels=(4, 2, 1)):
        super().__init__()
        self.levels = levels

    def forward(self, x):
        return joined(levels_of(x, self.levels))


def _wrong(forward) -> type[nn.Module]:
    """A module whose output is ``forward(x, levels)``."""
    return type("RepairedPyramid", (_Repaired,), {"forward": lambda self, x: forward(x, self.levels)})


def _copied(x, levels):
    return torch.cat([chain_of(x, levels)[-1].amax((2, 3))] * sum(level**2 for level in levels), dim=1)


def _draw(draw: Draw, levels=None, channels: int = 1, gradient: bool = False) -> Case:
    x = draw.distinct(draw.integer(1, 2), channels, draw.integer(5, 11), draw.integer(5, 11))
    return Case((x,), build={"levels": levels} if levels else {}, gradient=gradient)


REPAIRED_PYRAMID = Exercise(
    name="RepairedPyramid",
    title="Repair a broken pyramid",
    lesson="04_adaptive_pooling",
    kind="module",
    oracle=_Repaired,
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "features",
            1,
            "Each level pools x itself, and all of them are joined: (N, C, H, W) becomes (N, 21 · C), whatever H and W.",
            (
                Case((batched(FOUR),), note="4 × 4 numbers: the first 16 features are the numbers themselves"),
                Case((torch.stack([WIDE, -WIDE])[None],), note="two channels of 5 × 7: 42 features"),
                Case((batched(WIDE[:2, :3]),), note="smaller than the finest level"),
            ),
            lambda draw: [_draw(draw, channels=2) for _ in range(5)],
        ),
        Facet(
            "levels",
            0.5,
            "The levels that the constructor was given, in their order.",
            (
                Case((batched(WIDE),), note="9 and 4 features", build={"levels": (3, 2)}),
                Case((batched(WIDE),), note="1 feature and 9", build={"levels": (1, 3)}),
            ),
            lambda draw: [_draw(draw, draw.choice([(3, 2), (5, 3, 1), (1, 2), (6, 4)])) for _ in range(4)],
        ),
        Facet(
            "gradient",
            0.5,
            "A gradient reaches the winner of every bin, not the global maximum alone.",
            (Case((batched(WIDE),), note="one channel of 5 × 7", gradient=True),),
            lambda draw: [_draw(draw, gradient=True) for _ in range(3)],
        ),
    ),
    misconceptions=(
        Misconception(
            "still a sequence",
            _wrong(lambda x, levels: chain_of(x, levels)[-1]),
            "The pools still run one after the other, so each sees only what the one before has left, and 1 × 1 is all that comes out. Call each of them on x itself, and keep what each gives.",
        ),
        Misconception(
            "a sequence, flattened",
            _wrong(lambda x, levels: chain_of(x, levels)[-1].flatten(1)),
            "The shape has two axes now, but there is still one number a channel: the global maximum. The other 20 are lost inside the sequence. Call each pool on x itself.",
        ),
        Misconception(
            "one maximum, copied",
            _wrong(_copied),
            "The number of features is right, but they are 21 copies of the same one. Whoever looks at the shape alone would not notice. Call each pool on x itself.",
        ),
        Misconception(
            "a chain, of which everything is kept",
            _wrong(lambda x, levels: joined(chain_of(x, levels))),
            CHAIN_KEPT,
        ),
        Misconception(
            "the coarsest level first",
            _wrong(lambda x, levels: joined(levels_of(x, sorted(levels)))),
            REVERSED,
        ),
        Misconception(
            "joined channel by channel",
            _wrong(lambda x, levels: by_channel(levels_of(x, levels)).flatten(1)),
            BY_CHANNEL,
        ),
        Misconception(
            "not flattened",
            _wrong(lambda x, levels: by_channel(levels_of(x, levels))),
            NOT_FLATTENED,
        ),
    ),
    hints=(
        "nn.Sequential hands the output of one pool to the next. Which tensor should each pool of a pyramid get?",
        "You can go through the pools of a Sequential one by one: for pool in self.pools. Call each on x, and collect what they give.",
        "In forward: flatten each pool(x) from axis 1 on, and torch.cat the list along axis 1. Nothing in the constructor has to change.",
    ),
)
