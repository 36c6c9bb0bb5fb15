"""Unfold and fold: sliding windows as columns, and columns added back to an image.

Drop-ins for those of torch.nn.functional, each the transpose of the other: ⟨unfold(x), c⟩ = ⟨x, fold(c)⟩.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.functional._columns import gather, put_back
from course_lib.functional._windows import FLOATS, Axis, Windows, check_dtype, check_tensor

Ints = int | Sequence[int]


def unfold(input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Tensor:
    """Each window of an image as a column: (N, C, H, W) to (N, C·KH·KW, L), L the number of windows. N may be missing.

    Entry (c, i, j) of a column is tap (i, j) of its window on channel c, padding is 0. The windows stand in rows,
    sizes by geometry.output_size. So conv2d is weight.flatten(1) @ unfold(input).

    >>> unfold(torch.arange(6.0).reshape(1, 2, 3), (2, 2))
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    check_tensor("unfold", input)
    kernel, *others = _pairs("unfold", kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
    if input.dim() < 3:
        raise IndexError(f"unfold(): input must have 3 or 4 axes, (C, H, W) or (N, C, H, W), not {tuple(input.shape)}")
    if input.dim() > 4 or 0 in input.shape[-3:]:
        raise RuntimeError(
            "unfold(): input must have 3 or 4 axes, (C, H, W) or (N, C, H, W), and no empty one but the batch, "
            f"but its shape is {tuple(input.shape)}"
        )
    check_dtype("unfold", input, TAKEN)
    windows = Windows(
        tuple(_axis("unfold", -2 + i, input.shape[i - 2], kernel[i], *(o[i] for o in others)) for i in (0, 1))
    )
    return _apply(input, windows, False).flatten(-5, -3).flatten(-2)


def fold(
    input: Tensor, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Columns added back to the positions that their windows read: (N, C·KH·KW, L) to (N, C, H, W) = `output_size`.

    Where windows overlap they add up: fold(unfold(x)) is x times the number of windows that read each position. N
    may be missing. RuntimeError unless L is the number of windows on an image of `output_size`.

    >>> fold(torch.ones(1, 4, 2), output_size=(2, 3), kernel_size=2)
    tensor([[[[1., 2., 1.],
              [1., 2., 1.]]]])
    """
    check_tensor("fold", input)
    size, kernel, *others = _pairs(
        "fold", output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
    )
    if input.dim() not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "fold(): input must have 2 or 3 axes, (C·KH·KW, L) or (N, C·KH·KW, L), and no empty one but the batch, "
            f"but its shape is {tuple(input.shape)}"
        )
    check_dtype("fold", input, TAKEN)
    axes = tuple(_axis("fold", -2 + i, size[i], kernel[i], *(o[i] for o in others)) for i in (0, 1))
    count = [axis.out for axis in axes]
    if input.shape[-2] % math.prod(kernel):
        raise RuntimeError(
            f"fold(): input.shape[-2]={input.shape[-2]}, the entries of a column, must be a multiple of "
            f"{math.prod(kernel)}, the taps of kernel_size={kernel}"
        )
    if input.shape[-1] != math.prod(count):
        raise RuntimeError(
            f"fold(): input.shape[-1]={input.shape[-1]} must be {count[0]} · {count[1]} = {math.prod(count)}, "
            f"the number of windows on output_size={size}"
        )
    columns = input.unflatten(-1, count).unflatten(-3, (-1, *kernel))
    return _apply(columns, Windows(axes), True)


TAKEN = (*FLOATS, torch.complex64, torch.complex128, torch.bool)


def _apply(x: Tensor, windows: Windows, transpose: bool) -> Tensor:
    return (_Columns if torch.compiler.is_compiling() else _DualColumns).apply(x, windows, transpose)


class _Columns(torch.autograd.Function):
    """(…, H, W) to columns (…, KH, KW, H', W') or, with `transpose`, back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, windows, transpose):
        axes = windows.axes
        if transpose:
            return put_back(x, axes)
        shape = (*x.shape[:-2], *(axis.kernel_size for axis in axes), *(axis.out for axis in axes))
        columns = x.new_empty(shape)
        gather(x, axes, columns)
        return columns

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.windows, ctx.transpose = inputs

    @staticmethod
    def backward(ctx, g):
        return _apply(g, ctx.windows, not ctx.transpose), None, None


class _DualColumns(_Columns):
    """The same with a forward-mode derivative, apart because torch.compile takes no Function that has one."""

    @staticmethod
    def jvp(ctx, tangent, *_):
        return _apply(tangent, ctx.windows, ctx.transpose)


def _pairs(name: str, **arguments: Ints) -> list[tuple[int, ...]]:
    pairs = []
    for argument, value in arguments.items():
        try:
            pair = geometry.per_axis(value, 2, argument)
        except TypeError as error:
            raise TypeError(f"{name}(): {error}") from None
        except ValueError:
            pair = ()
        if not pair or isinstance(value, Sequence) and len(value) != 2:
            raise RuntimeError(f"{name}(): {argument}={value!r} must be an int or have 2 entries, (H, W)")
        pairs.append(pair)
    return pairs


def _axis(name: str, dim: int, size: int, kernel_size: int, dilation: int, padding: int, stride: int) -> Axis:
    try:
        out = geometry.output_size(size, kernel_size, stride, padding, dilation)
    except ValueError as error:
        raise RuntimeError(f"{name}(): on dim {dim}, {error}") from None
    return Axis(dim, size, out, kernel_size, stride, padding, dilation)
