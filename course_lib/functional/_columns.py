"""Windows as columns: copy what each window reads into a column, and add columns back to where they came from.

The two are each other's transpose, ⟨gather(x), c⟩ = ⟨x, scatter(c)⟩. unfold and fold are no more than that, and
a convolution is a matrix product with gathered columns. A tap of all windows together is one slice, so slices are
copied; torch.compile, which makes one loop of everything, is given positions to look up instead. Columns are written in
one order, x's axes before the spatial ones, then the taps of each axis, then its outputs, (N, C, k₁…kₙ, out₁…outₙ);
memory may have another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from course_lib.functional._windows import Axis


def gather(x: Tensor, axes: Sequence[Axis], columns: Tensor) -> None:
    """Write into `columns` what each tap of each window reads, 0 where it lies in the padding."""
    if torch.compiler.is_compiling():
        columns.copy_(_looked_up(x, axes))
        return
    for taps, windows, positions in meetings(axes):
        columns[(..., *taps, *windows)].copy_(x[(..., *positions)])
    for padding in _paddings(axes):
        columns[padding].zero_()


def scatter(columns: Tensor, axes: Sequence[Axis], x: Tensor) -> None:
    """Add each entry of `columns` to the position of `x` that it was gathered from; drop those of the padding."""
    if torch.compiler.is_compiling():
        x.add_(_collected(columns, axes))
        return
    for taps, windows, positions in meetings(axes):
        x[(..., *positions)].add_(columns[(..., *taps, *windows)])


def _looked_up(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`gather` by positions: tap k of window i reads i·stride + k·dilation of the padded axis."""
    ends = [(a.out - 1) * a.stride + a.dilation * (a.kernel_size - 1) + 1 - a.size - a.padding for a in axes]
    padded = pad(x, [width for axis, end in zip(axes, ends, strict=True) for width in (end, axis.padding)][::-1])
    positions: list[Any] = []
    for at, axis in enumerate(axes):
        taps, windows = _along(x, axis.kernel_size, at, axes), _along(x, axis.out, len(axes) + at, axes)
        positions.append(windows * axis.stride + taps * axis.dilation)
    return padded[(..., *positions)]


def _collected(columns: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`scatter` by positions: position p is tap k of window (p + padding - k·dilation) / stride, if there is one."""
    taps: list[Any] = []
    windows: list[Any] = []
    meets = torch.ones((), dtype=torch.bool, device=columns.device)
    for at, axis in enumerate(axes):
        tap, position = _along(columns, axis.kernel_size, at, axes), _along(columns, axis.size, len(axes) + at, axes)
        start = position + axis.padding - tap * axis.dilation
        window = start // axis.stride
        meets = meets & (start % axis.stride == 0) & (window >= 0) & (window < axis.out)
        taps.append(tap)
        windows.append(window.clamp(0, axis.out - 1))
    zero = columns.new_zeros(())
    return torch.where(meets, columns[(..., *taps, *windows)], zero).sum(
        tuple(range(-2 * len(axes), -len(axes))), dtype=columns.dtype
    )


def _along(x: Tensor, count: int, at: int, axes: Sequence[Axis]) -> Tensor:
    """0, 1, … along axis `at` of the taps and the positions of all axes."""
    return torch.arange(count, device=x.device).reshape([-1 if i == at else 1 for i in range(2 * len(axes))])


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
