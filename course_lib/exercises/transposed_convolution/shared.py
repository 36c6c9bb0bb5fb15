"""What the three ways of building a transposed convolution share: inputs, draws, and slips that they all know."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case
from course_lib.geometry import per_axis

# Painted by 1, 2, 3 … this kernel leaves its strokes in separate digits, so that overlaps can be read.
DIGITS = torch.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]])
NINE = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
SIX = torch.tensor([[[[3.0, 1.0, 4.0], [1.0, 5.0, 2.0]]]])
TWO_CHANNELS = torch.arange(12.0).reshape(1, 2, 2, 3) * 5 % 13
SIXTEEN = torch.arange(16.0).reshape(2, 2, 2, 2) * 3 % 17 + 1
TWENTY_FOUR = torch.arange(24.0).reshape(2, 3, 2, 2) * 5 % 29 + 1
STEPS = ("stride", "padding", "output_padding", "dilation")
DEFAULTS = dict(zip(STEPS, (1, 0, 0, 1), strict=True))


def transposed(x: Tensor, weight: Tensor, bias=None, stride=1, padding=0, output_padding=0, dilation=1) -> Tensor:
    """Torch's own, with the arguments in the order of this lesson."""
    return F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, 1, dilation)


def whole(x: Tensor, weight: Tensor, stride, dilation, end=(0, 0)) -> Tensor:
    """Everything that is painted, before padding is cut off; ``end`` more rows and columns of zeros."""
    painted = F.conv_transpose2d(x, weight, None, stride, dilation=dilation)
    return F.pad(painted, (0, end[1], 0, end[0]))


def pairs(*values) -> list[tuple[int, ...]]:
    return [per_axis(value, 2, "argument") for value in values]


def cut(painted: Tensor, padding, end=(0, 0)) -> Tensor:
    """Without ``padding`` rows and columns at each end, of which ``end`` come back at the last end."""
    (high, wide), (down, right) = pairs(padding, end)
    return F.pad(painted, (-wide, right - wide, -high, down - high))


def draw_call(draw: Draw, *, steps: bool = False, channels: bool = False, bias: bool = False, gradient=False) -> Case:
    """A call with random sizes; the output has at least one row and one column."""
    kernel = draw.integer(2, 3), draw.integer(2, 3)
    seen, made = (draw.integer(1, 2), 3 if steps else draw.integer(2, 3)) if channels else (1, 1)
    kwargs: dict = {}
    if steps:
        stride, dilation = draw.choice([2, 3, (2, 1), (1, 3)]), draw.choice([1, 2, (2, 1)])
        most = [max(s, d) - 1 for s, d in zip(*pairs(stride, dilation), strict=True)]
        kwargs = {
            "stride": stride,
            "padding": draw.choice([0, 1, (0, 1), (1, 0)]),
            "output_padding": tuple(draw.integer(0, n) for n in most),
            "dilation": dilation,
        }
    weight = draw.distinct(seen, made, *kernel)
    weight += weight.numel()  # all above zero, so that no two weights cancel
    x = draw.distinct(draw.integer(1, 2), seen, draw.integer(2, 3), draw.integer(2, 4))
    args = [x + x.numel(), weight, *([draw.distinct(made) * 10 + 5] if bias else [])]
    return Case(tuple(args), kwargs, gradient=gradient)


AXES = "The weights have the shape (C_in, C_out, kH, kW): the first axis counts the channels of the input. That is the other way round than in a convolution, so that one tensor of weights serves a convolution and its transpose."
FLIPPED = "Your kernel is turned by 180°. A single 1 in the input must leave the kernel in the output as it is, not upside down."
AT_THE_START = (
    "output_padding adds rows and columns at the end only, below and on the right. Yours stand above and on the left."
)
DILATION_IGNORED = "Your kernel's taps lie side by side. With dilation=d they lie d apart: tap a of the kernel lands a · d positions behind the first one."
