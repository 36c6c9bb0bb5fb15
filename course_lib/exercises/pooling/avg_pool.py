"""Average pooling, and what it divides by."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.pooling.shared import (
    FOUR,
    H_AND_W,
    STRIDE_LEFT_AT_1,
    WIDE,
    batched,
    exchanged,
    reads_windows,
    windows,
)
from course_lib.geometry import per_axis


def _avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None):
    return F.avg_pool2d(
        x,
        kernel_size,
        stride,
        padding,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
    )


def _avg_wrong(divide):
    """Average pooling that divides its sums by what ``divide`` says of (area, real count, count_include_pad, override)."""

    def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None):
        sums = windows(x, kernel_size, stride, padding).sum(-1)
        real = windows(torch.ones_like(x), kernel_size, stride, padding).sum(-1)
        area = math.prod(per_axis(kernel_size, 2, "kernel_size"))
        return sums / divide(area, real, count_include_pad, divisor_override)

    return avg_pool


def _count(area, real, include):
    return area if include else real


def _avg_changed(change):
    def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None):
        arguments = {"kernel_size": kernel_size, "stride": stride, "padding": padding} | change(
            kernel_size, stride, padding
        )
        return _avg_pool(x, count_include_pad=count_include_pad, divisor_override=divisor_override, **arguments)

    return avg_pool


def _draw_avg(draw: Draw, *, gradient: bool = False, **kwargs) -> Case:
    kernel_size = (draw.integer(1, 3), draw.integer(2, 4))
    arguments = {
        "kernel_size": kernel_size,
        "stride": draw.choice([None, 1, 2, (2, 1)]),
        "padding": tuple(draw.integer(0, k // 2) for k in kernel_size),
    }
    shape = (draw.integer(1, 2), draw.integer(1, 3), draw.integer(3, 8), draw.integer(4, 9))
    return Case((draw.distinct(*shape),), arguments | kwargs, gradient=gradient)


def _constant(value: float, *shape: int) -> Tensor:
    return torch.full((1, 1, *shape), value)


AVG_POOL = Exercise(
    name="avg_pool",
    title="Average pooling, and what it divides by",
    lesson="01_pooling",
    oracle=_avg_pool,
    banned=("pooling",),
    instead="Build it from zero padding, slices and a sum; then decide what to divide by.",
    difficulty=2,
    minutes=15,
    reads=reads_windows(2),
    facets=(
        Facet(
            "windows",
            1,
            "The mean of each window; stride=None means kernel_size.",
            (
                Case((batched(FOUR),), {"kernel_size": 2}, "one 4 × 4 picture"),
                Case((batched(WIDE),), {"kernel_size": 3, "stride": 2}, "windows that overlap"),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": (2, 3), "stride": (3, 1)},
                    "2 rows and 3 columns, a step for each axis",
                ),
                Case((batched(WIDE.double()),), {"kernel_size": 2}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 4, 4),), {"kernel_size": 2}, "a batch of no pictures at all"),
            ),
            lambda draw: [_draw_avg(draw, padding=0) for _ in range(4)],
        ),
        Facet(
            "count_include_pad",
            1,
            "Padding is zeros; with count_include_pad they count in the divisor, without it only real values do.",
            (
                Case(
                    (batched(FOUR),),
                    {"kernel_size": 3, "stride": 2, "padding": 1},
                    "padded zeros count: every window is divided by 9",
                ),
                Case(
                    (batched(FOUR),),
                    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
                    "only real values count: the corner is divided by 4",
                ),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": (2, 4), "padding": (0, 2), "count_include_pad": False},
                    "padding on the columns alone",
                ),
            ),
            lambda draw: [_draw_avg(draw, count_include_pad=draw.choice([True, False])) for _ in range(6)],
        ),
        Facet(
            "divisor_override",
            1,
            "A divisor_override takes the place of every other divisor.",
            (
                Case((batched(FOUR),), {"kernel_size": 2, "divisor_override": 1}, "the sum of each window"),
                Case(
                    (batched(FOUR),),
                    {
                        "kernel_size": 3,
                        "stride": 2,
                        "padding": 1,
                        "count_include_pad": False,
                        "divisor_override": 5,
                    },
                    "it wins over count_include_pad too",
                ),
            ),
            lambda draw: [
                _draw_avg(
                    draw,
                    count_include_pad=draw.choice([True, False]),
                    divisor_override=draw.integer(1, 7),
                    kernel_size=3,
                    stride=2,
                    padding=1,
                )
                for _ in range(4)
            ],
        ),
        Facet(
            "gradient",
            0.5,
            "The gradient spreads evenly over each window.",
            (
                Case((batched(FOUR),), {"kernel_size": 2}, "each value gets a quarter", gradient=True),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
                    "near the edge each share is larger",
                    gradient=True,
                ),
            ),
            lambda draw: [
                _draw_avg(
                    draw, gradient=True, count_include_pad=False, kernel_size=3, stride=draw.integer(1, 3), padding=1
                )
                for _ in range(4)
            ],
        ),
        Facet(
            "constant",
            0.5,
            "The average of a constant is that constant, if only real values count.",
            (
                Case(
                    (_constant(7.0, 5, 6),),
                    {"kernel_size": 3, "stride": 1, "padding": 1, "count_include_pad": False},
                    "all sevens",
                ),
                Case(
                    (_constant(7.0, 4, 4),),
                    {"kernel_size": 2, "padding": 1, "count_include_pad": False},
                    "all sevens",
                ),
            ),
            law=Law(
                "Where every input is 7 and only real values count, every average must be 7, at the edge as well.",
                lambda outputs, _: all(bool(torch.allclose(out, torch.full_like(out, 7.0))) for out in outputs),
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "padding never counted",
            _avg_wrong(lambda area, real, include, override: real if override is None else override),
            "You divide by the number of real values even where count_include_pad=True. Then the padded zeros count too, and every window is divided by the same number.",
        ),
        Misconception(
            "padding always counted",
            _avg_wrong(lambda area, real, include, override: area if override is None else override),
            "You divide by the size of the window even where count_include_pad=False. Then only the real values under the window count: 4 in a corner, 6 at an edge, for a 3 × 3 window.",
        ),
        Misconception(
            "divisor_override ignored",
            _avg_wrong(lambda area, real, include, override: _count(area, real, include)),
            "With divisor_override=n the sum of a window is divided by n, and by nothing else.",
        ),
        Misconception(
            "divided twice",
            _avg_wrong(lambda area, real, include, override: _count(area, real, include) * (override or 1)),
            "You divide the mean by divisor_override. It takes the place of the other divisor, so divide the sum by it.",
        ),
        Misconception(
            "a sum instead of a mean",
            _avg_wrong(lambda area, real, include, override: override or 1),
            "These are the sums of the windows. Divide each by the number of values that count.",
        ),
        Misconception(
            "stride left at 1",
            _avg_changed(lambda k, s, p: {"stride": 1 if s is None else s}),
            STRIDE_LEFT_AT_1,
        ),
        Misconception(
            "H and W exchanged",
            _avg_changed(
                lambda k, s, p: {"kernel_size": exchanged(k), "stride": exchanged(s), "padding": exchanged(p)}
            ),
            H_AND_W,
        ),
        Misconception(
            "a maximum that calls itself an average",
            lambda x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None: windows(
                x, kernel_size, stride, padding, filler=-math.inf
            ).amax(-1),
            "These are the maxima of the windows, not their means.",
        ),
        Misconception(
            "rounded to whole numbers",
            lambda x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None: _avg_pool(
                x, kernel_size, stride, padding, count_include_pad, divisor_override
            ).floor(),
            "Your means have lost what stands behind the decimal point. Divide with / instead of //.",
        ),
    ),
    hints=(
        "Pad with zeros and add up the values of each window; a zero changes no sum. All the difficulty is in the divisor, so keep the two apart.",
        "There are three divisors: divisor_override where it is given; else kernel height × kernel width if padding counts; else, for each output on its own, the number of real values under the window.",
        "To count the real values, pool a picture of ones: pad torch.ones_like(x) with zeros in the same way and add up its windows. Where the input was real you added 1, where it was padding 0.",
    ),
)
