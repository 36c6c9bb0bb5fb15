"""Adaptive max and average pooling: the number of outputs is given, the windows follow."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import COLD, FOUR, WIDE, batched, exchanged, strided
from course_lib.geometry import adaptive_bins


def _adaptive_pool(x, output_size, mode):
    return {"max": F.adaptive_max_pool2d, "avg": F.adaptive_avg_pool2d}[mode](x, output_size)


def _sizes(x, output_size) -> tuple[int, int]:
    """How many bins each axis gets."""
    pair = (output_size, output_size) if isinstance(output_size, int) else output_size
    return tuple(size if wanted is None else wanted for size, wanted in zip(x.shape[2:], pair, strict=True))


def pooled(x, sizes, mode, bins=adaptive_bins):
    """Pooling over the bins that ``bins(size, output_size)`` gives each axis, on which the wrong functions are built."""
    reduce = {"max": torch.amax, "avg": torch.mean, "sum": torch.sum}[mode]
    for axis, wanted in zip((2, 3), sizes, strict=True):
        parts = [x.narrow(axis, one.start, len(one)) for one in bins(x.shape[axis], wanted)]
        x = torch.cat([reduce(part, dim=axis, keepdim=True) for part in parts], dim=axis)
    return x


def equal_windows(size: int, output_size: int) -> list[range]:
    """Windows of one size side by side, the rest dropped; where there are too few positions the last one repeats."""
    step = max(1, size // output_size)
    starts = [min(i * step, size - step) for i in range(output_size)]
    return [range(start, start + step) for start in starts]


def _without_overlap(size: int, output_size: int) -> list[range]:
    """Each bin ends where the next one begins; one that would be empty has a single position."""
    starts = [i * size // output_size for i in range(output_size)]
    return [range(a, max(a + 1, (i + 1) * size // output_size)) for i, a in enumerate(starts)]


def _wrong(sizes=lambda output_size: output_size, reduction=lambda mode: mode, bins=adaptive_bins):
    def adaptive_pool(x, output_size, mode):
        return pooled(x, _sizes(x, sizes(output_size)), reduction(mode), bins)

    return adaptive_pool


def _usual_window(x, output_size, mode):
    """Sums divided by how large a window is on average."""
    sizes = _sizes(x, output_size)
    if mode == "max":
        return pooled(x, sizes, mode)
    return pooled(x, sizes, "sum") * math.prod(sizes) / math.prod(x.shape[2:])


def _none_is_one(output_size):
    return output_size if isinstance(output_size, int) else tuple(wanted or 1 for wanted in output_size)


def _reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
    x = case.args[0]
    sizes = _sizes(x, case.kwargs["output_size"])
    return tuple(adaptive_bins(n, m)[at] for n, m, at in zip(x.shape[2:], sizes, index[-2:], strict=True))


def _case(x, output_size, mode: str, note: str = "", gradient: bool = False) -> Case:
    return Case((x,), {"output_size": output_size, "mode": mode}, note, gradient)


def _draw(draw: Draw, mode: str, sizes: str = "pair", dtype=torch.float32, gradient: bool = False) -> Case:
    shape = (draw.integer(1, 2), draw.integer(1, 2), draw.integer(3, 9), draw.integer(3, 9))
    pair = (draw.integer(1, 5), draw.integer(1, 5))
    output_size = {
        "int": pair[0],
        "pair": pair,
        "None": draw.choice([(None, pair[1]), (pair[0], None), (shape[2] + 2, None)]),
    }[sizes]
    return _case(draw.distinct(*shape, dtype=dtype), output_size, mode, gradient=gradient)


def _draw_inputs(draw: Draw) -> list[Case]:
    cases = [_draw(draw, mode, "int", torch.float64) for mode in ("avg", "max")]
    return [*cases, _case(strided(draw.distinct(1, 2, draw.integer(2, 7), draw.integer(2, 7))), 3, "avg")]


ADAPTIVE_POOL = Exercise(
    name="adaptive_pool",
    title="Adaptive max and average pooling",
    lesson="04_adaptive_pooling",
    oracle=_adaptive_pool,
    banned=("pooling",),
    instead="Build it from your adaptive_bins: one slice of the input for each bin, along one axis after the other.",
    difficulty=2,
    minutes=15,
    reads=_reads,
    facets=(
        Facet(
            "average",
            1,
            "The mean of each bin, over just as many values as the bin has.",
            (
                _case(batched(FOUR), 2, "avg", "sizes that divide: an ordinary 2 × 2 average"),
                _case(batched(WIDE), 2, "avg", "5 rows and 7 columns into 2 × 2: bins share a row and a column"),
                _case(batched(WIDE), (2, 3), "avg", "2 rows and 3 columns"),
                _case(batched(WIDE), 1, "avg", "the mean of everything"),
            ),
            lambda draw: [_draw(draw, "avg") for _ in range(5)],
        ),
        Facet(
            "maximum",
            0.5,
            "The largest value of each bin.",
            (
                _case(batched(WIDE), (2, 3), "max", "2 rows and 3 columns"),
                _case(batched(FOUR), 3, "max", "every bin reads two rows and two columns"),
                _case(batched(COLD), 2, "max", "every value is negative"),
            ),
            lambda draw: [_draw(draw, "max") for _ in range(5)],
        ),
        Facet(
            "output_size",
            0.5,
            "An int serves both axes, a pair is (H, W), None leaves an axis as it is, and an output may be larger.",
            (
                _case(batched(WIDE), (2, None), "avg", "None: the 7 columns stay"),
                _case(batched(WIDE), (None, 3), "max", "None: the 5 rows stay"),
                _case(batched(COLD), 5, "avg", "an output larger than the input"),
                _case(torch.stack([WIDE, -WIDE])[None], (3, 2), "avg", "two channels"),
            ),
            lambda draw: [_draw(draw, mode, "None") for mode in ("avg", "max", "avg")],
        ),
        Facet(
            "gradient",
            0.5,
            "A value that several bins read collects the gradient of all of them.",
            (
                _case(batched(WIDE), 2, "avg", "the middle row is read twice", gradient=True),
                _case(batched(WIDE), 4, "max", "neighbours share their largest value", gradient=True),
            ),
            lambda draw: [_draw(draw, mode, "int", gradient=True) for mode in ("avg", "max", "avg", "max")],
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken.",
            (
                _case(batched(WIDE.double() / 3), 3, "avg", "float64 stays float64"),
                _case(batched(WIDE.double() / 3), 3, "max", "float64 stays float64"),
                _case(strided(batched(WIDE)), 2, "avg", "memory that is not contiguous"),
                _case(torch.zeros(0, 2, 4, 4), 3, "avg", "a batch of no pictures at all"),
                _case(batched(FOUR[:1, :1]), 3, "max", "a single pixel"),
            ),
            _draw_inputs,
        ),
    ),
    misconceptions=(
        Misconception(
            "windows of one size",
            _wrong(bins=equal_windows),
            "Your windows all have size // output_size positions, as in an ordinary pooling, and the rest at the end is never read. Take the bins that your adaptive_bins gives.",
        ),
        Misconception(
            "bins that do not overlap",
            _wrong(bins=_without_overlap),
            "Your bins end where the next one begins. Where the sizes do not divide, the end is rounded up, and neighbouring bins share a row or a column.",
        ),
        Misconception(
            "H and W exchanged",
            _wrong(sizes=exchanged),
            "In output_size the first number is for H, the rows, and the second one for W, the columns. Your output is that of a call with the two exchanged.",
        ),
        Misconception(
            "None taken for 1",
            _wrong(sizes=_none_is_one),
            "You pool an axis whose output_size is None down to 1. None means: this axis keeps its size.",
        ),
        Misconception(
            "an int for one axis only",
            _wrong(sizes=lambda output_size: (None, output_size) if isinstance(output_size, int) else output_size),
            "An int holds for both axes: output_size=2 means 2 × 2. You pooled the columns and left the rows as they were.",
        ),
        Misconception(
            "the mode ignored",
            _wrong(reduction=lambda mode: "max"),
            "You take the largest value whatever mode says. mode='avg' asks for the mean of each bin.",
        ),
        Misconception(
            "the modes exchanged",
            _wrong(reduction=lambda mode: "max" if mode == "avg" else "avg"),
            "mode='max' gives you the mean and mode='avg' the maximum.",
        ),
        Misconception(
            "a sum instead of a mean",
            _wrong(reduction=lambda mode: "sum" if mode == "avg" else mode),
            "These are the sums of the bins. Divide each by the number of values in it.",
        ),
        Misconception(
            "divided by the usual window",
            _usual_window,
            "You divide every sum by the same number, H · W over the number of outputs. The bins are not equally large: divide each sum by the number of values in that bin.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, output_size, mode: _adaptive_pool(x.detach(), output_size, mode),
            "The values are right, but no gradient can flow back through them.",
        ),
    ),
    hints=(
        "Your adaptive_bins says which rows make an output row, and which columns an output column. A bin of a picture is a rectangle: rows start … stop of one, columns start … stop of the other.",
        "The maximum of a rectangle is the maximum of the maxima of its rows, and the mean is the mean of the means, because all its rows are equally long. So pool one axis, then the other.",
        "For an axis: parts = [x.narrow(axis, start, stop − start) for start, stop in adaptive_bins(x.shape[axis], wanted)]; reduce each part with amax or mean along that axis with keepdim=True, and torch.cat them again. Skip the axis where wanted is None.",
    ),
)
