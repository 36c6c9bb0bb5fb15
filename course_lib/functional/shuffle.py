"""Shuffles: the same numbers in another order, between channels and pixels, or among channels.

Drop-ins for those of torch.nn.functional. Each is: part some axes, permute, merge, in one copy.
"""

from __future__ import annotations

import math
import operator

import torch
from torch import Tensor

from course_lib.functional._windows import check_dtype, check_tensor, is_channels_last


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
    parted = input.unflatten(-3, (channels // (r * r), r, r))  # (…, C, i, j, H, W)
    if input.dim() == 4 and _channels_last(input):
        return _copied(parted.permute(0, 4, 2, 5, 3, 1)).flatten(3, 4).flatten(1, 2).movedim(-1, 1)
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
    parted = input.unflatten(-1, (width // r, r)).unflatten(-3, (height // r, r))  # (…, C, H, i, W, j)
    if input.dim() == 4 and _channels_last(input):
        return _copied(parted.permute(0, 2, 4, 1, 3, 5)).flatten(3).movedim(-1, 1)
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
    parted = input.unflatten(1, (groups, channels // groups)).transpose(1, 2)
    if _channels_last(input):
        return _copied(parted.movedim((1, 2), (-2, -1))).flatten(-2).movedim(-1, 1)
    return _copied(parted).flatten(1, 2)


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
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}(): {argument}={value!r} must be an int")
    if value < 1:
        raise RuntimeError(f"{name}(): {argument}={value} must be at least 1")
