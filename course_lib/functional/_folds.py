"""Combining the taps of each window, and the transpose of their sum.

Where an operation is separable (a maximum of maxima, a sum of sums), one axis after the other does, each a handful of
operations on whole slices. What bounds their speed is memory, hence two habits. Channels that lie side by side in
memory stay the last axis, so that a slice is made of long runs. And a large input is worked on piece by piece, from the
first axis to the last, so that what lies between two axes stays in the cache and is never held whole.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.functional._windows import Axis, Windows, is_channels_last

# Entries of a piece, at the axis where it is largest: a few such tensors fit into a processor's last cache.
PIECE = 2**19


@dataclass(frozen=True)
class Fold:
    """An associative, commutative operation.

    Of two tensors, of one tensor into another, of all entries along an axis, and of no tensor at all.
    """

    pair: Callable[..., Tensor]
    into: Callable[[Tensor, Tensor], Tensor]
    along: Callable[..., Tensor]
    nothing: Callable[[torch.dtype], float]


SUM = Fold(torch.add, Tensor.add_, torch.sum, lambda dtype: 0)


def traced() -> bool:
    """Is torch.compile or a transform of torch.func looking, so that nothing may be written piece by piece?"""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


def in_memory_order(x: Tensor, axes: Sequence[Axis], work: Callable[[Tensor, tuple[Axis, ...]], Tensor]) -> Tensor:
    """What `work` makes of a tensor whose channels, if they are last in memory, stand behind the spatial axes."""
    if not is_channels_last(x, len(axes)):
        return work(x, tuple(axes))
    return work(x.movedim(1, -1), Windows(tuple(axes)).before_channels().axes).movedim(-1, 1)


def fold_all(x: Tensor, axes: Sequence[Axis], op: Fold, divisor: int = 1) -> Tensor:
    """Combine the taps of each window, and divide. A new tensor in the memory format of `x`."""
    return in_memory_order(x, axes, lambda x, axes: _fold_all(x, axes, op, divisor))


def _fold_all(x: Tensor, axes: Sequence[Axis], op: Fold, divisor: int) -> Tensor:
    first = x.dim() + axes[0].dim
    if all(axis.is_whole() for axis in axes):
        y = op.along(x.flatten(first, first + len(axes) - 1), first)
        y = y.reshape(*x.shape[:first], *(1 for _ in axes), *x.shape[first + len(axes) :])
        return y if divisor == 1 else y.div_(divisor)
    if traced():
        for axis in axes:
            x = fold(x, axis, op)
        return (x if divisor == 1 else x.div_(divisor)).contiguous()
    shapes = shapes_between(x.shape, axes)
    y = x.new_empty(shapes[-1])
    for some_axes, _, some_x, some_y in pieces_and_runs(axes, piece_count(x, shapes), x, y):
        for axis in some_axes[:-1]:
            some_x = fold(some_x, axis, op)
        fold(some_x, some_axes[-1], op, out=some_y)
        if divisor != 1:
            some_y.div_(divisor)
    return y


def fold(x: Tensor, axis: Axis, op: Fold, out: Tensor | None = None) -> Tensor:
    """Combine the taps of each window along one axis; padding takes no part. The result is a new tensor, or `out`."""
    if axis.kernel_size > axis.out and axis.dilation == 1:  # more taps than windows: a reduction for each is less work
        parts = (op.along(axis.part(x, window), axis.dim, keepdim=True) for window in axis.windows())
        if traced():
            return torch.cat([*parts], axis.dim)
        y = axis.resized(x, axis.out) if out is None else out
        for number, part in enumerate(parts):
            y.narrow(axis.dim, number, 1).copy_(part)
        return y
    # A sum of slices is one loop to torch.compile, and what is written into slices many. (Bins have no stride.)
    if torch.compiler.is_compiling() and axis.stride:
        y = functools.reduce(op.pair, axis.slices(axis.with_padding(x, op.nothing(x.dtype))))
        return y if axis.kernel_size > 1 else y.clone()
    taps = [(outputs, axis.part(x, inputs)) for _, outputs, inputs in axis.taps()]
    whole = [tap for outputs, tap in taps if outputs == slice(0, axis.out)]
    if len(whole) > 1:
        y = op.pair(whole[0], whole[1], out=out)
    elif whole:
        y = whole[0].clone() if out is None else out.copy_(whole[0])
    else:
        y = (axis.resized(x, axis.out) if out is None else out).fill_(op.nothing(x.dtype))
    for tap in whole[2:]:
        op.into(y, tap)
    for outputs, tap in taps:
        if outputs != slice(0, axis.out):
            op.into(axis.part(y, outputs), tap)
    return y


def spread_all(g: Tensor, axes: Sequence[Axis], divisor: int = 1) -> Tensor:
    """The transpose of `fold_all` with a sum."""
    return in_memory_order(g, axes, lambda g, axes: _spread_all(g, axes, divisor))


def _spread_all(g: Tensor, axes: Sequence[Axis], divisor: int) -> Tensor:
    axes = axes[::-1]
    if traced():
        g = g / divisor
        for axis in axes:
            g = spread(g, axis)
        return g.contiguous()
    shapes = shapes_between(g.shape, axes, back=True)
    x = g.new_empty(shapes[-1])
    for some_g, some_x in pieces(g.dim() + axes[-1].dim, piece_count(g, shapes), g, x):
        some_g = some_g if divisor == 1 else some_g / divisor
        for axis in axes[:-1]:
            some_g = spread(some_g, axis)
        spread(some_g, axes[-1], out=some_x)
    return x


def spread(g: Tensor, axis: Axis, out: Tensor | None = None) -> Tensor:
    """Add each output's value to every position that its window reads: the transpose of `fold` with a sum."""
    k, tiling = axis.kernel_size, axis.is_tiling()
    if torch.compiler.is_compiling() and not tiling and axis.stride > 1:
        g, axis = _with_gaps(g, axis)
    if axis.stride == 1 and not tiling:  # each position adds up the outputs around it: windows again
        padding = axis.dilation * (k - 1) - axis.padding
        return fold(g, Axis(axis.dim, axis.out, axis.size, k, 1, padding, axis.dilation), SUM, out)
    if torch.compiler.is_compiling():
        return g.repeat_interleave(k, axis.dim)
    x = axis.resized(g, axis.size) if out is None else out
    if tiling and axis.dim < -1:
        dim = g.dim() + axis.dim
        x.unflatten(dim, (axis.out, k)).copy_(g.unsqueeze(dim + 1))
    elif tiling:  # neighbours in memory are copied fastest tap by tap
        for _, _, inputs in axis.taps():
            axis.part(x, inputs).copy_(g)
    else:
        x.zero_()
        for _, outputs, inputs in axis.taps():
            axis.part(x, inputs).add_(axis.part(g, outputs))
    return x


def _with_gaps(g: Tensor, axis: Axis) -> tuple[Tensor, Axis]:
    """Windows that lie a stride apart, as windows at every position: those between have the value 0."""
    dim = g.dim() + axis.dim
    apart = torch.constant_pad_nd(g.unsqueeze(dim + 1), [*(0, 0) * (-1 - axis.dim), 0, axis.stride - 1])
    return apart.flatten(dim, dim + 1), Axis(
        axis.dim, axis.size, axis.out * axis.stride, axis.kernel_size, 1, axis.padding, axis.dilation
    )


def shapes_between(shape: Sequence[int], axes: Sequence[Axis], back: bool = False) -> list[list[int]]:
    """The shape before the first axis is worked on and after each; `back` from windows to what they read."""
    shapes = [list(shape)]
    for axis in axes:
        shapes.append(list(shapes[-1]))
        shapes[-1][axis.dim] = axis.size if back else axis.out
    return shapes


def piece_count(x: Tensor, shapes: Sequence[Sequence[int]]) -> int:
    """Into how many pieces to cut: each is to stay in the cache, and what lies between below the size of the result.

    A GPU is never cut for: there each operation takes longer to start than a piece to work on.
    """
    if x.device.type != "cpu":
        return 1
    entries = [math.prod(shape) for shape in shapes]
    return max(-(-max(entries) // PIECE), -(-max(entries[1:-1], default=0) // max(1, entries[-1])))


def pieces_and_runs(axes: Sequence[Axis], count: int, x: Tensor, *outs: Tensor) -> Iterator[tuple]:
    """Cut an input and what is made of it along the axes before the spatial ones, and then the first of those.

    For each piece the axes that it has, what it reads of the first axis, and the tensors.
    """
    lead = x.dim() + axes[0].dim
    for piece in pieces(lead, count, x, *outs):
        for axis, inputs, outputs in axes[0].runs(count // max(1, math.prod(x.shape[:lead]))):
            parts = [axis.part(out, outputs) for out in piece[1:]]
            yield (axis, *axes[1:]), inputs, axis.part(piece[0], inputs), *parts


def pieces(lead: int, count: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors alike along their first `lead` axes into about `count` pieces, if there are so many entries."""
    length = len(tensors[0])
    if lead == 0 or count <= 1 or length == 0:
        yield tensors
    elif count <= length:
        yield from zip(*(t.split(-(-length // count)) for t in tensors), strict=True)
    else:
        for rows in zip(*tensors, strict=True):
            yield from pieces(lead - 1, -(-count // length), *rows)
