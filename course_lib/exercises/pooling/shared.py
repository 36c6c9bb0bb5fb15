"""What the exercises of lesson 01 share: inputs, the windows behind an output, and sentences for slips that they all know."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.exercise import Case
from course_lib.geometry import per_axis, window


def windows(
    x: Tensor, kernel_size, stride=None, padding=0, dilation=1, filler: float = 0, axes: int | None = None
) -> Tensor:
    """Every window of the last axes of x, as one long last axis: (…, *out, *kernel) flattened to (…, *out, K).

    The slow and obvious way, on which the wrong functions below are built.
    """
    axes = x.dim() - 2 if axes is None else axes
    kernel_size = per_axis(kernel_size, axes, "kernel_size")
    stride = kernel_size if stride is None else per_axis(stride, axes, "stride")
    padding, dilation = per_axis(padding, axes, "padding"), per_axis(dilation, axes, "dilation")
    x = F.pad(x, [p for p in reversed(padding) for _ in range(2)], value=filler)
    lead = x.dim() - axes
    for axis, (k, s, d) in enumerate(zip(kernel_size, stride, dilation, strict=True), start=lead):
        x = x.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    return x.flatten(-axes)


def reads_windows(axes: int | None = None):
    """The windows behind an output element, for the report."""

    def reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
        n = case.args[0].dim() - 2 if axes is None else axes
        get: Callable = case.kwargs.get
        kernel_size = per_axis(get("kernel_size"), n, "kernel_size")
        stride = kernel_size if get("stride") is None else per_axis(get("stride"), n, "stride")
        padding, dilation = (
            per_axis(get("padding", 0), n, "padding"),
            per_axis(get("dilation", 1), n, "dilation"),
        )
        return tuple(map(window, index[-n:], kernel_size, stride, padding, dilation))

    return reads


def exchanged(value):
    """The arguments for H and W the wrong way round."""
    return tuple(reversed(value)) if isinstance(value, tuple) else value


FOUR = torch.tensor([[3.0, 1.0, 4.0, 1.0], [5.0, 9.0, 2.0, 6.0], [5.0, 3.0, 5.0, 8.0], [9.0, 7.0, 9.0, 3.0]])
COLD = torch.tensor([[-3.0, -8.0, -5.0], [-6.0, -1.0, -9.0], [-4.0, -7.0, -2.0]])
WIDE = torch.arange(35.0).reshape(5, 7) * 11 % 37
LINE = torch.tensor([2.0, 7.0, 1.0, 8.0, -2.0, 8.5, -1.0])


def batched(x: Tensor) -> Tensor:
    return x[None, None]


def strided(x: Tensor) -> Tensor:
    """The same values in memory that is not contiguous."""
    return x.transpose(-1, -2).contiguous().transpose(-1, -2)


STRIDE_LEFT_AT_1 = "In pooling, stride=None means stride = kernel_size: the windows touch and do not overlap. With stride 1 the output stays almost as large as the input."
K_AND_S = "kernel_size is how far the window reads, stride is how far it moves. Your output is that of a call with the two exchanged."
H_AND_W = "In a pair the first number is for H, the rows, and the second for W, the columns. Your output is that of a call with the two exchanged."
