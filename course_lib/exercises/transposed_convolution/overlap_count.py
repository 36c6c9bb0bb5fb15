"""How many strokes meet at each position, and whether they leave a checkerboard."""

from __future__ import annotations

from course_lib.analysis.overlap import overlap_counts, overlaps_evenly
from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _overlap_count(size, kernel_size, stride, dilation=1):
    return overlap_counts(size, kernel_size, stride, dilation=dilation), overlaps_evenly(kernel_size, stride, dilation)


def _wrong(counts=None, even=None):
    """The right function of which one part is replaced."""

    def overlap_count(size, kernel_size, stride, dilation=1):
        right, evenly = _overlap_count(size, kernel_size, stride, dilation)
        first = right if counts is None else counts(size, kernel_size, stride, dilation)
        return first, evenly if even is None else bool(even(kernel_size, stride, dilation, right))

    return overlap_count


def _along(n, k, s, d):
    return overlap_counts([n], k, s, dilation=d)


def _added(size, k, s, d):
    rows, columns = (_along(n, k, s, d) for n in size)
    return rows[:, None] + columns


def _one_axis(size, k, s, d):
    rows, columns = (_along(n, k, s, d) for n in size)
    return rows.clamp(max=1)[:, None] * columns


def _covered(size, k, s, d):
    return overlap_counts(size, k, s, dilation=d).clamp(max=1)


def _reads(size, k, s, d):
    """How often a convolution over the output would read each position, as if windows hung over the ends."""
    counts = overlap_counts([n + 2 * k for n in size], k, s, dilation=d)
    large = overlap_counts(size, k, s, dilation=d)
    return counts[k * s : k * s + large.shape[0], k * s : k * s + large.shape[1]]


def _case(height: int, width: int, kernel_size: int, stride: int, dilation: int = 1, note: str = "") -> Case:
    kwargs = {"size": (height, width), "kernel_size": kernel_size, "stride": stride}
    return Case(kwargs=kwargs | ({"dilation": dilation} if dilation > 1 else {}), note=note)


def _draw(draw: Draw, dilated: bool = False) -> Case:
    dilation = draw.integer(1, 3) if dilated else 1
    return _case(draw.integer(2, 4), draw.integer(3, 4), draw.integer(1, 5), draw.integer(1, 4), dilation)


OVERLAP_COUNT = Exercise(
    name="overlap_count",
    title="Overlap count and checkerboard",
    lesson="08_transposed_convolution",
    oracle=_overlap_count,
    banned=("convolution", "overlap"),
    instead="Count: begin with zeros, and add 1 at each position that a stroke reaches.",
    difficulty=2,
    minutes=10,
    facets=(
        Facet(
            "counts",
            1,
            "The count at a position is the number of inputs whose stroke reaches it.",
            (
                _case(2, 3, 2, 2, note="strokes that touch"),
                _case(3, 3, 3, 2, note="1, 2 and 4 strokes"),
                _case(2, 3, 4, 2, note="4 everywhere but at the border"),
                _case(2, 2, 2, 3, note="gaps that nothing is painted on"),
                _case(2, 3, 3, 2, 2, note="taps that lie 2 apart"),
                _case(1, 1, 3, 1, note="a single input"),
            ),
            lambda draw: [_draw(draw, dilated=True) for _ in range(6)],
            part=0,
        ),
        Facet(
            "checkerboard",
            1,
            "True where all positions away from the border get equally many strokes, so that no pattern stands there before training.",
            (
                _case(3, 3, 2, 2, note="strokes that touch"),
                _case(3, 3, 3, 2, note="an odd kernel with stride 2"),
                _case(4, 4, 4, 2, note="twice the stride"),
                _case(3, 3, 3, 1, note="stride 1"),
                _case(3, 3, 6, 3, note="twice a stride of 3"),
                _case(3, 3, 4, 3, note="an even kernel with stride 3"),
                _case(2, 2, 2, 3, note="gaps"),
                _case(3, 3, 4, 2, 2, note="dilation 2: all taps fall on even positions"),
                _case(3, 3, 3, 3, 2, note="dilation 2 and stride 3"),
            ),
            lambda draw: [_draw(draw, dilated=True) for _ in range(10)],
            part=1,
        ),
    ),
    misconceptions=(
        Misconception(
            "rows and columns added",
            _wrong(counts=_added),
            "You add the counts of the two axes. A stroke reaches a position if it reaches both its row and its column, so the counts multiply.",
        ),
        Misconception(
            "one axis only",
            _wrong(counts=_one_axis),
            "Your rows are all alike. Strokes overlap from above and below too: count the rows as you count the columns, and multiply.",
        ),
        Misconception(
            "covered or not",
            _wrong(counts=_covered),
            "You mark the positions that are painted at all. Count how many strokes reach each of them: add 1, do not set 1.",
        ),
        Misconception(
            "as if there were no border",
            _wrong(counts=_reads),
            "You count as if the input went on beyond its ends. At the border there are fewer neighbours, and so fewer strokes.",
        ),
        Misconception(
            "dilation ignored",
            _wrong(counts=lambda size, k, s, d: overlap_counts(size, k, s), even=lambda k, s, d, counts: k % s == 0),
            "Your strokes have no gaps. With dilation=d the taps lie d apart, which changes where they land: with an even dilation and stride 2, all of them fall on positions of one kind.",
        ),
        Misconception(
            "odd kernels make checkerboards",
            _wrong(even=lambda k, s, d, counts: k % 2 == 0),
            "Even or odd is not the question: a kernel of 4 with a stride of 3 overlaps unevenly, and one of 3 with a stride of 3 does not. Without dilation, the stride has to divide the kernel size.",
        ),
        Misconception(
            "the border counted too",
            _wrong(even=lambda k, s, d, counts: counts.min() == counts.max()),
            "You ask for equal counts everywhere. At the border there are always fewer strokes where strokes overlap; a checkerboard is a pattern that repeats inside.",
        ),
        Misconception(
            "no overlap, no checkerboard",
            _wrong(even=lambda k, s, d, counts: k <= s),
            "Overlap alone does no harm: with kernel 4 and stride 2 every position inside gets 4 strokes. And with a kernel smaller than the stride there are gaps, which are a pattern too.",
        ),
        Misconception(
            "only stride 1 is safe",
            _wrong(even=lambda k, s, d, counts: s == 1),
            "A stride above 1 can be even as well: where the kernel size is a multiple of it (and nothing is dilated), each position inside gets as many strokes as any other.",
        ),
    ),
    hints=(
        "Do one axis first. Three inputs, kernel 3, stride 2: the strokes reach 0–2, 2–4 and 4–6. How many reach 0, 1, 2 …? And on a map, a stroke reaches a position if it reaches its row and its column.",
        "For a row of n inputs: begin with zeros, and for each input i and each tap a add 1 at i · stride + a · dilation. The counts of a map are rows[:, None] · columns. For the second part: tap a falls on phase (a · dilation) % stride. Are there equally many taps on each phase?",
        "phases = [a * dilation % stride for a in range(kernel_size)], and the answer is whether phases.count(phase) is the same for all phases 0 … stride − 1. Return the counts as int64 and a bool.",
    ),
)
