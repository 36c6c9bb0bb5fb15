"""The largest or smallest entry of each window: its value, its position, its gradient.

Values alone need no positions: a maximum of maxima, axis by axis, is a handful of operations on whole slices. Positions
are found only where somebody may ask for them: `return_indices`, or a gradient that is to come back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import forward_ad

from course_lib.functional._folds import fold_all, traced
from course_lib.functional._positions import Extremum, blank_windows, first_tap, winners
from course_lib.functional._windows import FLOATS, INTEGERS, Windows, check_dtype, is_channels_last, windows_of


def _lowest(dtype: torch.dtype) -> float:
    return -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _highest(dtype: torch.dtype) -> float:
    return math.inf if dtype.is_floating_point else torch.iinfo(dtype).max


# A NaN beats everything, in both.
LARGEST = Extremum(torch.maximum, Tensor.clamp_min_, torch.amax, _lowest, torch.gt)
SMALLEST = Extremum(torch.minimum, Tensor.clamp_max_, torch.amin, _highest, torch.lt)


# Torch doesn't compare wide unsigned integers. Their bits read as signed, the top bit flipped, have the same order.
SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def max_pool(name: str, n: int, input: Tensor, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    windows = windows_of(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)
    # On a CPU torch takes integers too, but in max_pool1d only where it returns indices.
    integers = input.device.type != "cuda" and (n > 1 or return_indices)
    check_dtype(name, input, FLOATS + INTEGERS if integers else FLOATS)
    values, indices = extremum(input, windows, LARGEST, return_indices)
    return (values, indices) if return_indices else values


def min_pool(name: str, n: int, input: Tensor, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    windows = windows_of(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)
    check_dtype(name, input, (*FLOATS, *INTEGERS, *SIGNED, torch.bool))
    if input.dtype in SIGNED:
        signed = SIGNED[input.dtype]
        flip = torch.iinfo(signed).min
        values, indices = extremum(input.view(signed) ^ flip, windows, SMALLEST, return_indices)
        values = (values ^ flip).view(input.dtype)
    else:
        x = input.view(torch.uint8) if input.dtype is torch.bool else input
        values, indices = extremum(x, windows, SMALLEST, return_indices)
        values = values.view(torch.bool) if input.dtype is torch.bool else values
    return (values, indices) if return_indices else values


def extremum(x: Tensor, windows: Windows, op: Extremum, return_indices: bool) -> tuple[Tensor, Tensor | None]:
    if not return_indices and not _is_differentiated(x):
        return fold_all(x, windows.axes, op), None
    blank = blank_windows(windows, x.device)
    if traced():
        _, indices = winners(x.detach(), windows, op)
        values = _gathered(x, indices, windows)
        values = values if blank is None else values.masked_fill(blank, op.nothing(x.dtype))
    else:
        values, indices = _Winners.apply(x, windows, op)
    if not return_indices:
        return values, None
    if blank is None:
        return values, indices
    return values, torch.where(blank, first_tap(windows, x.device), indices)


def _is_differentiated(x: Tensor) -> bool:
    """May somebody ask for a derivative, backwards or forwards?"""
    if x.requires_grad and torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
        return True
    return not torch.compiler.is_compiling() and forward_ad.unpack_dual(x).tangent is not None


class _Winners(torch.autograd.Function):
    """Values and indices. The gradient of an output goes, whole, to the position that won."""

    @staticmethod
    def forward(x, windows, op):
        return winners(x, windows, op)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.windows, _ = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # else zeros come as the gradient of the indices
        ctx.save_for_backward(x, output[1])  # x too, so that its being changed is noticed
        ctx.save_for_forward(output[1])

    @staticmethod
    def backward(ctx, g, _):
        return None if g is None else _scattered(g, ctx.saved_tensors[1], ctx.windows), None, None

    @staticmethod
    def jvp(ctx, tangent, *_):
        y, blank = _gathered(tangent, ctx.saved_tensors[0], ctx.windows), blank_windows(ctx.windows, tangent.device)
        return y if blank is None else y.masked_fill(blank, 0), None


def _gathered(x: Tensor, indices: Tensor, windows: Windows) -> Tensor:
    """The entries of `x` at `indices` of its flattened spatial axes."""
    n = len(windows.axes)
    if is_channels_last(indices, n):
        x, at = x.movedim(1, -1), indices.movedim(1, -1)
        return x.flatten(1, n).gather(1, at.flatten(1, n)).reshape(at.shape).movedim(-1, 1)
    return x.flatten(-n).gather(-1, indices.flatten(-n)).reshape(indices.shape)


def _scattered(g: Tensor, indices: Tensor, windows: Windows) -> Tensor:
    """The transpose of that: each window's gradient is added at its index; that of a blank one is lost."""
    n, sizes = len(windows.axes), [axis.size for axis in windows.axes]
    blank = blank_windows(windows, g.device)
    g = g if blank is None else g.masked_fill(blank, 0)
    if is_channels_last(indices, n):
        g, indices = g.movedim(1, -1).flatten(1, n), indices.movedim(1, -1).flatten(1, n)
        x = g.new_zeros(len(g), math.prod(sizes), g.shape[-1])
        return x.scatter_add_(1, indices, g).unflatten(1, sizes).movedim(-1, 1)
    g, indices = g.flatten(-n), indices.flatten(-n)
    return g.new_zeros(*g.shape[:-1], math.prod(sizes)).scatter_add_(-1, indices, g).unflatten(-1, sizes)
