"""Shuffles: the same numbers in another order, between channels and pixels, or among channels.

Drop-ins for those of torch.nn.functional. Each is: part some axes, permute, merge, in one copy. Only where the channels
of a pixel lie next to each other in memory (channels_last) and stay in it, that copy would move single numbers between
places a few numbers apart. There selecting them by their index takes half the time or less.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.functional._blocks import blocks
from course_lib.functional._linear import apply
from course_lib.functional._windows import check_dtype, check_tensor, is_channels_last
from course_lib.geometry import is_int


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels to pixels: (*, C·r², H, W) to (*, C, H·r, W·r), r = `upscale_factor`.

    output[c, y·r + i, x·r + j] = input[c·r² + i·r + j, y, x]: each r × r block of pixels comes from r² channels.
    RuntimeError unless the channels are a multiple of r². (Shi et al. 2016, "sub-pixel convolution".)

    >>> pixel_shuffle(torch.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    r = _factor("pixel_shuffle", "upscale_factor", input, upscale_factor)
    *_, channels, height, width = input.shape
    if r * r > torch.iinfo(torch.int64).max:
        raise ValueError(
            f"pixel_shuffle(): upscale_factor={r} must be at most {math.isqrt(torch.iinfo(torch.int64).max)}"
        )
    if channels % (r * r):
        raise RuntimeError(
            f"pixel_shuffle(): input.shape[-3]={channels}, the channels, must be a multiple of {r * r}: "
            f"upscale_factor={r} squared"
        )
    if input.dim() == 4 and _channels_last(input):
        return apply(PixelRuns(r), input)
    parted = input.unflatten(-3, (channels // (r * r), r, r))  # (…, C, i, j, H, W)
    return _copied(parted.movedim((-4, -3), (-3, -1))).flatten(-2).flatten(-3, -2)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels to channels, the inverse of pixel_shuffle: (*, C, H·r, W·r) to (*, C·r², H, W), r = `downscale_factor`.

    output[c·r² + i·r + j, y, x] = input[c, y·r + i, x·r + j]. RuntimeError unless H and W are multiples of r.

    >>> pixel_unshuffle(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2).flatten()
    tensor([1., 2., 3., 4.])
    """
    r = _factor("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    *_, channels, height, width = input.shape
    for dim, size, what in ((-2, height, "height"), (-1, width, "width")):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle(): input.shape[{dim}]={size}, the {what}, must be a multiple of downscale_factor={r}"
            )
    if input.dim() == 4 and _channels_last(input):
        return apply(PixelRuns(r), input, transpose=True)
    parted = input.unflatten(-1, (width // r, r)).unflatten(-3, (height // r, r))  # (…, C, H, i, W, j)
    return _copied(parted.movedim((-3, -1), (-4, -3))).flatten(-5, -3)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the groups of channels: (N, C, *) with channels in `groups` blocks to the first of each, the second…

    output[:, k·groups + g] = input[:, g·C/groups + k], so that the next grouped convolution sees all groups.
    RuntimeError unless C is a multiple of `groups`. (Zhang et al. 2018, "ShuffleNet".)

    >>> channel_shuffle(torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]), 2).flatten()
    tensor([1., 3., 2., 4.])
    """
    _check_int("channel_shuffle", "groups", input, groups)
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle(): input must have 3 axes or more, but its shape is {tuple(input.shape)}")
    channels = input.shape[1]
    if channels % groups:
        raise RuntimeError(
            f"channel_shuffle(): input.shape[1]={channels}, the channels, must be a multiple of groups={groups}"
        )
    if _channels_last(input):
        return apply(Interleaved(operator.index(groups)), input)
    return _copied(input.unflatten(1, (groups, channels // groups)).transpose(1, 2)).flatten(1, 2)


@dataclass(frozen=True)
class Interleaved:
    """channel_shuffle where the channels lie next to each other. The transpose is the inverse: C / groups of them."""

    groups: int

    def forward(self, x: Tensor) -> Tensor:
        return _reordered(x.movedim(1, -1), (self.groups, -1), (1, 0)).movedim(-1, 1)

    def transpose(self, y: Tensor) -> Tensor:
        return _reordered(y.movedim(1, -1), (-1, self.groups), (1, 0)).movedim(-1, 1)


@dataclass(frozen=True)
class PixelRuns:
    """pixel_shuffle by r where the channels lie next to each other. The transpose is the inverse, pixel_unshuffle."""

    r: int

    def forward(self, x: Tensor) -> Tensor:
        parted = x.unflatten(1, (-1, self.r, self.r))  # (N, C, i, j, H, W)
        return _copied(parted.permute(0, 4, 2, 5, 3, 1)).flatten(3, 4).flatten(1, 2).movedim(-1, 1)

    def transpose(self, y: Tensor) -> Tensor:
        r, y = self.r, y.movedim(1, -1).unflatten(2, (-1, self.r)).unflatten(1, (-1, self.r))
        n, height, _, width, _, channels = y.shape
        x = y.new_empty((n, height, width, channels * r * r))
        for some_y, some_x in blocks(y, x):
            some_x.copy_(_reordered(_copied(some_y.movedim(2, 3)).flatten(3), (r, r, -1), (2, 0, 1)))
        return x.movedim(-1, 1)


def _reordered(x: Tensor, shape: tuple[int, ...], order: tuple[int, ...]) -> Tensor:
    """The channels, the last axis, as if they were parted into `shape`, permuted and merged again."""
    channels = torch.arange(x.shape[-1], device=x.device).reshape(shape).permute(order).flatten()
    return x.reshape(-1, x.shape[-1]).index_select(1, channels).unflatten(0, x.shape[:-1])  # of a matrix it is fast


def _copied(x: Tensor) -> Tensor:
    return x.clone(memory_format=torch.contiguous_format)


def _channels_last(x: Tensor) -> bool:
    return x.numel() > 0 and is_channels_last(x)


def _factor(name: str, argument: str, input: Tensor, r: int) -> int:
    _check_int(name, argument, input, r)
    if input.dim() < 3:
        raise RuntimeError(
            f"{name}(): input must have 3 axes or more, (*, C, H, W), but its shape is {tuple(input.shape)}"
        )
    return operator.index(r)


def _check_int(name: str, argument: str, input: Tensor, value: int) -> None:
    check_tensor(name, input)
    if input.dtype is torch.complex32:
        check_dtype(name, input, (torch.complex64, torch.complex128))
    if not is_int(value):
        raise TypeError(f"{name}(): {argument}={value!r} must be an int")
    if value < 1:
        raise RuntimeError(f"{name}(): {argument}={value} must be at least 1")
