"""Blur pooling: smooth, then keep every stride-th value, so that what lies between is not lost.

R. Zhang, "Making Convolutional Networks Shift-Invariant Again" (ICML 2019).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from course_lib import geometry
from course_lib.functional._folds import in_memory_order
from course_lib.functional._linear import apply_slices
from course_lib.functional._windows import FLOATS, SHAPES, Axis, check_dtype, check_tensor

Ints = int | Sequence[int]


def blur_pool1d(input: torch.Tensor, kernel_size: Ints = 3, stride: Ints = 2) -> torch.Tensor:
    """Blur a signal and keep every stride-th value: (N, C, L) to (N, C, ⌈L / stride⌉). See blur_pool2d.

    >>> blur_pool1d(torch.tensor([[0.0, 0.0, 4.0, 0.0, 0.0]]), stride=1)
    tensor([[0., 1., 2., 1., 0.]])
    """
    return _blur("blur_pool1d", 1, input, kernel_size, stride)


def blur_pool2d(input: torch.Tensor, kernel_size: Ints = 3, stride: Ints = 2) -> torch.Tensor:
    """Blur an image and keep every stride-th value on each axis: (N, C, H, W) to (N, C, ⌈H / stride⌉, ⌈W / stride⌉).

    Along each axis the weights are a row of Pascal's triangle over its sum: 1, 2, 1 over 4 for a `kernel_size` of 3.
    They add up to 1 and the border repeats its own value, so a constant stays a constant. Output i stands at input
    i·stride and reads (kernel_size - 1) // 2 values before it and kernel_size // 2 behind. Floating point only;
    half precision is added up in float32. N may be missing.

    >>> blur_pool2d(torch.tensor([[[0.0, 16.0, 0.0], [0.0, 0.0, 0.0]]]))
    tensor([[[3., 3.]]])
    """
    return _blur("blur_pool2d", 2, input, kernel_size, stride)


def blur_pool3d(input: torch.Tensor, kernel_size: Ints = 3, stride: Ints = 2) -> torch.Tensor:
    """Blur a volume and keep every stride-th value on each axis: all axes shrink. See blur_pool2d.

    >>> blur_pool3d(torch.ones(1, 2, 3, 4)).shape
    torch.Size([1, 1, 2, 2])
    """
    return _blur("blur_pool3d", 3, input, kernel_size, stride)


def _blur(name: str, n: int, input: torch.Tensor, kernel_size, stride) -> torch.Tensor:
    check_tensor(name, input)
    shape = tuple(input.shape)
    if len(shape) not in (n + 1, n + 2) or 0 in shape[-n:]:
        raise RuntimeError(
            f"{name}(): input must have {n + 1} or {n + 2} axes, {SHAPES[n]}, and at least 1 entry on every spatial "
            f"one, but its shape is {shape}"
        )
    check_dtype(name, input, FLOATS)
    try:
        kernel, strides = geometry.per_axis(kernel_size, n, "kernel_size"), geometry.per_axis(stride, n, "stride")
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    except ValueError as error:
        raise RuntimeError(f"{name}(): {error}") from None
    for argument, values in (("kernel_size", kernel), ("stride", strides)):
        if min(values) < 1:
            raise RuntimeError(f"{name}(): {argument}={min(values)} must be at least 1")
    axes = tuple(
        Axis(dim, shape[dim], -(-shape[dim] // s), k, s, (k - 1) // 2, 1)
        for dim, (k, s) in enumerate(zip(kernel, strides, strict=True), start=-n)
    )
    x = input.float() if input.dtype in FLOATS[:2] else input
    return apply_slices(Blur(axes), x).to(input.dtype)


@dataclass(frozen=True)
class Blur:
    """Binomial weights over windows whose border repeats its own value, one axis after the other."""

    axes: tuple[Axis, ...]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return in_memory_order(x, self.axes, _blurred)

    def transpose(self, y: torch.Tensor) -> torch.Tensor:
        return in_memory_order(y, self.axes, _blurred_back)


def _blurred(x: torch.Tensor, axes: tuple[Axis, ...]) -> torch.Tensor:
    for axis in axes:
        if torch.compiler.is_compiling():  # which makes one loop of a sum, and many of what is written into slices
            x, bordered = axis.with_border(x)
            taps = zip(_weights(axis), bordered.slices(x), strict=True)
            x = functools.reduce(torch.add, [weight * tap for weight, tap in taps])
            continue
        y = axis.resized(x, axis.out).zero_()
        for weight, outputs, inputs in _reads(axis):
            axis.part(y, outputs).add_(axis.part(x, inputs), alpha=weight)
        x = y
    return x


def _blurred_back(y: torch.Tensor, axes: tuple[Axis, ...]) -> torch.Tensor:
    for axis in reversed(axes):
        x = axis.resized(y, axis.size).zero_()
        for weight, outputs, inputs in _reads(axis):
            part = axis.part(y, outputs)
            part = part.sum(axis.dim, keepdim=True) if inputs.stop - inputs.start == 1 else part
            axis.part(x, inputs).add_(part, alpha=weight)
        y = x
    return y


def _weights(axis: Axis) -> list[float]:
    """Binomial coefficients over their sum."""
    last = axis.kernel_size - 1
    return [math.comb(last, tap) / 2**last for tap in range(axis.kernel_size)]


def _reads(axis: Axis) -> Iterator[tuple[float, slice, slice]]:
    """For each tap its weight, some outputs, and what it reads for them; past the border the border's value."""
    s, last = axis.stride, axis.size - 1
    for tap, weight in enumerate(_weights(axis)):
        offset = tap - axis.padding
        before = min(axis.out, max(0, -(offset // s)))  # outputs for which i·stride + offset lies left of 0
        inside = min(axis.out, max(before, (last - offset) // s + 1))
        if before:
            yield weight, slice(0, before), slice(0, 1)
        if before < inside:
            yield weight, slice(before, inside), slice(before * s + offset, (inside - 1) * s + offset + 1, s)
        if inside < axis.out:
            yield weight, slice(inside, axis.out), slice(last, last + 1)
