"""Adaptive bins: which positions of an axis each output of an adaptive pooling reads."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception


def _adaptive_bins(size, output_size):
    """Where torch's own weights are not zero: the average of each one-hot signal says who reads its position."""
    weights = F.adaptive_avg_pool1d(torch.eye(size)[:, None], output_size)[:, 0]
    read = [column.nonzero().flatten().tolist() for column in weights.T]
    return [(positions[0], positions[-1] + 1) for positions in read]


def _wrong(bin_of):
    """Bins of which number i is what ``bin_of(i, size, output_size)`` says."""

    def adaptive_bins(size, output_size):
        return [bin_of(i, size, output_size) for i in range(output_size)]

    return adaptive_bins


def _up(a: int, b: int) -> int:
    return -(-a // b)


def _symmetric_without_gaps(outputs, cases) -> bool:
    return all(_is_symmetric(bins, case.kwargs["size"]) for bins, case in zip(outputs, cases, strict=True))


def _is_symmetric(bins, size: int) -> bool:
    mirrored = [(size - stop, size - start) for start, stop in reversed(bins)]
    reaches = all(start < stop for start, stop in bins) and bins[0][0] == 0 and bins[-1][1] == size
    touches = all(later[0] <= earlier[1] for earlier, later in zip(bins, bins[1:], strict=False))
    return reaches and touches and [tuple(one) for one in bins] == mirrored


def _sizes(*pairs: tuple[int, int]) -> tuple[Case, ...]:
    return tuple(Case(kwargs={"size": size, "output_size": output_size}) for size, output_size in pairs)


def _draw_divisible(draw: Draw) -> list[Case]:
    counts = [draw.integer(1, 7) for _ in range(6)]
    return [*_sizes(*((count * draw.integer(1, 7), count) for count in counts))]


def _draw_rest(draw: Draw) -> list[Case]:
    counts = [draw.integer(2, 8) for _ in range(8)]
    return [*_sizes(*((n * draw.integer(1, 6) + draw.integer(1, n - 1), n) for n in counts))]


def _draw_more(draw: Draw) -> list[Case]:
    sizes = [draw.integer(1, 6) for _ in range(6)]
    return [*_sizes(*((size, size + draw.integer(1, 6)) for size in sizes))]


def _draw_any(draw: Draw) -> list[Case]:
    return [*_sizes(*((draw.integer(1, 30), draw.integer(1, 12)) for _ in range(8)))]


ADAPTIVE_BINS = Exercise(
    name="adaptive_bins",
    title="Adaptive bins",
    lesson="04_adaptive_pooling",
    oracle=_adaptive_bins,
    banned=("pooling",),
    instead="Count: the first position of bin i is a quotient rounded down, the end another one rounded up.",
    difficulty=1,
    minutes=10,
    facets=(
        Facet(
            "sizes that divide",
            1,
            "Where output_size divides size, the bins lie side by side and are equally long.",
            _sizes((6, 3), (8, 2), (12, 1), (5, 5)),
            _draw_divisible,
        ),
        Facet(
            "sizes that do not",
            1,
            "Elsewhere the start is rounded down and the end is rounded up, so that neighbours may share a position.",
            _sizes((5, 2), (7, 3), (10, 4), (7, 4), (11, 8)),
            _draw_rest,
        ),
        Facet(
            "more bins than positions",
            0.5,
            "No bin is empty, even if there are more bins than positions.",
            _sizes((3, 5), (1, 4), (2, 3)),
            _draw_more,
        ),
        Facet(
            "mirror",
            0.5,
            "The bins cover the axis without a gap, and prefer neither end.",
            _sizes((5, 2), (7, 4), (9, 4), (3, 5)),
            _draw_any,
            law=Law(
                "The first bin begins at 0, the last one ends at size, there is no gap and no empty bin, and read from the right the bins are the same as from the left.",
                _symmetric_without_gaps,
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "the rest is dropped",
            _wrong(lambda i, n, m: (i * (n // m), (i + 1) * (n // m))),
            "These bins all have size // output_size positions, and the rest at the end is never read. An adaptive pooling reads everything: its bins may have different lengths, and they may overlap.",
        ),
        Misconception(
            "the last bin takes the rest",
            _wrong(lambda i, n, m: (i * (n // m), n if i == m - 1 else (i + 1) * (n // m))),
            "Your last bin swallows whatever is left over. The cuts stand at i · size / output_size, evenly spaced, so the rest is spread over all bins.",
        ),
        Misconception(
            "both ends rounded down",
            _wrong(lambda i, n, m: (i * n // m, (i + 1) * n // m)),
            "You round both ends down, so each bin ends where the next one begins, and with few positions a bin is empty. The end is rounded up: a position that is cut in two belongs to both bins.",
        ),
        Misconception(
            "both ends rounded up",
            _wrong(lambda i, n, m: (_up(i * n, m), _up((i + 1) * n, m))),
            "You round both ends up. The start is rounded down, so that a position that the cut goes through is read by the bins on both sides.",
        ),
        Misconception(
            "rounded to the nearest",
            _wrong(lambda i, n, m: (round(i * n / m), round((i + 1) * n / m))),
            "You round each cut to the nearest whole number, so that every position has one bin. Torch rounds the start down and the end up, and lets neighbours share a position.",
        ),
        Misconception(
            "rounded up although it is whole",
            _wrong(lambda i, n, m: (i * n // m, (i + 1) * n // m + 1)),
            "A quotient rounded down, plus 1, is not the quotient rounded up: where it is a whole number already, you get one too many. −(−a // b) rounds up.",
        ),
        Misconception(
            "the last position instead of the end",
            _wrong(lambda i, n, m: (i * n // m, _up((i + 1) * n, m) - 1)),
            "You return the last position that is read. As in a slice, stop is the first position that is not read any more: one further on.",
        ),
        Misconception(
            "the length instead of the end",
            _wrong(lambda i, n, m: (i * n // m, _up((i + 1) * n, m) - i * n // m)),
            "The second number of your pairs is how long the bin is. It should be where the bin stops, as in the slice x[start:stop].",
        ),
        Misconception(
            "windows of one length",
            _wrong(lambda i, n, m: (i * (n // m), i * (n // m) + _up(n, m))),
            "All your windows are ⌈size / output_size⌉ long and stand ⌊size / output_size⌋ apart. That is the rule of the first paper on pyramid pooling, and it is fine for many sizes; but 7 positions and 4 windows leave the last two positions unread.",
        ),
        Misconception(
            "one window, stretched to fit",
            _wrong(lambda i, n, m: (i * (n // m), i * (n // m) + n - (m - 1) * (n // m))),
            "Your windows are all made so long that the last one reaches the end. An adaptive pooling keeps its bins as short as it can, and their lengths may differ by one.",
        ),
        Misconception(
            "size and output_size exchanged",
            lambda size, output_size: _adaptive_bins(output_size, size),
            "There should be output_size bins, over size positions. You have the two exchanged.",
        ),
    ),
    hints=(
        "Cut the axis into output_size equal pieces, without rounding: for 5 positions and 2 bins the cut is at 2.5. Position 2 lies on both sides of it. Who should read it?",
        "Bin i spans from i · size / output_size to (i + 1) · size / output_size. Every position that it touches, even with a corner, belongs to it: round the start down and the end up.",
        "Down: i * size // output_size. Up: −(−(i + 1) * size // output_size), because // rounds towards −∞. Return a list of the pairs for i = 0 … output_size − 1.",
    ),
)
