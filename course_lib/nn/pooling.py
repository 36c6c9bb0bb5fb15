"""Pooling as modules: those of torch.nn, computed by our functional, and those that torch lacks.

MaxPool, AvgPool, LPPool, AdaptiveMaxPool and AdaptiveAvgPool are torch's own classes with another `forward`. So they
take the same arguments, print themselves the same way, and are instances of them. See functional for the laws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import course_lib.functional as CF
from course_lib.geometry import per_axis

Ints = int | Sequence[int]


class _Torchs:
    """What a pooling operator is called with, as torch's own classes keep it."""

    pool: Callable[..., Any]
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    ceil_mode: Any
    return_indices: Any
    count_include_pad: Any
    divisor_override: Any
    norm_type: Any
    output_size: Any


class _Max(_Torchs):
    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_Max, nn.MaxPool1d):
    """Maximum of each window: (N, C, L) to (N, C, L')."""

    pool = staticmethod(CF.max_pool1d)


class MaxPool2d(_Max, nn.MaxPool2d):
    """Maximum of each window: (N, C, H, W) to (N, C, H', W').

    >>> MaxPool2d(3, stride=2)
    MaxPool2d(kernel_size=3, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    pool = staticmethod(CF.max_pool2d)


class MaxPool3d(_Max, nn.MaxPool3d):
    """Maximum of each window: (N, C, D, H, W) to (N, C, D', H', W')."""

    pool = staticmethod(CF.max_pool3d)


class MinPool1d(_Max, nn.modules.pooling._MaxPoolNd):
    """Minimum of each window, with MaxPool1d's arguments: (N, C, L) to (N, C, L')."""

    pool = staticmethod(CF.min_pool1d)


class MinPool2d(_Max, nn.modules.pooling._MaxPoolNd):
    """Minimum of each window, with MaxPool2d's arguments: (N, C, H, W) to (N, C, H', W').

    >>> MinPool2d(2)
    MinPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
    """

    pool = staticmethod(CF.min_pool2d)


class MinPool3d(_Max, nn.modules.pooling._MaxPoolNd):
    """Minimum of each window, with MaxPool3d's arguments: (N, C, D, H, W) to (N, C, D', H', W')."""

    pool = staticmethod(CF.min_pool3d)


class AvgPool1d(nn.AvgPool1d):
    """Average of each window: (N, C, L) to (N, C, L')."""

    def forward(self, input: Tensor) -> Tensor:
        return CF.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _Avg(_Torchs):
    def forward(self, input: Tensor) -> Tensor:
        return self.pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_Avg, nn.AvgPool2d):
    """Average of each window: (N, C, H, W) to (N, C, H', W')."""

    pool = staticmethod(CF.avg_pool2d)


class AvgPool3d(_Avg, nn.AvgPool3d):
    """Average of each window: (N, C, D, H, W) to (N, C, D', H', W')."""

    pool = staticmethod(CF.avg_pool3d)


class _LP(_Torchs):
    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LP, nn.LPPool1d):
    """p-norm of each window: (N, C, L) to (N, C, L')."""

    pool = staticmethod(CF.lp_pool1d)


class LPPool2d(_LP, nn.LPPool2d):
    """p-norm of each window: (N, C, H, W) to (N, C, H', W')."""

    pool = staticmethod(CF.lp_pool2d)


class LPPool3d(_LP, nn.LPPool3d):
    """p-norm of each window: (N, C, D, H, W) to (N, C, D', H', W')."""

    pool = staticmethod(CF.lp_pool3d)


class _AdaptiveMax(_Torchs):
    def forward(self, input: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax, nn.AdaptiveMaxPool1d):
    """Maximum of each bin: (N, C, L) to (N, C, output_size)."""

    pool = staticmethod(CF.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMax, nn.AdaptiveMaxPool2d):
    """Maximum of each bin: (N, C, H, W) to (N, C, *output_size)."""

    pool = staticmethod(CF.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMax, nn.AdaptiveMaxPool3d):
    """Maximum of each bin: (N, C, D, H, W) to (N, C, *output_size)."""

    pool = staticmethod(CF.adaptive_max_pool3d)


class _AdaptiveAvg(_Torchs):
    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvg, nn.AdaptiveAvgPool1d):
    """Average of each bin: (N, C, L) to (N, C, output_size)."""

    pool = staticmethod(CF.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvg, nn.AdaptiveAvgPool2d):
    """Average of each bin: (N, C, H, W) to (N, C, *output_size)."""

    pool = staticmethod(CF.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvg, nn.AdaptiveAvgPool3d):
    """Average of each bin: (N, C, D, H, W) to (N, C, *output_size)."""

    pool = staticmethod(CF.adaptive_avg_pool3d)


class BlurPool2d(nn.Module):
    """Blur, then keep every stride-th value on each axis: (N, C, H, W) to (N, C, ⌈H / stride⌉, ⌈W / stride⌉).

    To make a network steadier under shifts, MaxPool2d(2) becomes MaxPool2d(2, stride=1) with a BlurPool2d behind it.

    >>> BlurPool2d(stride=2)
    BlurPool2d(kernel_size=3, stride=2)
    """

    def __init__(self, kernel_size: Ints = 3, stride: Ints = 2):
        super().__init__()
        for name, value in (("kernel_size", kernel_size), ("stride", stride)):
            if min(per_axis(value, 2, name)) < 1:
                raise ValueError(f"{name}={value} must be at least 1")
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, input: Tensor) -> Tensor:
        return CF.blur_pool2d(input, self.kernel_size, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


class SpatialPyramidPooling(nn.Module):
    """Adaptive pools side by side: (N, C, H, W) to (N, C·Σ h·w), whatever H and W. See spatial_pyramid_pool.

    `mode` is "max" or "avg". `features(C)` is how many features a linear layer behind it meets.

    >>> SpatialPyramidPooling((4, 2, 1)).features(256)
    5376
    """

    def __init__(self, output_sizes: Sequence[int | tuple[int, int]] = (4, 2, 1), mode: str = "max"):
        super().__init__()
        CF.spatial_pyramid_pool(torch.zeros(1, 1, 1), output_sizes, mode)  # which refuses what it can't take
        self.output_sizes, self.mode = tuple(output_sizes), mode

    def features(self, channels: int) -> int:
        """How many features come out for an input of so many channels."""
        return channels * sum(h * w for h, w in (per_axis(size, 2, "output_sizes") for size in self.output_sizes))

    def forward(self, input: Tensor) -> Tensor:
        return CF.spatial_pyramid_pool(input, self.output_sizes, self.mode)

    def extra_repr(self) -> str:
        return f"output_sizes={self.output_sizes}, mode={self.mode!r}"
