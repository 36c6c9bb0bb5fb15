"""Adaptive max and average pooling: the number of outputs is given, the windows follow."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import COLD, FOUR, WIDE, batched, exchanged, strided
from course_lib.geometry import adaptive_bins


def _adaptive_pool(x, output_size, mode):
    return F.adaptive_max_pool2d(x, output_size) if mode == "max" else F.adaptive_avg_pool2d(x, output_size)


def _sizes(x, output_size) -> tuple[int, int]:
    """How many bins each axis gets."""
    pair = (output_size, output_size) if isinstance(output_size, int) else output_size
    return tuple(size if wanted is None else wanted for size, wanted in zip(x.shape[2:], pair, strict=True))


def pooled(x, sizes, mode, bins=adaptive_bins):
    """Pooling over the bins that ``bins(size, output_size)`` gives each axis, on which the wrong functions are built."""
    reductions: dict[str, Callable] = {"max": torch.amax, "avg": torch.mean, "sum": torch.sum}
    for axis, wanted in zip((2, 3), sizes, strict=True):
        parts = [x.narrow(axis, one.start, len(one)) for one in bins(x.shape[axis], wanted)]
        x = torch.cat([reductions[mode](part, dim=axis, keepdim=True) for part in parts], dim=axis)
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


def _draw(draw: Draw, mode: str, kind: str = "int", dtype=torch.float32, gradient: bool = False) -> Case:
    """One facet's hidden case. Only those of the kind "overlap" have sizes that do not divide."""
    bins = (draw.integer(2, 4), draw.integer(2, 4))
    if kind in ("int", "overlap"):
        bins = (bins[0], bins[0])
    rest = [draw.integer(1, m - 1) if kind == "overlap" else 0 for m in bins]
    height, width = (m * draw.integer(1, 3) + r for m, r in zip(bins, rest, strict=True))
    none = draw.choice([(None, bins[1]), (bins[0], None)])
    output_size = {"pair": bins, "None": none}.get(kind, bins[0])
    x = draw.distinct(draw.integer(1, 2), draw.integer(1, 2), height, width, dtype=dtype)
    return _case(x, output_size, mode, gradient=gradient)


EVEN = torch.arange(24.0).reshape(4, 6) * 7 % 25

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
            0.5,
            "The mean of each bin; here the sizes divide.",
            (
                _case(batched(FOUR), 2, "avg", "an ordinary 2 × 2 average"),
                _case(batched(EVEN), 2, "avg", "4 rows and 6 columns: bins of 2 × 3"),
                _case(batched(EVEN), 1, "avg", "the mean of everything"),
            ),
            lambda draw: [_draw(draw, "avg") for _ in range(4)],
        ),
        Facet(
            "maximum",
            0.5,
            "The largest value of each bin; here the sizes divide.",
            (
                _case(batched(FOUR), 2, "max", "an ordinary 2 × 2 maximum"),
                _case(batched(-EVEN - 1), 2, "max", "every value is negative"),
            ),
            lambda draw: [_draw(draw, "max") for _ in range(4)],
        ),
        Facet(
            "bins that overlap",
            1,
            "Where the sizes do not divide, the bins of your adaptive_bins; and a mean over as many values as its bin has.",
            (
                _case(batched(WIDE), 2, "avg", "5 rows and 7 columns into 2 × 2: bins share a row and a column"),
                _case(batched(WIDE), 4, "max", "neighbours share their largest value"),
                _case(batched(WIDE), 4, "avg", "bins of 2 rows and of 2 or 3 columns"),
                _case(batched(COLD), 5, "avg", "an output larger than the input"),
            ),
            lambda draw: [_draw(draw, mode, "overlap") for mode in ("avg", "max", "avg", "max")],
        ),
        Facet(
            "output_size",
            0.5,
            "A pair is (H, W), and None leaves an axis as it is.",
            (
                _case(batched(EVEN), (2, 3), "avg", "2 rows and 3 columns"),
                _case(batched(EVEN), (2, None), "max", "None: the 6 columns stay"),
                _case(torch.stack([EVEN, -EVEN])[None], (None, 3), "avg", "None: the 4 rows stay; two channels"),
            ),
            lambda draw: [
                _draw(draw, mode, kind) for mode, kind in (("avg", "None"), ("max", "None"), ("avg", "pair"))
            ],
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken, and the gradient flows.",
            (
                _case(batched(EVEN), 2, "avg", "the gradient spreads evenly over each bin", gradient=True),
                _case(batched(EVEN), 2, "max", "the gradient goes to each largest value", gradient=True),
                _case(batched(EVEN.double() / 3), 2, "avg", "float64 stays float64"),
                _case(strided(batched(EVEN)), 2, "max", "memory that is not contiguous"),
                _case(torch.zeros(0, 2, 4, 4), 2, "avg", "a batch of no pictures at all"),
                _case(batched(FOUR[:1, :1]), 1, "max", "a single pixel"),
            ),
            lambda draw: [
                _draw(draw, mode, dtype=draw.choice([torch.float32, torch.float64]), gradient=True)
                for mode in ("avg", "max", "avg", "max")
            ],
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
