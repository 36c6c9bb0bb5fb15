"""Unpooling as modules: torch's MaxUnpool with our functional, and the average unpooling that torch lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

import course_lib.functional as CF
from course_lib.geometry import per_axis

Ints = int | Sequence[int]


class _MaxUnpool:
    unpool: Callable[..., Tensor]
    kernel_size: Any
    stride: Any
    padding: Any

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return self.unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpool, nn.MaxUnpool1d):
    """Each number back to its index: (N, C, L) to (N, C, L')."""

    unpool = staticmethod(CF.max_unpool1d)


class MaxUnpool2d(_MaxUnpool, nn.MaxUnpool2d):
    """Each number back to its index: (N, C, H, W) to (N, C, H', W')."""

    unpool = staticmethod(CF.max_unpool2d)


class MaxUnpool3d(_MaxUnpool, nn.MaxUnpool3d):
    """Each number back to its index: (N, C, D, H, W) to (N, C, D', H', W')."""

    unpool = staticmethod(CF.max_unpool3d)


class AvgUnpool2d(nn.Module):
    """Each number over its whole window: (N, C, H, W) to (N, C, H', W').

    `convention` "copy" is a right inverse of AvgPool2d, "adjoint" its transpose. See avg_unpool2d.

    >>> AvgUnpool2d(2, convention="adjoint")
    AvgUnpool2d(kernel_size=2, stride=2, padding=0, convention='adjoint')
    """

    def __init__(self, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, convention: str = "copy"):
        super().__init__()
        if convention not in ("copy", "adjoint"):
            raise ValueError(f"convention={convention!r} must be 'copy' or 'adjoint'")
        stride = kernel_size if stride is None else stride
        for name, value in (("kernel_size", kernel_size), ("stride", stride), ("padding", padding)):
            per_axis(value, 2, name)
        self.kernel_size, self.stride, self.padding, self.convention = kernel_size, stride, padding, convention

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        return CF.avg_unpool2d(input, self.kernel_size, self.stride, self.padding, output_size, self.convention)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"convention={self.convention!r}"
        )
