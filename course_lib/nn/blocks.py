"""Blocks: the one that an encoder repeats, and two that a decoder does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

import course_lib.functional as CF
from course_lib.functional._windows import check_tensor
from course_lib.geometry import check_int
from course_lib.nn.layers import BatchNorm2d, Conv2d, PixelShuffle, ReLU
from course_lib.nn.pooling import MaxPool2d


class ConvBlock(nn.Sequential):
    """Conv → BatchNorm → ReLU → Pool: (N, C, H, W) to (N, O, ⌊H / pool⌋, ⌊W / pool⌋).

    The convolution keeps the size (`kernel_size` is odd) and has no bias, since the batch norm's would take it away.
    `pool` is kernel and stride of the max pooling; None leaves it out. `inplace` lets the ReLU write over the batch
    norm's output. Its parts are named conv, bn, relu and pool.

    >>> ConvBlock(3, 8)(torch.zeros(2, 3, 10, 7)).shape
    torch.Size([2, 8, 5, 3])
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 3, pool: int | None = 2, inplace: bool = False
    ):
        _check_channels(in_channels, out_channels)
        _check_odd(kernel_size)
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv=Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            bn=BatchNorm2d(out_channels),
            relu=ReLU(inplace),
        )
        if pool is not None:
            parts["pool"] = MaxPool2d(pool)
        super().__init__(parts)


class UpProjection(nn.Module):
    """Unpool, then a residual block: (N, C, H, W) to (N, O, 2·H, 2·W), or to `output_size`.

    The unpooled map takes two ways: 5×5 convolution, batch norm, ReLU, 3×3 convolution, batch norm; and 5×5
    convolution, batch norm, with weights and statistics of its own. Their sum goes through a ReLU. (I. Laina et al.,
    "Deeper Depth Prediction with Fully Convolutional Residual Networks", 3DV 2016.)

    With `indices`, those of the MaxPool2d(2) in the encoder that made the map small, each number goes back to where the
    maximum was; without, to the upper left of its four. An odd size of the encoder needs `output_size`, (H, W).

    >>> UpProjection(8, 4)(torch.zeros(2, 8, 5, 3)).shape
    torch.Size([2, 4, 10, 6])
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        _check_channels(in_channels, out_channels)
        self.main = nn.Sequential(
            Conv2d(in_channels, out_channels, 5, padding=2, bias=False),
            BatchNorm2d(out_channels),
            ReLU(inplace=True),
            Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            BatchNorm2d(out_channels),
        )
        self.projection = nn.Sequential(
            Conv2d(in_channels, out_channels, 5, padding=2, bias=False), BatchNorm2d(out_channels)
        )

    def forward(self, input: Tensor, indices: Tensor | None = None, output_size: Sequence[int] | None = None) -> Tensor:
        if indices is None:
            indices = _upper_left(input, 2 * input.shape[-1] if output_size is None else output_size[-1])
        unpooled = CF.max_unpool2d(input, indices, 2, output_size=output_size)
        return CF.relu(self.main(unpooled) + self.projection(unpooled), inplace=True)


def _upper_left(x: Tensor, width: int) -> Tensor:
    """The index of the upper left of each 2×2 block, on a map of that width."""
    rows, columns = (2 * torch.arange(size, device=x.device) for size in x.shape[-2:])
    return (rows[:, None] * width + columns).expand(x.shape)


class SubPixelConv2d(nn.Sequential):
    """Convolve to r² times the channels, then shuffle them to pixels: (N, C, H, W) to (N, O, H·r, W·r).

    r is `upscale_factor`, `kernel_size` odd. Begins with ICNR's weights: the r² channels of an output's pixels are
    equal at first, so that the untrained layer shows no checkerboard. Its parts are named conv and shuffle. (W. Shi et
    al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network",
    CVPR 2016.)

    >>> SubPixelConv2d(8, 3, upscale_factor=2)(torch.zeros(1, 8, 5, 7)).shape
    torch.Size([1, 3, 10, 14])
    """

    def __init__(
        self, in_channels: int, out_channels: int, upscale_factor: int, kernel_size: int = 3, bias: bool = True
    ):
        _check_channels(in_channels, out_channels)
        _check_odd(kernel_size)
        check_int("upscale_factor", upscale_factor, 1)
        conv = Conv2d(in_channels, out_channels * upscale_factor**2, kernel_size, padding=kernel_size // 2, bias=bias)
        icnr_(conv.weight, upscale_factor)
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        super().__init__(OrderedDict(conv=conv, shuffle=PixelShuffle(upscale_factor)))


def icnr_(
    weight: Tensor, upscale_factor: int, initialize: Callable[[Tensor], object] = nn.init.kaiming_normal_
) -> Tensor:
    """Fill the weight (O·r², C, kh, kw) of a sub-pixel convolution, in place, so that it begins as nearest upsampling.

    `initialize` fills one weight (O, C, kh, kw); each of its outputs is repeated r² times. ValueError unless there is a
    multiple of r² outputs. (A. Aitken et al., "Checkerboard artifact free sub-pixel convolution", 2017.)

    >>> weight = icnr_(torch.empty(8, 1, 1, 1), upscale_factor=2)
    >>> bool((weight[:4] == weight[0]).all() and (weight[4:] == weight[4]).all())
    True
    """
    check_tensor("icnr_", weight, "weight")
    check_int("upscale_factor", upscale_factor, 1)
    copies = upscale_factor**2
    if weight.dim() < 1 or len(weight) % copies:
        raise ValueError(
            f"weight must have a multiple of {copies} outputs, upscale_factor={upscale_factor} squared, "
            f"but its shape is {tuple(weight.shape)}"
        )
    with torch.no_grad():
        one = torch.empty_like(weight[::copies])
        initialize(one)
        return weight.copy_(one.repeat_interleave(copies, dim=0))


def _check_channels(in_channels: int, out_channels: int) -> None:
    check_int("in_channels", in_channels, 1)
    check_int("out_channels", out_channels, 1)


def _check_odd(kernel_size: int) -> None:
    check_int("kernel_size", kernel_size, 1)
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size={kernel_size} must be odd, so that a padding of half of it keeps the size")
