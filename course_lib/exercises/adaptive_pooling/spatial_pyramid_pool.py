"""Spatial pyramid pooling (K. He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", 2014)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.adaptive_pooling.adaptive_pool import equal_windows, pooled
from course_lib.exercises.pooling.shared import FOUR, WIDE, batched, strided

REVERSED = "Your features begin with the coarsest level. They should stand in the order of levels: for (4, 2, 1) first 16 · C features, then 4 · C, then C."
BY_CHANNEL = "All 21 features of a channel stand side by side in yours. Each level is flattened on its own, (N, C, 4, 4) to (N, 16 · C), and then the levels are joined."
NOT_FLATTENED = (
    "The values are all there, but a linear layer takes one axis of features: flatten each level from axis 1 on."
)
CHAIN_KEPT = "You pool the result of one level to get the next. Where each level divides the one before, as 4, 2, 1 do, that is even the same; from 3 to 2 it is not, because a bin of the second level cuts one of the first in two. Pool x itself on every level."


def levels_of(x, levels, mode="max"):
    """x pooled to each level, in parallel."""
    pool = F.adaptive_max_pool2d if mode == "max" else F.adaptive_avg_pool2d
    return [pool(x, level) for level in levels]


def chain_of(x, levels):
    """x pooled to the first level, the result of that to the second, and so on: what every level gave."""
    given = []
    for level in levels:
        x = F.adaptive_max_pool2d(x, level)
        given.append(x)
    return given


def joined(maps):
    return torch.cat([one.flatten(1) for one in maps], dim=1)


def by_channel(maps):
    """The features of each channel beside each other, (N, C, features)."""
    return torch.cat([one.flatten(2) for one in maps], dim=2)


def _spatial_pyramid_pool(x, levels=(4, 2, 1)):
    return joined(levels_of(x, levels))


def _equal_windows(x, levels=(4, 2, 1)):
    return joined([pooled(x, (level, level), "max", equal_windows) for level in levels])


def _two(x):
    """Two channels that differ everywhere."""
    return torch.stack([x, -x])[None]


def _draw(draw: Draw, sides, levels=(4, 2, 1), channels: int = 1, dtype=torch.float32, gradient: bool = False) -> Case:
    """One facet's hidden case: with one channel, and with sides that the levels divide, unless the facet is about that."""
    x = draw.distinct(draw.integer(1, 2), channels, draw.choice(sides), draw.choice(sides), dtype=dtype)
    return Case((x,), {} if levels == (4, 2, 1) else {"levels": levels}, gradient=gradient)


SIX = torch.arange(36.0).reshape(6, 6) * 11 % 37
EIGHT = torch.arange(32.0).reshape(4, 8) * 7 % 33

SPATIAL_PYRAMID_POOL = Exercise(
    name="spatial_pyramid_pool",
    title="Spatial pyramid pooling",
    lesson="04_adaptive_pooling",
    oracle=_spatial_pyramid_pool,
    banned=("pooling",),
    instead="Build it from your adaptive_pool, once for each level.",
    difficulty=2,
    minutes=10,
    facets=(
        Facet(
            "features",
            1,
            "Max pooling to 4 × 4, 2 × 2 and 1 × 1, each flattened, one behind the other: 21 features a channel.",
            (
                Case((batched(FOUR),), {}, "4 × 4 numbers: the first 16 features are the numbers themselves"),
                Case((_two(FOUR),), {}, "two channels: 32, 8 and 2 features"),
                Case((torch.arange(128.0).reshape(2, 1, 8, 8) * 29 % 128,), {}, "two pictures of 8 × 8"),
            ),
            lambda draw: [_draw(draw, (4, 8), channels=2) for _ in range(4)],
        ),
        Facet(
            "any size",
            1,
            "Just as many features from a picture of any size, a single pixel included.",
            (
                Case((batched(WIDE),), {}, "5 rows and 7 columns"),
                Case((batched(WIDE[:3, :2]),), {}, "smaller than the finest level"),
                Case((batched(WIDE[:1]),), {}, "a single row"),
                Case((batched(WIDE[:1, 1:2]),), {}, "a single pixel"),
            ),
            lambda draw: [_draw(draw, (1, 2, 3, 5, 7, 9, 11)) for _ in range(5)],
        ),
        Facet(
            "levels",
            1,
            "Any levels, in the order in which they are given, each of them pooled from x itself.",
            (
                Case((batched(SIX),), {"levels": (3, 2)}, "9 and 4 features"),
                Case((batched(SIX),), {"levels": (1, 3)}, "1 feature and 9"),
                Case((batched(SIX),), {"levels": (6, 2)}, "36 and 4"),
            ),
            lambda draw: [_draw(draw, (6, 12), draw.choice([(3, 2), (6, 3, 1), (1, 2), (3,)])) for _ in range(5)],
        ),
        Facet(
            "any input",
            1,
            "Any batch, float dtype and memory layout is taken, and the gradient flows through every level.",
            (
                Case((batched(EIGHT),), {}, "the largest value gets a gradient from all three levels", gradient=True),
                Case((batched(EIGHT.double() / 3),), {}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 4, 4),), {}, "a batch of no pictures at all"),
                Case((strided(batched(EIGHT)),), {}, "memory that is not contiguous"),
            ),
            lambda draw: [
                _draw(draw, (4, 8), dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "a chain, of which only the end is kept",
            lambda x, levels=(4, 2, 1): chain_of(x, levels)[-1].flatten(1),
            "You pool to the first level, pool the result to the second, and so on, and return what comes out at the end: one number a channel, the global maximum. Pool x itself on each level and keep them all.",
        ),
        Misconception(
            "a chain, of which everything is kept",
            lambda x, levels=(4, 2, 1): joined(chain_of(x, levels)),
            CHAIN_KEPT,
        ),
        Misconception(
            "the coarsest level first",
            lambda x, levels=(4, 2, 1): joined(levels_of(x, sorted(levels))),
            REVERSED,
        ),
        Misconception(
            "joined channel by channel",
            lambda x, levels=(4, 2, 1): by_channel(levels_of(x, levels)).flatten(1),
            BY_CHANNEL,
        ),
        Misconception(
            "not flattened",
            lambda x, levels=(4, 2, 1): by_channel(levels_of(x, levels)),
            NOT_FLATTENED,
        ),
        Misconception(
            "channels last",
            lambda x, levels=(4, 2, 1): joined([one.movedim(1, -1) for one in levels_of(x, levels)]),
            "Within a level your features go position by position, all channels of the first position first. Flatten (N, C, H, W) as it lies: channel by channel.",
        ),
        Misconception(
            "the batch flattened too",
            lambda x, levels=(4, 2, 1): torch.cat([one.flatten() for one in levels_of(x, levels)]),
            "You have flattened the batch as well, so that all pictures lie in one row. flatten(1) leaves the first axis alone.",
        ),
        Misconception(
            "an average pyramid",
            lambda x, levels=(4, 2, 1): joined(levels_of(x, levels, "avg")),
            "These are the means of the bins. This pyramid takes the largest value of each.",
        ),
        Misconception(
            "windows of one size",
            _equal_windows,
            "Your windows have size // level positions, and what is left over at the end is never read. Use your adaptive_pool, whose bins cover everything.",
        ),
        Misconception(
            "levels ignored",
            lambda x, levels=(4, 2, 1): _spatial_pyramid_pool(x),
            "You pool to 4 × 4, 2 × 2 and 1 × 1 whatever levels says.",
        ),
    ),
    hints=(
        "Each level is one call of your adaptive_pool on x itself. None of them needs the result of another.",
        "A level gives (N, C, n, n). flatten(1) makes (N, C · n · n) of it and leaves the batch alone. Which function of torch puts such tensors one behind the other, and along which axis?",
        'features = [adaptive_pool(x, level, "max").flatten(1) for level in levels], and then torch.cat(features, dim=1).',
    ),
)
