"""Pooling: each window of the input becomes one number, its maximum, minimum, average or p-norm.

max_pool*, avg_pool* and lp_pool* are drop-ins for those of torch.nn.functional; min_pool* is what torch lacks. Shapes
are (N, C, L), (N, C, H, W) or (N, C, D, H, W), N may be missing. An argument for several axes is one int for all
or a tuple with one for each. A refusal is of the kind that torch raises: TypeError for a wrong kind of argument,
RuntimeError for a value or a shape out of range, NotImplementedError for a dtype. Each is written once for any number
of axes: how windows are walked stands in _windows.py, maximum and minimum in _extremum.py, averages in _average.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from course_lib.functional._average import avg_pool, lp_pool
from course_lib.functional._extremum import max_pool, min_pool

Ints = int | Sequence[int]


def max_pool1d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each window of a signal: (N, C, L) to (N, C, L'). See max_pool2d.

    >>> max_pool1d(torch.tensor([[1.0, 5.0, 2.0, 4.0, 3.0]]), 3, stride=2)
    tensor([[5., 4.]])
    """
    return max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each window of an image: (N, C, H, W) to (N, C, H', W'), sizes by geometry.output_size.

    Padding is -∞, so it never wins; it may be at most half of kernel_size. A NaN wins over every number. With
    `return_indices` also returns where each maximum lies in the flattened plane, y·W + x: of equals the first, of NaNs
    the last. The whole gradient of an output goes to that position.

    >>> max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2, return_indices=True)
    (tensor([[[ 5.,  7.],
             [13., 15.]]]), tensor([[[ 5,  7],
             [13, 15]]]))
    """
    return max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Maximum of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). See max_pool2d.

    >>> max_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    return max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def min_pool1d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Minimum of each window of a signal: (N, C, L) to (N, C, L'). See min_pool2d.

    >>> min_pool1d(torch.tensor([[0, 5, 7, 9]], dtype=torch.uint8), 2)
    tensor([[0, 7]], dtype=torch.uint8)
    """
    return min_pool("min_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def min_pool2d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Minimum of each window of an image: (N, C, H, W) to (N, C, H', W').

    As max_pool2d is, with padding of +∞, or an integer's highest value. Takes every real dtype, unsigned
    and bool too: it compares and never negates, since -x wraps around for unsigned integers and the lowest signed one.

    >>> min_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 0.,  2.],
             [ 8., 10.]]])
    """
    return min_pool("min_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def min_pool3d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """Minimum of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). See min_pool2d.

    >>> min_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[0.]]]])
    """
    return min_pool("min_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def avg_pool1d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> torch.Tensor:
    """Average of each window of a signal: (N, C, L) to (N, C, L'). See avg_pool2d.

    >>> avg_pool1d(torch.tensor([[1.0, 5.0, 2.0, 4.0]]), 2)
    tensor([[3., 3.]])
    """
    return avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> torch.Tensor:
    """Average of each window of an image: (N, C, H, W) to (N, C, H', W'), sizes by geometry.output_size.

    Padding is 0 and counts as an entry unless `count_include_pad` is False; what a window of ceil_mode hangs over the
    padding never counts. `divisor_override` replaces the count. int64 rounds towards zero.

    >>> avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: torch.Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> torch.Tensor:
    """Average of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). See avg_pool2d.

    >>> avg_pool3d(torch.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    return avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def lp_pool1d(
    input: torch.Tensor, norm_type: float, kernel_size: int, stride: Ints | None = None, ceil_mode: bool = False
) -> torch.Tensor:
    """p-norm of each window of a signal: (N, C, L) to (N, C, L'). See lp_pool2d.

    >>> lp_pool1d(torch.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: torch.Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> torch.Tensor:
    """p-norm of each window of an image, (Σ xᵖ)^(1/p) with p = `norm_type`: (N, C, H, W) to (N, C, H', W').

    As in torch, x is raised to the power as it is, without its absolute value, so odd p keep the sign and p = 1 is a
    sum. p = ±∞ is the largest or smallest absolute value. A window that ceil_mode hangs over the end is scaled
    up to full size. p = 0 raises ZeroDivisionError.

    >>> lp_pool2d(torch.tensor([[[1.0, 5.0], [1.0, 3.0]]]), 2, 2)
    tensor([[[6.]]])
    """
    return lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: torch.Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> torch.Tensor:
    """p-norm of each window of a volume: (N, C, D, H, W) to (N, C, D', H', W'). See lp_pool2d.

    >>> lp_pool3d(torch.ones(1, 2, 2, 4), 2, (2, 2, 4))
    tensor([[[[4.]]]])
    """
    return lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)
