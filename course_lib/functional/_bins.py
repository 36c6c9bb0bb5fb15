"""Adaptive windows along one axis, as slices.

Bin i reads from ⌊i·size/out⌋ up to ⌈(i + 1)·size/out⌉. Where the sizes divide, these are ordinary windows that touch.
Where they don't, bins differ in length and in how far apart they begin. Still, tap t of many outputs together is one
strided slice: after some number of outputs, the *period*, bins move on by the same distance again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.functional._windows import Axis, constant

LONGEST_PERIOD = 8

# A tap, and start, stop and step of the outputs that have it and of what it reads for them.
Reads = tuple[tuple[int, tuple[int, int, int], tuple[int, int, int]], ...]


@dataclass(frozen=True)
class Bins(Axis):
    """Windows of several lengths. `kernel_size` is the longest; `stride`, which they don't share, is 0.

    Those of an axis of `of` positions, `total` in number, from number `first` on.
    """

    of: int
    total: int
    first: int = 0

    def taps(self) -> Iterator[tuple[int, slice, slice]]:
        for tap, outputs, inputs in _reads(self.of, self.total, self.first, self.out):
            yield tap, slice(*outputs), slice(*inputs)

    def starts(self) -> list[int]:
        return [bin.start for bin in self._bins()]

    def counts(self, count_include_pad: bool) -> list[int]:
        return [len(bin) for bin in self._bins()]

    def read(self, tap: int, *tensors: Tensor) -> list[Tensor]:
        at = self.nearest(tap, tensors[0].device)  # seldom one slice
        return [x.index_select(self.dim, at) for x in tensors]

    def nearest(self, tap: int, device: torch.device) -> Tensor:
        return constant([bin[min(tap, len(bin) - 1)] for bin in self._bins()], device)

    def with_border(self, x: Tensor) -> tuple[Tensor, Axis]:
        return x, self  # no bin hangs over

    def runs(self, count: int) -> Iterator[tuple[Axis, slice, slice]]:
        step = -(-self.out // max(1, count))
        for first in range(0, self.out, step):
            some = self._bins()[first : first + step]
            inputs = slice(some[0].start, some[-1].stop)
            axis = replace(self, size=inputs.stop - inputs.start, out=len(some), first=self.first + first)
            yield axis, inputs, slice(first, first + len(some))

    def _bins(self) -> tuple[range, ...]:
        return _some_bins(self.of, self.total, self.first, self.out)


def bins_of(dim: int, size: int, out: int) -> Axis:
    """The adaptive windows of an axis."""
    size = len(range(size))  # torch.compile may pass a symbol, but each size has slices of its own
    if size % out == 0:
        return Axis(dim, size, out, size // out, size // out, 0, 1)
    return Bins(dim, size, out, max(map(len, geometry.adaptive_bins(size, out))), 0, 0, 1, size, out)


def _some_bins(size: int, total: int, first: int, out: int) -> tuple[range, ...]:
    """Some of an axis's bins, as if what they read were all there is."""
    bins = geometry.adaptive_bins(size, total)[first : first + out]
    return tuple(range(bin.start - bins[0].start, bin.stop - bins[0].start) for bin in bins)


def _reads(size: int, total: int, first: int, out: int) -> Reads:
    return _fewest(size, total, first, out)


# What torch.compiler.assume_constant_result sets; calling that would import all of torch.compile, a second or more.
_reads._dynamo_marked_constant = True  # type: ignore[attr-defined]


@lru_cache(maxsize=512)
def _fewest(size: int, total: int, first: int, out: int) -> Reads:
    """The slices, with the period that needs the fewest of them."""
    bins = _some_bins(size, total, first, out)
    return min((_with_period(bins, period) for period in range(1, min(LONGEST_PERIOD, out) + 1)), key=len)


def _with_period(bins: tuple[range, ...], period: int) -> Reads:
    taps = []
    for tap in range(max(map(len, bins))):
        for phase in range(period):
            run: list[int] = []
            for output in range(phase, len(bins), period):
                if len(bins[output]) <= tap or not _goes_on(run, output, bins, period):
                    taps += [_read(tap, run, bins, period)] if run else []
                    run = []
                if len(bins[output]) > tap:
                    run.append(output)
            taps += [_read(tap, run, bins, period)] if run else []
    return tuple(taps)


def _goes_on(run: list[int], output: int, bins: tuple[range, ...], period: int) -> bool:
    """Does this output come next in a run of outputs whose bins begin equally far apart?"""
    if not run:
        return True
    step = bins[output].start - bins[run[-1]].start
    return step > 0 and (len(run) < 2 or step == bins[run[1]].start - bins[run[0]].start)


def _read(tap: int, run: list[int], bins: tuple[range, ...], period: int):
    first, last = (bins[output].start + tap for output in (run[0], run[-1]))
    step = bins[run[1]].start - bins[run[0]].start if len(run) > 1 else 1
    return tap, (run[0], run[-1] + 1, period), (first, last + 1, step)
