"""Windows as columns: copy what each window reads into a column, and add columns back to where they came from.

The two are each other's transpose, ⟨gather(x), c⟩ = ⟨x, scatter(c)⟩. unfold and fold are no more than that, and
a convolution is a matrix product with gathered columns. A tap of all windows together is one slice, so slices are
copied; torch.compile, which makes one loop of everything, is given a view, and sums of slices. Columns are
written in one order, x's axes before the spatial ones, then the taps of each axis, then its outputs,
(N, C, k₁…kₙ, out₁…outₙ); memory may have another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
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


def scatter(columns: Tensor, axes: Sequence[Axis], x: Tensor, write: Callable = Tensor.add_) -> None:
    """Add each entry of `columns` to the position of `x` that it was gathered from; drop those of the padding.

    Where each position belongs to one window, `write` may be Tensor.copy_.
    """
    if torch.compiler.is_compiling():
        x.add_(_collected(columns, axes))
        return
    for taps, windows, positions in meetings(axes):
        write(x[(..., *positions)], columns[(..., *taps, *windows)])


def put_back(columns: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`scatter` into a new tensor."""
    shape = (*columns.shape[: -2 * len(axes)], *(axis.size for axis in axes))
    copies = not torch.compiler.is_compiling() and all(axis.is_tiling() for axis in axes)
    x = (columns.new_empty if copies else columns.new_zeros)(shape)
    scatter(columns, axes, x, Tensor.copy_ if copies else Tensor.add_)
    return x


def _looked_up(x: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`gather` as one view: every window of the padded input, every dilation-th position of each."""
    spans = [axis.dilation * (axis.kernel_size - 1) + 1 for axis in axes]
    padded = pad(x, [width for axis in axes for width in (axis.behind(), axis.padding)][::-1])
    n, first = len(axes), x.dim() - len(axes)
    for at, (axis, span) in enumerate(zip(axes, spans, strict=True)):
        padded = padded.unfold(first + at, span, axis.stride)
    taps: Any = (..., *(slice(None, None, axis.dilation) for axis in axes))
    return padded[taps].movedim(tuple(range(-n, 0)), tuple(range(first, first + n)))


def _collected(columns: Tensor, axes: Sequence[Axis]) -> Tensor:
    """`scatter` as sums, axis by axis: position q·stride + r adds up what each tap of window q + shift has for it."""
    for at, axis in enumerate(axes):
        behind = len(axes) - at - 1
        length = -(-axis.size // axis.stride)
        taps = columns.unbind(-2 * len(axes) + at)
        phases = []
        for phase in range(axis.stride):
            parts = []
            for number, tap in enumerate(taps):
                shift, rest = divmod(phase + axis.padding - number * axis.dilation, axis.stride)
                if rest == 0 and -length < shift < axis.out:
                    parts.append(pad(tap, [*(0, 0) * behind, -shift, length + shift - axis.out]))
            phases.append(reduce(torch.add, parts) if parts else axis.resized(taps[0], length).zero_())
        columns = torch.stack(phases, axis.dim).flatten(axis.dim - 1, axis.dim).narrow(axis.dim, 0, axis.size)
    return columns


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
