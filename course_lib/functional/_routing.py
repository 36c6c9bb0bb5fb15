"""The gradient of an extremum, sent straight to the taps that won, one axis after the other.

Among equals the first in reading order wins: the first row that holds the window's extreme entry, and in that row the
first column. Which column a row's winner is depends on the row alone. So the gradient goes to rows first and from the
rows to their columns, and nobody needs the winners' positions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_lib.functional._windows import Axis, Fold, Windows, fold, is_channels_last

# Entries of the input worked on at a time: what is made of them is to stay in the cache.
BLOCK = 2**19
BITS = {torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}


def route(g: Tensor, x: Tensor, windows: Windows, op: Fold) -> Tensor | None:
    """Send each window's gradient to its winner among `x`; None if there is a NaN, to whom other rules apply."""
    n = len(windows.axes)
    if is_channels_last(x, n):
        g, dx = g.contiguous(memory_format=FORMATS[n]), torch.empty_like(x)
        planes = [g, x, dx]
    else:
        x, g = x.contiguous(), g.contiguous()
        dx = torch.empty_like(x)
        planes = [t.flatten(0, -n - 1) for t in (g, x, dx)]
    size = max(1, BLOCK // planes[1][0].numel()) if len(planes[1]) else 1
    for some_g, some_x, some_dx in zip(*(t.split(size) for t in planes), strict=True):
        if not _route_block(some_g, some_x, some_dx, windows, op):
            return None
    return dx


FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


def _route_block(g: Tensor, x: Tensor, dx: Tensor, windows: Windows, op: Fold) -> bool:
    folded = [x]
    for axis in reversed(windows.axes):
        folded.append(fold(folded[-1], axis, op).add_(0.0))
    extreme = folded.pop()
    if math.isnan(extreme.sum()):
        return False
    for axis in windows.axes:
        x = folded.pop()
        to = torch.empty_like(x) if folded else dx
        _route_axis(g, x, extreme, axis, to)
        g, extreme = to, x
    return True


def _route_axis(g: Tensor, x: Tensor, extreme: Tensor, axis: Axis, dx: Tensor) -> None:
    """Give the gradient of each output to the first tap that equals its extreme entry.

    Written over the bits, since 0 times an infinite gradient is no 0. And x + 0.0 makes 0 of -0, which equals it.
    """
    bits = BITS[x.dtype]
    left, extreme = g.clone().view(bits), extreme.view(bits)
    tiling = axis.is_tiling()
    if not tiling:
        dx.zero_()
    for tap, outputs, inputs in axis.taps():
        rest = axis.part(left, outputs)
        if tiling and tap == axis.kernel_size - 1:
            won = rest
        else:
            won = axis.part(x, inputs).add(0.0).view(bits).eq_(axis.part(extreme, outputs)).mul_(rest)
            rest.sub_(won)
        if tiling:
            axis.part(dx, inputs).copy_(won.view(x.dtype))
        else:
            axis.part(dx, inputs).add_(won.view(x.dtype))
