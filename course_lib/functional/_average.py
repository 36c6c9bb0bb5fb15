"""Sums over windows, their transpose, and what an average divides by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.functional._extremum import max_pool, min_pool
from course_lib.functional._folds import SUM, fold_all, spread_all
from course_lib.functional._linear import apply, apply_slices
from course_lib.functional._windows import (
    FLOATS,
    Axis,
    Windows,
    check_bool,
    check_dtype,
    check_shape,
    check_tensor,
    constant,
    windows_of,
)


def avg_pool(
    name: str,
    n: int,
    input: Tensor,
    kernel_size,
    stride,
    padding,
    ceil_mode,
    count_include_pad,
    divisor_override=None,
    repeats: bool = True,
):
    # torch's avg_pool2d alone asks for the channel axis before it counts the axes.
    check_shape(name, input, n, too_few=IndexError if n == 2 else RuntimeError)
    windows = windows_of(name, input, n, kernel_size, stride, padding, ceil_mode=ceil_mode)
    check_bool(name, "count_include_pad", count_include_pad)
    if isinstance(divisor_override, bool) or not isinstance(divisor_override, int | None):
        raise TypeError(f"{name}(): divisor_override={divisor_override!r} must be an int or None")
    if divisor_override == 0:
        raise RuntimeError(f"{name}(): divisor_override=0 must be an int other than 0")
    for axis in windows.axes:
        if n == 3 and axis.kernel_size > axis.size:
            raise RuntimeError(
                f"{name}(): kernel_size={axis.kernel_size} must be between 1 and {axis.size} on dim {axis.dim}: "
                "in 3-D torch lets no window of an average be longer than the input, padding left aside"
            )
    if input.device.type == "cuda":
        check_dtype(name, input, FLOATS)
    else:
        check_dtype(name, input, (*(FLOATS if n < 3 else FLOATS[2:]), torch.int64))
    return average(input, windows, count_include_pad, divisor_override, repeats)


def lp_pool(name: str, n: int, input: Tensor, norm_type, kernel_size, stride, ceil_mode):
    check_tensor(name, input)
    if isinstance(norm_type, (int, float)) and math.isinf(norm_type):
        pool = max_pool if norm_type > 0 else min_pool
        return pool(name, n, input.abs(), kernel_size, stride, 0, 1, ceil_mode, False)
    try:
        powers = input.pow(norm_type)
    except (TypeError, RuntimeError) as error:
        raise type(error)(
            f"{name}(): norm_type={norm_type!r} must be a number to whose power the input, {input.dtype}, can be raised"
        ) from None
    # A root's gradient is dear, and torch.compile would work it out anew wherever it is repeated.
    mean = avg_pool(name, n, powers, kernel_size, stride, 0, ceil_mode, True, repeats=False)
    if norm_type == 0:
        raise ZeroDivisionError(
            f"{name}(): norm_type=0 must be another number than 0: the law takes the root 1 / norm_type"
        )
    entries = math.prod(geometry.per_axis(kernel_size, n, "kernel_size"))
    # The sign and the ReLU change no value. They make the gradient of a sum of zero zero, where the root's is infinite.
    return (torch.sign(mean) * torch.relu(mean.abs())).mul(entries).pow(1.0 / norm_type)


def average(x: Tensor, windows: Windows, count_include_pad: bool, divisor: int | None, repeats: bool = True) -> Tensor:
    """Each window's sum over its number of entries, or over `divisor`. Half precision adds in float32, as in torch.

    repeats: where windows tile the input, torch.compile is told that its gradient is the output's, repeated.
    """
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    counts = divisor if divisor is not None else _counts(windows, count_include_pad, x)
    summed = apply if repeats and all(axis.is_tiling() for axis in windows.axes) else apply_slices
    if not dtype.is_floating_point:
        return torch.div(summed(WindowSum(windows.axes), x), counts, rounding_mode="trunc")
    if isinstance(counts, int):
        return summed(WindowSum(windows.axes, counts), x).to(dtype)
    return (summed(WindowSum(windows.axes), x) / counts).to(dtype)


def _counts(windows: Windows, count_include_pad: bool, x: Tensor) -> int | Tensor:
    """How many entries each window has, as geometry and `count_include_pad` say."""
    counts = [axis.counts(count_include_pad) for axis in windows.axes]
    if all(len(set(along)) == 1 for along in counts):
        return math.prod([along[0] for along in counts])
    table = torch.ones((), dtype=x.dtype, device=x.device)
    for along in counts:
        table = table[..., None] * constant(along, x.device, x.dtype)
    return table


@dataclass(frozen=True)
class WindowSum:
    """Sum of each window over a number. The transpose adds each output's share to every position of its window."""

    axes: tuple[Axis, ...]
    divisor: int = 1

    def forward(self, x: Tensor) -> Tensor:
        return fold_all(self._laid_out(x), self.axes, SUM, self.divisor)

    def transpose(self, y: Tensor) -> Tensor:
        return spread_all(self._laid_out(y), self.axes, self.divisor)

    def _laid_out(self, x: Tensor) -> Tensor:
        """In 3-D torch's averages have no channels_last."""
        return x.contiguous() if len(self.axes) == 3 else x
