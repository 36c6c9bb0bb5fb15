"""Windows as columns: copy what each window reads into a column, and add columns back to where they came from.

The two are each other's transpose, ⟨gather(x), c⟩ = ⟨x, scatter(c)⟩. unfold and fold are no more than that, and
a convolution is a matrix product with gathered columns. Columns are written in one order, x's axes before the
spatial ones, then the taps of each axis, then its outputs, (N, C, k₁…kₙ, out₁…outₙ); memory may have another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from torch import Tensor

from course_lib.functional._windows import Axis


def gather(x: Tensor, axes: Sequence[Axis], columns: Tensor) -> None:
    """Write into `columns` what each tap of each window reads, 0 where it lies in the padding."""
    for taps, windows, positions in meetings(axes):
        columns[(..., *taps, *windows)].copy_(x[(..., *positions)])
    for padding in _paddings(axes):
        columns[padding].zero_()


def scatter(columns: Tensor, axes: Sequence[Axis], x: Tensor) -> None:
    """Add each entry of `columns` to the position of `x` that it was gathered from; drop those of the padding."""
    for taps, windows, positions in meetings(axes):
        x[(..., *positions)].add_(columns[(..., *taps, *windows)])


def meetings(axes: Sequence[Axis]) -> Iterator[tuple[Any, Any, Any]]:
    """For each combination of taps that meets the input: the taps, the windows where it does, what these read."""
    for meeting in product(*(tuple(axis.taps()) for axis in axes)):
        taps, windows, positions = zip(*meeting, strict=True)
        yield taps, windows, positions


def _paddings(axes: Sequence[Axis]) -> Iterator[Any]:
    """Indices of the columns that lie in the padding of one axis."""
    for at, axis in enumerate(axes):
        inside = {tap: outputs for tap, outputs, _ in axis.taps()}
        for tap in range(axis.kernel_size):
            outputs = inside.get(tap, slice(axis.out, axis.out))
            for outside in (slice(0, outputs.start), slice(outputs.stop, axis.out)):
                if outside.start < outside.stop:
                    place: list[int | slice] = [slice(None)] * (2 * len(axes))
                    place[at], place[len(axes) + at] = tap, outside
                    yield (..., *place)
