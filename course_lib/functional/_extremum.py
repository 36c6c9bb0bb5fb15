"""The largest or smallest entry of each window: its value, its position, its gradient.

Values need no positions: a maximum of maxima, axis by axis, is a handful of operations on whole slices. Positions are
looked up only where somebody asks for them: `return_indices`, or a gradient on its way back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.functional._positions import blank_windows, first_tap, positions
from course_lib.functional._routing import route
from course_lib.functional._windows import (
    FLOATS,
    INTEGERS,
    Fold,
    Windows,
    check_dtype,
    fold_all,
    is_channels_last,
    windows_of,
)


def _lowest(dtype: torch.dtype) -> float:
    return -math.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _highest(dtype: torch.dtype) -> float:
    return math.inf if dtype.is_floating_point else torch.iinfo(dtype).max


# A NaN beats everything, in both.
LARGEST = Fold(torch.maximum, Tensor.clamp_min_, torch.amax, _lowest)
SMALLEST = Fold(torch.minimum, Tensor.clamp_max_, torch.amin, _highest)


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


def extremum(x: Tensor, windows: Windows, op: Fold, return_indices: bool) -> tuple[Tensor, Tensor | None]:
    if not return_indices:
        return (_Extremum if torch.compiler.is_compiling() else _DualExtremum).apply(x, windows, op), None
    indices, blank = positions(x.detach(), windows, op), blank_windows(windows, x.device)
    values = _taken(x, indices, windows)
    if blank is None:
        return values, indices
    return values.masked_fill(blank, op.nothing(x.dtype)), torch.where(blank, first_tap(windows, x.device), indices)


def _values(x: Tensor, windows: Windows, op: Fold) -> Tensor:
    channels_last = is_channels_last(x)
    x = fold_all(x, windows.axes, op)
    return x if channels_last else x.contiguous()


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
        whole = all(axis.is_whole() for axis in ctx.windows.axes)
        if x.device.type == "cpu" and not whole and not _traced():
            return _Routed.apply(g, x.detach(), ctx.windows, ctx.op), None, None
        return _scattered(g, x.detach(), ctx.windows, ctx.op), None, None


class _DualExtremum(_Extremum):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, *_):
        (x,) = ctx.saved_tensors
        return _gathered(tangent, x.detach(), ctx.windows, ctx.op)


def _traced() -> bool:
    """Is torch.compile or a transform of torch.func looking, so that nothing may depend on values?"""
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()


class _Routed(torch.autograd.Function):
    """The gradient sent back without positions, where there is no NaN. It is linear in the gradient."""

    @staticmethod
    def forward(g, x, windows, op):
        routed = route(g, x, windows, op)
        return _scattered(g, x, windows, op) if routed is None else routed

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, x, ctx.windows, ctx.op = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx, h):
        (x,) = ctx.saved_tensors
        return _gathered(h, x, ctx.windows, ctx.op), None, None, None

    @staticmethod
    def jvp(ctx, tangent, *_):
        (x,) = ctx.saved_tensors
        return _Routed.apply(tangent, x, ctx.windows, ctx.op)


def _gathered(x_like: Tensor, x: Tensor, windows: Windows, op: Fold) -> Tensor:
    """From a tensor of the input's shape, what lies where each window's winner is; 0 where a window has none."""
    y = _taken(x_like, positions(x, windows, op), windows)
    blank = blank_windows(windows, x.device)
    return y if blank is None else y.masked_fill(blank, 0)


def _scattered(g: Tensor, x: Tensor, windows: Windows, op: Fold) -> Tensor:
    """The transpose of that: each window's gradient at the place of its winner."""
    indices, blank = positions(x, windows, op), blank_windows(windows, x.device)
    if blank is not None:
        g = g.masked_fill(blank, 0)
    return _scatter(g, indices, windows, is_channels_last(x, len(windows.axes)))


def _taken(x: Tensor, indices: Tensor, windows: Windows) -> Tensor:
    """The entries of `x` at `indices` of its flattened spatial axes."""
    n = len(windows.axes)
    x, flat, dim = x.flatten(-n), indices.flatten(-n), -1
    if is_channels_last(indices, n):
        x, flat, dim = x.transpose(-1, -2), flat.transpose(-1, -2), -2
    y = x.gather(dim, flat)
    return (y if dim == -1 else y.transpose(-1, -2)).unflatten(-1, indices.shape[-n:])


def _scatter(g: Tensor, indices: Tensor, windows: Windows, channels_last: bool) -> Tensor:
    """Add each entry of `g` at its index of an input of zeros."""
    sizes = [axis.size for axis in windows.axes]
    planes, outputs = g.shape[: -len(windows.axes)], math.prod([axis.out for axis in windows.axes])
    g, indices, dim = g.reshape(*planes, outputs), indices.reshape(*planes, outputs), -1
    if channels_last:
        g, indices, dim = g.transpose(-1, -2), indices.transpose(-1, -2), -2
    shape = list(g.shape)
    shape[dim] = math.prod(sizes)
    x = g.new_zeros(shape)
    if _traced():
        x = x.scatter_add(dim, indices, g)  # vmap may have made x smaller than g
    else:
        x.scatter_add_(dim, indices, g)
    return (x.transpose(-1, -2) if channels_last else x).reshape(*planes, *sizes)
