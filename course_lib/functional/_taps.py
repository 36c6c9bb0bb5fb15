"""Interpolation along one axis as a sparse matrix: for each output the inputs that it reads, and their weights.

A resampled axis is y = A·x, whatever the mode. The mode only says which entries a row of A has. So the gradient is Aᵀ,
the gradient's gradient is A again, and several axes are one matrix after the other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from course_lib import geometry

Row = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Axis:
    """What determines the matrix of one axis: `dim` counts from the end, `out` is the new size.

    `step` None takes the sizes' ratio, or else `scale_factor`. `arithmetic` is in what torch's kernel counts positions:
    "single", "double", or "byte" for its fixed-point kernel for uint8.
    """

    dim: int
    size: int
    out: int
    kernel: str
    scale_factor: float | None = None
    align_corners: bool = False
    antialias: bool = False
    arithmetic: str = "single"

    def matrix(self, transpose: bool = False) -> Matrix:
        """The matrix, or its transpose, from a cache: pure numbers, so it serves every device and transform."""
        whole = _matrix(
            self.kernel,
            self.size,
            self.out,
            self.scale_factor,
            self.align_corners,
            self.antialias,
            self.arithmetic,
        )
        return whole.transposed if transpose else whole


@dataclass(frozen=True, eq=False)
class Run:
    """Outputs phase, phase + period, … from the `first` on, `count` of them, whose taps all move on in equal steps."""

    phase: int
    first: int
    count: int
    taps: tuple[tuple[slice, float | tuple[float, ...]], ...]


@dataclass(frozen=True, eq=False)
class Matrix:
    """The rows of A. `shift`: weights are whole numbers, to be divided by 2 to that power (torch's uint8 kernel)."""

    size: int
    rows: tuple[Row, ...]
    shift: int | None = None

    @cached_property
    def transposed(self) -> Matrix:
        columns: list[list[tuple[int, float]]] = [[] for _ in range(self.size)]
        for output, row in enumerate(self.rows):
            for index, weight in row:
                columns[index].append((output, weight))
        return Matrix(len(self.rows), tuple(map(tuple, columns)), self.shift)

    @cached_property
    def is_identity(self) -> bool:
        return self.size == len(self.rows) and all(row == ((i, 1.0),) for i, row in enumerate(self.rows))

    @cached_property
    def copies(self) -> bool:
        """Is every output just one of the inputs?"""
        return all(len(row) == 1 and row[0][1] == 1.0 for row in self.rows)

    @cached_property
    def empty(self) -> tuple[int, ...]:
        """Outputs that read nothing: in a transpose, the inputs that nobody read."""
        return tuple(i for i, row in enumerate(self.rows) if not row)

    @cached_property
    def table(self) -> tuple[tuple[tuple[int, ...], tuple[float, ...]], ...]:
        """The same as a rectangle: for each tap the index and the weight of every output.

        A row with fewer taps shares its last weight between several taps, so that no input is read that it doesn't
        read anyway: an infinite one would turn a weight of 0 into NaN. (What stands for an empty row, nobody may use.)
        """
        width = max(map(len, self.rows))
        rows = []
        for row in self.rows:
            row = row or ((0, 0.0),)
            while len(row) < width:
                index, weight = row[-1]
                half = weight / 2 if self.shift is None else weight // 2
                row = (*row[:-1], (index, half), (index, weight - half))
            rows.append(row)
        return tuple(tuple(zip(*(row[tap] for row in rows), strict=True)) for tap in range(width))

    @cached_property
    def structure(self) -> tuple[int, tuple[Run, ...]] | None:
        """The period with which the rows repeat themselves, and the runs of each phase; None where there are too many.

        Doubling an axis, say, has period 2: even outputs read (i - 1, i) and odd ones (i, i + 1), always with the same
        weights. Then a whole phase is a handful of operations on slices, and nothing is gathered.
        """
        best = None
        for period in range(1, min(9, len(self.rows) + 1)):
            runs = [run for phase in range(period) for run in self._runs(phase, period)]
            operations = sum(len(run.taps) for run in runs)
            if best is None or operations < best[0]:
                best = operations, period, tuple(runs)
        return best[1:] if best[0] <= 32 else None

    @cached_property
    def common_weight(self) -> float | None:
        """The weight that most outputs have in common, where the axis grows and multiplying it beforehand pays."""
        if self.structure is None or self.structure[0] == 1:
            return None
        counts: Counter[float] = Counter()
        for run in self.structure[1]:
            for weight in {weight for _, weight in run.taps if len(run.taps) > 1 and not isinstance(weight, tuple)}:
                counts[weight] += run.count
        weight, count = max(counts.items(), key=lambda item: item[1], default=(None, 0))
        return weight if 2 * count > len(self.rows) else None

    def _runs(self, phase: int, period: int) -> list[Run]:
        rows = self.rows[phase::period]
        runs, first = [], 0
        while first < len(rows):
            count = _length(rows, first)
            taps = []
            for column in zip(*rows[first : first + count], strict=True):
                start, stop = column[0][0], column[-1][0]
                step = (stop - start) // (count - 1) if count > 1 else 1
                weights = tuple(weight for _, weight in column)
                taps.append((slice(start, stop + 1, step), weights[0] if len(set(weights)) == 1 else weights))
            runs.append(Run(phase, first, count, tuple(taps)))
            first += count
        return runs


def _length(rows: Sequence[Row], first: int) -> int:
    """How many rows from the first on move on in one step, the same for every tap."""
    if first + 1 == len(rows):
        return 1
    step, last = _step(rows[first], rows[first + 1]), first + 1
    if step is None:
        return 1
    while last + 1 < len(rows) and _step(rows[last], rows[last + 1]) == step:
        last += 1
    return last + 1 - first


def _step(row: Row, following: Row) -> int | None:
    steps = {b[0] - a[0] for a, b in zip(row, following, strict=False)}
    step = min(steps, default=0)
    return step if len(row) == len(following) and len(steps) == 1 and step > 0 else None


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _cubic(x: float, a: float) -> float:
    """Keys' cubic convolution, 1981. It is 1 at 0, 0 at every other whole number, and a sets its slope at 1."""
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0


def _lanczos(x: float) -> float:
    def sinc(x: float) -> float:
        return math.sin(math.pi * x) / (math.pi * x) if x else 1.0

    return sinc(x) * sinc(x / 3) if abs(x) < 3 else 0.0


# Number of taps and the filter of each kernel. a = -0.75 is OpenCV's cubic, a = -0.5 is Keys' own and Pillow's.
FILTERS: dict[str, tuple[int, Callable[[float], float]]] = {
    "linear": (2, _triangle),
    "cubic": (4, lambda x: _cubic(x, -0.75)),
}
ANTIALIAS: dict[str, tuple[int, Callable[[float], float]]] = {
    "linear": (2, _triangle),
    "cubic": (4, lambda x: _cubic(x, -0.5)),
    "lanczos": (6, _lanczos),
}


@lru_cache(maxsize=512)
def _matrix(kernel, size, out, scale_factor, align_corners, antialias, arithmetic) -> Matrix:
    rounded = geometry.single if arithmetic == "single" else float
    if kernel == "identity":
        return Matrix(size, tuple(((i, 1.0),) for i in range(size)))
    if kernel == "linear" and size == out and not antialias:
        # torch weighs the pixel itself with 1 and with 0, whatever the step. So an infinite one becomes NaN.
        return Matrix(size, tuple(((i, 1.0), (i, 0.0)) for i in range(size)))
    if kernel == "area":
        bins = geometry.adaptive_bins(size, out)
        return Matrix(size, tuple(tuple((index, 1 / len(bin)) for index in bin) for bin in bins))
    if kernel in ("nearest", "nearest-exact"):
        edges = geometry.source_coordinates(size, out, kernel, scale_factor, rounded)
        # torch takes the floor in float32, in double precision too.
        return Matrix(size, tuple(((min(math.floor(geometry.single(edge)), size - 1), 1.0),) for edge in edges))
    convention = "align_corners" if align_corners else "half-pixel"
    if antialias:
        step = geometry.source_step(size, out, convention, scale_factor, rounded)
        rows = [_antialiased(step, i, size, *ANTIALIAS[kernel], rounded) for i in range(out)]
    else:
        places = geometry.source_coordinates(size, out, convention, scale_factor, rounded)
        rows = [_interpolated(place, size, *FILTERS[kernel], rounded) for place in places]
    return _fixed_point(size, rows) if arithmetic == "byte" else Matrix(size, tuple(rows))


def _interpolated(place: float, size: int, width: int, weight: Callable, rounded: Callable) -> Row:
    """The `width` pixels around a place on the input, weighted by their distance; past an edge its pixel repeats."""
    if width == 2:
        place = max(place, 0.0)
    floor = min(math.floor(geometry.single(place)), size - 1)
    fraction = min(max(rounded(place - floor), 0.0), 1.0)
    taps = range(1 - width // 2, 1 + width // 2)
    return tuple((min(max(floor + tap, 0), size - 1), rounded(weight(tap - fraction))) for tap in taps)


def _antialiased(step: float, index: int, size: int, width: int, weight: Callable, rounded: Callable) -> Row:
    """The filter, stretched over `step` pixels when the axis shrinks, cut off at the edges and divided by its sum."""
    stretch = max(step, 1.0)
    reach = rounded(width / 2 * stretch)
    centre = rounded(step * (index + 0.5))
    first = max(int(rounded(centre - reach) + 0.5), 0)
    count = min(int(rounded(centre + reach) + 0.5), size) - first
    count = min(max(count, 0), math.ceil(reach) * 2 + 1)
    squeeze = rounded(1.0 / stretch)
    weights = [rounded(weight((rounded(i + first - centre) + 0.5) * squeeze)) for i in range(count)]
    total = sum(weights) or 1.0
    return tuple((first + i, rounded(w / total)) for i, w in enumerate(weights))


def _fixed_point(size: int, rows: list[Row]) -> Matrix:
    """torch's weights for uint8: whole numbers below 2^15, with as many binary places as the largest of them allows.

    Taps on the same pixel are one tap here; the largest weight is looked for while they are added up.
    """
    merged, largest = [], 0.0
    for row in rows:
        sums: dict[int, float] = {}
        for index, weight in row:
            sums[index] = sums.get(index, 0.0) + weight
            largest = max(largest, sums[index])
        merged.append(sums)
    shift = 0
    while shift < 22 and int(0.5 + largest * (1 << (shift + 1))) < 1 << 15:
        shift += 1

    def whole(weight: float) -> int:
        scaled = weight * (1 << shift)
        return int(scaled - 0.5) if scaled < 0 else int(scaled + 0.5)

    return Matrix(size, tuple(tuple((i, whole(w)) for i, w in sums.items()) for sums in merged), shift)
