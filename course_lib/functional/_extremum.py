"""The largest or smallest entry of each window: its value, its position, its gradient.

Values need no positions: a maximum of maxima, axis by axis, is a handful of operations on whole slices. Positions are
looked up only where somebody asks for them: `return_indices`, or a gradient on its way back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.functional._windows import (
    FLOATS,
    INTEGERS,
    Axis,
    Fold,
    Windows,
    check_dtype,
    fold,
    is_channels_last,
    windows_of,
)


def _lowest(dtype: torch.dtype) -> float:
    return -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _highest(dtype: torch.dtype) -> float:
    return math.inf if dtype.is_floating_point else torch.iinfo(dtype).max


# A NaN beats everything, in both.
LARGEST = Fold(torch.maximum, Tensor.clamp_min_, _lowest)
SMALLEST = Fold(torch.minimum, Tensor.clamp_max_, _highest)


# Torch doesn't compare wide unsigned integers. Their bits read as signed, the top bit flipped, have the same order.
SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def max_pool(name: str, n: int, input: Tensor, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    windows = windows_of(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)
    # On a CPU torch takes integers too, but in max_pool1d only where it returns indices.
    integers = input.device.type != "cuda" and (n > 1 or return_indices)
    check_dtype(name, input, FLOATS + INTEGERS if integers else FLOATS)
    values, indices = _pool(input, windows, LARGEST, return_indices)
    return (values, indices) if return_indices else values


def min_pool(name: str, n: int, input: Tensor, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    windows = windows_of(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)
    check_dtype(name, input, (*FLOATS, *INTEGERS, *SIGNED, torch.bool))
    if input.dtype in SIGNED:
        signed = SIGNED[input.dtype]
        flip = torch.iinfo(signed).min
        values, indices = _pool(input.view(signed) ^ flip, windows, SMALLEST, return_indices)
        values = (values ^ flip).view(input.dtype)
    else:
        x = input.view(torch.uint8) if input.dtype is torch.bool else input
        values, indices = _pool(x, windows, SMALLEST, return_indices)
        values = values.view(torch.bool) if input.dtype is torch.bool else values
    return (values, indices) if return_indices else values


def _pool(x: Tensor, windows: Windows, op: Fold, return_indices: bool) -> tuple[Tensor, Tensor | None]:
    if not return_indices:
        return (_Extremum if torch.compiler.is_compiling() else _DualExtremum).apply(x, windows, op), None
    indices, blank = _positions(x.detach(), windows, op), _blank(windows, x.device)
    values = _taken(x, indices, windows)
    if blank is None:
        return values, indices
    return values.masked_fill(blank, op.nothing(x.dtype)), torch.where(blank, _first_tap(windows, x.device), indices)


def _values(x: Tensor, windows: Windows, op: Fold) -> Tensor:
    channels_last = is_channels_last(x)
    for axis in windows.axes:
        x = fold(x, axis, op)
    return x if channels_last else x.contiguous()


def _positions(x: Tensor, windows: Windows, op: Fold) -> Tensor:
    """Where each window's extreme entry lies: the first of equals in reading order, but the last NaN if there is one.

    Along an axis, a tap that holds the extreme entry scores kernel_size - tap, a NaN kernel_size + tap. So the highest
    score belongs to the first of equals, or to the last NaN, and the tap is how far it lies from kernel_size. A score
    has bits for every axis, rows above columns, and a NaN's bit on top: so the maximum over an axis carries along the
    bits of the axes before, and prefers the first row to the first column. (Scores are small integers because a
    maximum of those costs next to nothing, unlike a selection with torch.where.)
    """
    bits = _score_bits(windows)
    top = sum(bits)
    dtype = torch.uint8 if top < 8 else torch.int32 if top < 31 else torch.int64
    scores, shift = x, top
    for axis, width in zip(windows.axes, bits, strict=True):
        first, shift = shift == top, shift - width
        extreme = fold(x, axis, op)
        if not x.is_floating_point():
            nan = None
        elif first:
            nan = (x != x).view(torch.uint8).to(dtype)
        else:
            nan = scores >> top
        best = torch.zeros_like(extreme, dtype=dtype)
        for tap, outputs, inputs in axis.taps():
            before = 0 if first else axis.part(scores, inputs)
            hit = (axis.part(x, inputs) == axis.part(extreme, outputs)).view(torch.uint8).to(dtype)
            score = hit * (before + ((axis.kernel_size - tap) << shift))
            if nan is not None:
                score += axis.part(nan, inputs) * (before + ((axis.kernel_size + tap) << shift) + (first << top))
            axis.part(best, outputs).clamp_min_(score)
        x, scores = extreme, best
    return _flat_indices(scores, windows)


def _score_bits(windows: Windows) -> list[int]:
    return [(2 * axis.kernel_size - 1).bit_length() for axis in windows.axes]


def _flat_indices(scores: Tensor, windows: Windows) -> Tensor:
    """Positions in the flattened spatial axes; 0 for a window of padding alone."""
    flat, later = torch.zeros_like(scores, dtype=torch.long), 1
    for axis, width in zip(reversed(windows.axes), reversed(_score_bits(windows)), strict=True):
        score = scores & ((1 << width) - 1)
        tap = torch.maximum(score, 2 * axis.kernel_size - score) - axis.kernel_size
        flat.add_(tap.long(), alpha=axis.dilation * later)
        flat.add_(_column([start * later for start in axis.starts()], axis, scores.device))
        scores, later = scores >> width, later * axis.size
    blank = _blank(windows, scores.device)
    return flat if blank is None else flat.masked_fill(blank, 0)


class _Extremum(torch.autograd.Function):
    """Values forwards, from slices. Backwards the gradient of an output goes, whole, to the position that won."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, windows, op):
        return _values(x, windows, op)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.windows, ctx.op = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        indices, blank = _positions(x.detach(), ctx.windows, ctx.op), _blank(ctx.windows, x.device)
        if blank is not None:
            g = g.masked_fill(blank, 0)
        return _scatter(g, indices, ctx.windows), None, None


class _DualExtremum(_Extremum):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, *_):
        (x,) = ctx.saved_tensors
        y = _taken(tangent, _positions(x.detach(), ctx.windows, ctx.op), ctx.windows)
        blank = _blank(ctx.windows, x.device)
        return y if blank is None else y.masked_fill(blank, 0)


def _taken(x: Tensor, indices: Tensor, windows: Windows) -> Tensor:
    """The entries of `x` at `indices` of its flattened spatial axes."""
    n = len(windows.axes)
    x, flat, dim = x.flatten(-n), indices.flatten(-n), -1
    if is_channels_last(indices):
        x, flat, dim = x.transpose(-1, -2), flat.transpose(-1, -2), -2
    y = x.gather(dim, flat)
    return (y if dim == -1 else y.transpose(-1, -2)).unflatten(-1, indices.shape[-n:])


def _scatter(g: Tensor, indices: Tensor, windows: Windows) -> Tensor:
    """Add each entry of `g` at its index of an input of zeros."""
    sizes = [axis.size for axis in windows.axes]
    planes, outputs = g.shape[: -len(windows.axes)], math.prod([axis.out for axis in windows.axes])
    g, indices, dim = g.reshape(*planes, outputs), indices.reshape(*planes, outputs), -1
    channels_last = len(planes) == 2 and indices.stride(-2) == 1 < planes[-1]
    if channels_last:
        g, indices, dim = g.transpose(-1, -2), indices.transpose(-1, -2), -2
    shape = list(g.shape)
    shape[dim] = math.prod(sizes)
    x = g.new_zeros(shape).scatter_add(dim, indices, g)
    return (x.transpose(-1, -2) if channels_last else x).reshape(*planes, *sizes)


def _column(values: list, axis: Axis, device: torch.device) -> Tensor:
    """One number for each output of an axis, in a shape that broadcasts along the others."""
    return torch.tensor(values, device=device).reshape(-1, *(1,) * (-1 - axis.dim))


def _blank(windows: Windows, device: torch.device) -> Tensor | None:
    """Which windows read nothing but padding: dilated ones can straddle a short axis. Mostly none: then None."""
    if not any(axis.padding and axis.dilation > 1 for axis in windows.axes):
        return None
    blank = torch.zeros((), dtype=torch.bool, device=device)
    for axis in windows.axes:
        reached = {output for _, outputs, _ in axis.taps() for output in range(outputs.start, outputs.stop)}
        blank = blank | _column([output not in reached for output in range(axis.out)], axis, device)
    return blank


def _first_tap(windows: Windows, device: torch.device) -> Tensor:
    """torch's index of a blank window: that of its first tap at or past position 0, even where it lies outside."""
    flat = torch.zeros((), dtype=torch.long, device=device)
    for axis in windows.axes:
        at = [start if start >= 0 else start % axis.dilation for start in axis.starts()]
        flat = flat * axis.size + _column(at, axis, device)
    return flat
