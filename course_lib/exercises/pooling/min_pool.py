"""Min pooling, for floats and for whole numbers."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
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


def _min_pool(x, kernel_size, stride=None, padding=0):
    """torch has no min pooling; −max(−x) is exact where −x is: in float, and for integers that float64 holds."""
    if x.is_floating_point():
        return -F.max_pool2d(-x, kernel_size, stride, padding)
    return (-F.max_pool2d(-x.double(), kernel_size, stride, padding)).to(x.dtype)


def _min_wrong(change):
    def min_pool(x, kernel_size, stride=None, padding=0):
        arguments = {"kernel_size": kernel_size, "stride": stride, "padding": padding} | change(
            kernel_size, stride, padding
        )
        return _min_pool(x, **arguments)

    return min_pool


def _float_padding(x, kernel_size, stride=None, padding=0):
    largest = math.inf if x.is_floating_point() else torch.iinfo(x.dtype).max
    return windows(x, kernel_size, stride, padding, filler=largest).amin(-1)


def _draw_min(draw: Draw, kind: str) -> Case:
    kernel_size = draw.integer(2, 3)
    padding = draw.integer(0, 1) if kind != "plain" else 0
    shape = (1, draw.integer(1, 2), draw.integer(3, 7), draw.integer(3, 7))
    count = math.prod(shape)
    if kind == "bytes":
        x = draw.bytes(*shape)
    elif kind == "integers":
        x = draw.distinct(*shape, dtype=draw.choice([torch.int64, torch.int32, torch.int16])) + draw.choice(
            [-count, count]
        )
    else:
        x = draw.distinct(*shape) + (count if kind == "padded" else 0)
    kwargs = {"kernel_size": kernel_size, "stride": draw.choice([None, 1, 2]), "padding": padding}
    return Case((x,), kwargs, gradient=kind == "plain")


BYTES = torch.tensor([[0, 5, 7, 9], [200, 130, 255, 128], [6, 250, 3, 77], [90, 41, 17, 254]], dtype=torch.uint8)

MIN_POOL = Exercise(
    name="min_pool",
    title="Min pooling, for floats and for bytes",
    lesson="01_pooling",
    oracle=_min_pool,
    banned=("pooling",),
    instead="Build it as you built max_pool, with the smallest value in the place of the largest.",
    difficulty=2,
    minutes=12,
    reads=reads_windows(2),
    facets=(
        Facet(
            "windows",
            1,
            "The smallest value of each window, with its gradient.",
            (
                Case((batched(FOUR),), {"kernel_size": 2}, "one 4 × 4 picture"),
                Case((batched(WIDE),), {"kernel_size": 3, "stride": 2}, "windows that overlap"),
                Case((batched(WIDE),), {"kernel_size": (2, 3)}, "2 rows and 3 columns"),
                Case((batched(WIDE),), {"kernel_size": 2, "stride": (3, 1)}, "a step for each axis"),
                Case(
                    (batched(WIDE.double()),),
                    {"kernel_size": 2},
                    "the gradient goes to each smallest value",
                    gradient=True,
                ),
            ),
            lambda draw: [_draw_min(draw, "plain") for _ in range(4)],
        ),
        Facet(
            "padding",
            1,
            "Padding counts as +∞, so that it never wins.",
            (
                Case((batched(FOUR),), {"kernel_size": 3, "stride": 2, "padding": 1}, "every value is positive"),
                Case((batched(WIDE + 1),), {"kernel_size": 2, "padding": 1}, "every value is positive"),
            ),
            lambda draw: [_draw_min(draw, "padded") for _ in range(4)],
        ),
        Facet(
            "whole numbers",
            1,
            "Bytes and other whole numbers keep their dtype and never wrap around.",
            (
                Case((batched(BYTES),), {"kernel_size": 2}, "uint8, with zeros and values above 127"),
                Case((batched(BYTES[:1]),), {"kernel_size": (1, 4)}, "the bytes 0, 5, 7 and 9"),
                Case((batched(BYTES),), {"kernel_size": 3, "stride": 2, "padding": 1}, "uint8 with padding"),
                Case((batched(WIDE.long() - 20),), {"kernel_size": 2, "padding": 1}, "int64"),
            ),
            lambda draw: [_draw_min(draw, kind) for kind in ("bytes", "bytes", "integers", "integers")],
        ),
    ),
    misconceptions=(
        Misconception(
            "a byte has no negative",
            lambda x, kernel_size, stride=None, padding=0: -F.max_pool2d(-x, kernel_size, stride, padding),
            "This is −max(−x) in uint8. There −x is 256 − x, except that −0 stays 0: the smallest byte, 0, is the smallest after negation too, so it never wins. Take the minimum directly.",
        ),
        Misconception(
            "zero padding",
            lambda x, kernel_size, stride=None, padding=0: windows(x, kernel_size, stride, padding).amin(-1),
            "These are exactly the values of zero padding. Min pooling pads with the largest value there is (+∞, or 255 for bytes), so that padding never wins.",
        ),
        Misconception(
            "a padding that went through a float",
            _float_padding,
            "F.pad takes its value as a float. The largest int64 does not fit into one: it is rounded up and comes back as the smallest. Fill a tensor of the padded size with x.new_full(shape, largest) and write x into it.",
        ),
        Misconception(
            "stride left at 1",
            _min_wrong(lambda k, s, p: {"stride": 1 if s is None else s}),
            STRIDE_LEFT_AT_1,
        ),
        Misconception(
            "H and W exchanged",
            _min_wrong(lambda k, s, p: {"kernel_size": exchanged(k), "stride": exchanged(s), "padding": exchanged(p)}),
            H_AND_W,
        ),
        Misconception(
            "a maximum instead of a minimum",
            lambda x, kernel_size, stride=None, padding=0: F.max_pool2d(x, kernel_size, stride, padding),
            "These are the largest values of the windows.",
        ),
    ),
    hints=(
        "Everything that made max_pool right makes min_pool right, turned round: the smallest value instead of the largest, and a padding that can never be the smallest.",
        "What can never win a minimum? For floats +∞. Whole numbers have no infinity, but each dtype has a largest value: torch.iinfo(x.dtype).max.",
        "x.dtype.is_floating_point tells the two apart. Fill a tensor of the padded size with the largest value (x.new_full), write x into its middle, take the slices that you took for max_pool, and fold them together with torch.minimum, which knows bytes as they are: nothing has to be negated.",
    ),
)
