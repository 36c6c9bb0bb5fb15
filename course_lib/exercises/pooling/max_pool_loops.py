"""Max pooling on one channel with loops over the output."""

from __future__ import annotations

import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import COLD, FOUR, K_AND_S, WIDE, reads_windows, windows


def _max_pool_loops(x, kernel_size, stride):
    return F.max_pool2d(x[None, None], kernel_size, stride)[0, 0]


def _loops_wrong(reduce):
    def max_pool_loops(x, kernel_size, stride):
        return reduce(windows(x, kernel_size, stride, axes=2))

    return max_pool_loops


def _draw_loops(draw: Draw, negative: bool = False, touching: bool = False) -> Case:
    k = draw.integer(1, 3)
    shape = (draw.integer(k, 7), draw.integer(k, 8))
    if touching:
        shape = (k * draw.integer(1, 3), k * draw.integer(1, 3))
    x = draw.negative(*shape) if negative else draw.distinct(*shape) + shape[0] * shape[1]
    return Case((x,), {"kernel_size": k, "stride": k if touching else draw.integer(1, 4)})


MAX_POOL_LOOPS = Exercise(
    name="max_pool_loops",
    title="Max pooling with loops",
    lesson="01_pooling",
    oracle=_max_pool_loops,
    banned=("pooling",),
    instead="Build it from two loops over the output, a slice of x, and the largest value in that slice.",
    difficulty=1,
    minutes=10,
    reads=reads_windows(2),
    facets=(
        Facet(
            "windows",
            1,
            "Each output value is the largest value of its window.",
            (
                Case((FOUR,), {"kernel_size": 2, "stride": 2}, "a 4 × 4 input in four windows"),
                Case((FOUR,), {"kernel_size": 4, "stride": 4}, "one window over everything"),
                Case((FOUR,), {"kernel_size": 1, "stride": 1}, "windows of a single value"),
            ),
            lambda draw: [_draw_loops(draw, touching=True) for _ in range(4)],
        ),
        Facet(
            "steps",
            1,
            "The window moves by stride, and only windows that fit whole count.",
            (
                Case((WIDE,), {"kernel_size": 3, "stride": 2}, "windows that overlap, on 5 rows and 7 columns"),
                Case((WIDE,), {"kernel_size": 2, "stride": 3}, "windows with gaps between them"),
                Case(
                    (WIDE,),
                    {"kernel_size": 2, "stride": 2},
                    "an odd size, so the last row and column are left over",
                ),
            ),
            lambda draw: [_draw_loops(draw) for _ in range(6)],
        ),
        Facet(
            "any values",
            1,
            "Negative values and other dtypes are pooled as well, and the dtype stays.",
            (
                Case((COLD,), {"kernel_size": 2, "stride": 1}, "every value is negative"),
                Case((WIDE.double() / 3,), {"kernel_size": 2, "stride": 2}, "float64"),
                Case((WIDE.long() - 40,), {"kernel_size": 3, "stride": 2}, "whole numbers, int64"),
            ),
            lambda draw: [_draw_loops(draw, negative=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception(
            "the search starts at 0",
            _loops_wrong(lambda w: w.amax(-1).clamp(min=0)),
            "Your maximum never falls below 0, as if the search began with best = 0. Begin with −∞ or with the first value of the window.",
        ),
        Misconception(
            "stride ignored",
            lambda x, kernel_size, stride: _max_pool_loops(x, kernel_size, kernel_size),
            "Your windows stand kernel_size apart. Window i begins at row i · stride, whatever kernel_size is.",
        ),
        Misconception(
            "stride 1",
            lambda x, kernel_size, stride: _max_pool_loops(x, kernel_size, 1),
            "Your window moves by one position. Window i begins at row i · stride.",
        ),
        Misconception(
            "kernel_size and stride exchanged",
            lambda x, kernel_size, stride: _max_pool_loops(x, stride, kernel_size) if stride <= min(x.shape) else x,
            K_AND_S,
        ),
        Misconception(
            "H and W exchanged",
            lambda x, kernel_size, stride: _max_pool_loops(x, kernel_size, stride).T.contiguous(),
            "Your output lies on its side: rows and columns have changed places. Index it as out[row, column], with a row for each step down.",
        ),
        Misconception(
            "windows that hang over the edge",
            lambda x, kernel_size, stride: F.max_pool2d(x[None, None], kernel_size, stride, ceil_mode=True)[0, 0],
            "You also count windows that do not fit whole. That is what ceil_mode=True would do; here they are left out.",
        ),
        Misconception(
            "an average instead of a maximum",
            _loops_wrong(lambda w: w.double().mean(-1).to(w.dtype)),
            "These are the means of the windows. Max pooling keeps the largest value.",
        ),
        Misconception(
            "a minimum instead of a maximum",
            _loops_wrong(lambda w: w.amin(-1)),
            "These are the smallest values of the windows. Max pooling keeps the largest.",
        ),
    ),
    hints=(
        "First find how many rows and columns the output has: the law of lesson 00, once for H and once for W. Then two nested loops visit each output position.",
        "Output (i, j) reads the rows i * stride … i * stride + kernel_size − 1, and the columns likewise with j. A slice of x gives you that window at once.",
        "out = x.new_empty(rows, columns) makes an output of the right dtype. Inside the loops: out[i, j] = x[i * stride : i * stride + kernel_size, …].max(), with the columns in the place of the dots.",
    ),
)
