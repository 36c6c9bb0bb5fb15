"""A sparse matrix by its rows: which columns each row reads, with what weight, and the pattern in which rows repeat."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PERIODS = range(1, 9)
OPERATIONS = 32  # as many slices at most, for a matrix to count as structured
Weight = float | np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """`count` rows, `period` apart, from the `first` of a phase on, whose taps move on in equal steps."""

    phase: int
    first: int
    count: int
    taps: tuple[tuple[slice, Weight], ...]


@dataclass(frozen=True, eq=False)
class Matrix:
    """Row i reads the columns index[i, :count[i]], weighted with weight[i, :count[i]]; there are `size` columns.

    `shift`: the weights are whole numbers, and the sums are to be divided by 2 to that power.
    """

    size: int
    index: np.ndarray
    weight: np.ndarray
    count: np.ndarray
    shift: int | None = None

    @classmethod
    def of_rows(cls, size: int, index: np.ndarray, weight: np.ndarray) -> Matrix:
        """Every row reads as many columns."""
        return cls(size, index.astype(np.int64), weight, np.full(len(index), index.shape[1]))

    @classmethod
    def of_windows(cls, size: int, first: np.ndarray, count: np.ndarray, weight: np.ndarray) -> Matrix:
        """Row i reads `count[i]` columns in a row from `first[i]` on."""
        width = max(1, int(count.max()))
        index = np.minimum(first[:, None] + np.arange(width), size - 1)
        return cls(size, index.astype(np.int64), weight[:, :width], count.astype(np.int64))

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def transposed(self) -> Matrix:
        used = np.arange(self.index.shape[1]) < self.count[:, None]
        rows, columns, weight = np.nonzero(used)[0], self.index[used], self.weight[used]
        order = np.argsort(columns, kind="stable")
        rows, columns, weight = rows[order], columns[order], weight[order]
        count = np.bincount(columns, minlength=self.size)
        place = np.arange(len(columns)) - np.repeat(np.cumsum(count) - count, count)
        index = np.zeros((self.size, count.max(initial=1)), dtype=np.int64)
        weights = np.zeros(index.shape)
        index[columns, place], weights[columns, place] = rows, weight
        return Matrix(len(self), index, weights, count, self.shift)

    @cached_property
    def factor(self) -> float:
        """The weight of all entries where they share one, as halving and averaging do; else 1."""
        weights = self.weight[np.arange(self.weight.shape[1]) < self.count[:, None]]
        alike = self.shift is None and len(weights) > 0 and bool((weights == weights[0]).all())
        return float(weights[0]) if alike and weights[0] != 0 else 1.0

    @cached_property
    def without_factor(self) -> Matrix:
        """The matrix over its factor: a multiplication once, on the smaller side, spares one for each entry."""
        if self.factor == 1:
            return self
        return Matrix(self.size, self.index, self.weight / self.factor, self.count, self.shift)

    @cached_property
    def dense(self) -> np.ndarray:
        """The matrix in full."""
        full = np.zeros((len(self), self.size))
        used = np.arange(self.index.shape[1]) < self.count[:, None]
        np.add.at(full, (np.nonzero(used)[0], self.index[used]), self.weight[used])
        return full

    @cached_property
    def is_dense(self) -> bool:
        """Does a product of matrices, zeros and all, cost less than an operation for each tap?

        A multiply-add in a product costs about a sixteenth of one in an operation on slices, measured on one core.
        """
        return self.weight.shape[1] > 2 and self.size <= 16 * self.weight.shape[1]

    @cached_property
    def copies(self) -> bool:
        """Is every row just one of the columns?"""
        return self.weight.shape[1] == 1 and bool((self.count == 1).all() and (self.weight == 1).all())

    @cached_property
    def is_identity(self) -> bool:
        return self.copies and len(self) == self.size and bool((self.index[:, 0] == np.arange(self.size)).all())

    @cached_property
    def blends(self) -> bool:
        """Is every row a mixture of two columns, with weights 1 - w and w?"""
        return self.index.shape[1] == 2 and bool(
            (self.count == 2).all() and np.allclose(self.weight.sum(1), 1, 0, 1e-6)
        )

    @cached_property
    def blocks(self) -> list[tuple[slice, slice, slice, np.ndarray]] | None:
        """Of a matrix that blends: rows that mix the same two columns, and blocks of such rows that repeat.

        Each entry says which rows, which first and second columns (one for each block) and the weight w of each row of
        a block. Three entries are the first columns, all others, and the last; None for anything less regular.
        """
        if not self.blends:
            return None
        starts = np.flatnonzero(np.diff(self.index, axis=0, prepend=-1).any(1))
        stops = np.append(starts[1:], len(self))
        parts = [slice(0, 1), slice(1, len(starts) - 1), slice(len(starts) - 1, len(starts))] if len(starts) > 2 else []
        entries = []
        for part in parts:
            length = stops[part] - starts[part]
            rows = slice(int(starts[part][0]), int(stops[part][-1]))
            pairs = self.index[starts[part]]
            weights = self.weight[rows, 1]
            if (length != length[0]).any() or (np.diff(pairs, axis=0) != 1).any():
                return None
            weights = weights.reshape(-1, length[0])
            if (weights != weights[0]).any():
                return None
            first, second = (slice(int(column[0]), int(column[-1]) + 1) for column in pairs.T)
            entries.append((rows, first, second, np.ascontiguousarray(weights[0])))
        return entries or None

    @cached_property
    def empty(self) -> np.ndarray:
        """Rows that read nothing: in a transpose, the inputs that nobody read."""
        return np.nonzero(self.count == 0)[0]

    @cached_property
    def table(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The same as a rectangle: for each tap the index and the weight of every row.

        A row with fewer taps shares its last weight between several taps, so that no column is read that it doesn't
        read anyway: an infinite entry would turn a weight of 0 into NaN. (What stands for an empty row is no value.)
        """
        last, width = np.maximum(self.count - 1, 0), self.index.shape[1]
        each = np.arange(len(self))
        rest, end = self.weight[each, last], self.index[each, last]
        columns = []
        for tap in range(width):
            half = rest if tap == width - 1 else rest / 2 if self.shift is None else rest // 2
            ends = tap >= last
            columns.append((np.where(ends, end, self.index[:, tap]), np.where(ends, half, self.weight[:, tap])))
            rest = np.where(ends, rest - half, rest)
        return columns

    @cached_property
    def structure(self) -> tuple[int, tuple[Run, ...]] | None:
        """The period with which the rows repeat themselves, and the runs of each phase; None where there are too many.

        Doubling an axis, say, has period 2: even rows read (i - 1, i) and odd ones (i, i + 1), always with the same
        weights. Then a whole phase is a handful of operations on slices, and nothing is gathered.
        """
        best, least = None, OPERATIONS + 1
        for period in PERIODS:
            runs: list[Run] = []
            operations = 0
            for phase in range(min(period, len(self))):
                some = self._runs(phase, period, least - operations)
                operations += sum(max(1, len(run.taps)) for run in some)
                if operations >= least:
                    break
                runs += some
            else:
                best, least = (period, tuple(runs)), operations
        return best

    @cached_property
    def common_weight(self) -> float | None:
        """The weight that most rows have in common, where there are more rows than columns."""
        if self.structure is None or self.structure[0] == 1:
            return None
        counts: Counter[float] = Counter()
        for run in self.structure[1]:
            if len(run.taps) > 1:
                for weight in {weight for _, weight in run.taps if not isinstance(weight, np.ndarray)}:
                    counts[weight] += run.count
        weight, count = max(counts.items(), key=lambda item: item[1], default=(0.0, 0))
        return weight if 2 * count > len(self) and weight != 1 else None

    def _runs(self, phase: int, period: int, most: int) -> list[Run]:
        """The runs of a phase, or as many of them as make `most` operations."""
        index, weight, count = self.index[phase::period], self.weight[phase::period], self.count[phase::period]
        steps = np.diff(index, axis=0)
        used = np.arange(index.shape[1]) < count[1:, None]
        even = ((steps == steps[:, :1]) | ~used).all(1) & ((steps[:, 0] > 0) | (count[1:] == 0))
        linked = even & (count[1:] == count[:-1])
        steps = np.where(count[1:] == 0, 0, steps[:, 0])
        changed = np.ones(len(steps), dtype=bool)
        changed[1:] = ~linked[1:] | ~linked[:-1] | (steps[1:] != steps[:-1])
        starts = [0]
        for link in np.nonzero(changed)[0].tolist():
            if not linked[link] or (link > starts[-1] and steps[link] != steps[starts[-1]]):
                starts.append(link + 1)
                if len(starts) > OPERATIONS:
                    break
        runs: list[Run] = []
        for start, stop in zip(starts, [*starts[1:], len(index)], strict=True):
            if most <= 0:
                break
            most -= max(1, count[start])
            taps = []
            for tap in range(count[start]):
                first, last = int(index[start, tap]), int(index[stop - 1, tap])
                step = int(steps[start]) if stop - start > 1 else 1
                weights = np.ascontiguousarray(weight[start:stop, tap])
                same = (weights == weights[0]).all()
                taps.append((slice(first, last + 1, step), self._number(weights[0]) if same else weights))
            runs.append(Run(phase, start, stop - start, tuple(taps)))
        return runs

    def _number(self, weight: np.float64) -> float:
        return float(weight) if self.shift is None else int(weight)

    def fixed_point(self) -> Matrix:
        """torch's weights for uint8: whole numbers below 2^15, with as many binary places as the largest allows.

        Taps on the same pixel are one tap here; the largest weight is looked for while they are added up.
        """
        merged, largest = [], 0.0
        for index, weight, count in zip(self.index.tolist(), self.weight.tolist(), self.count.tolist(), strict=True):
            sums: dict[int, float] = {}
            for column, value in zip(index[:count], weight[:count], strict=True):
                sums[column] = sums.get(column, 0.0) + value
                largest = max(largest, sums[column])
            merged.append(sums)
        shift = 0
        while shift < 22 and int(0.5 + largest * (1 << (shift + 1))) < 1 << 15:
            shift += 1
        count = np.array([len(sums) for sums in merged])
        index, weight = np.zeros((2, len(self), count.max()))
        for row, sums in enumerate(merged):
            index[row, : len(sums)], weight[row, : len(sums)] = list(sums), list(sums.values())
        scaled = weight * (1 << shift)
        whole = np.trunc(np.where(scaled < 0, scaled - 0.5, scaled + 0.5))
        return Matrix(self.size, index.astype(np.int64), whole, count, shift)
