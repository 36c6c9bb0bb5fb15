"""A U-Net for an input of any size.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation" (MICCAI 2015).
Here convolutions are padded, so that they keep the size, and batch norm follows each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.functional._windows import check_tensor
from course_lib.geometry import check_int
from course_lib.nn.blocks import ConvBlock
from course_lib.nn.layers import Conv2d, ConvTranspose2d
from course_lib.nn.pooling import MaxPool2d


def fit(x: Tensor, height: int, width: int) -> Tensor:
    """Crop or pad an image at its lower and right end: (…, H, W) to (…, height, width). New pixels are 0.

    At that end, because there a pooling drops what doesn't fill a window: so all other pixels stay where they were.

    >>> fit(torch.ones(1, 2, 2), 1, 3)
    tensor([[[1., 1., 0.]]])
    """
    check_tensor("fit", x, "x")
    if x.dim() < 2:
        raise ValueError(f"x must have an H and a W, (…, H, W), but its shape is {tuple(x.shape)}")
    check_int("height", height, 1)
    check_int("width", width, 1)
    return F.pad(x, (0, width - x.shape[-1], 0, height - x.shape[-2]))


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice Conv → BatchNorm → ReLU: (N, C, H, W) to (N, O, H, W)."""
    return nn.Sequential(
        ConvBlock(in_channels, out_channels, pool=None, inplace=True),
        ConvBlock(out_channels, out_channels, pool=None, inplace=True),
    )


class UNet(nn.Module):
    """Encoder, decoder, and skips between them: (N, C, H, W) to (N, O, H, W), for any H and W from 2^depth on.

    Each of `depth` steps down doubles the channels, `width` at first, and halves the map; each step up undoes that,
    takes the map of the same height on the way down as a skip, and convolves both. An odd size loses a row going
    down, so coming up the map is a row short of its skip. `align` "pad" gives it a row of zeros, and the output has the
    input's size; "crop" takes the row from the skip, and the output is smaller by what was lost.

    >>> UNet(3, 2, width=4, depth=2)(torch.zeros(1, 3, 13, 10)).shape
    torch.Size([1, 2, 13, 10])
    """

    def __init__(self, in_channels: int, out_channels: int, width: int = 16, depth: int = 3, align: str = "pad"):
        super().__init__()
        if align not in ("pad", "crop"):
            raise ValueError(f"align={align!r} must be 'pad' or 'crop'")
        sizes = {"in_channels": in_channels, "out_channels": out_channels, "width": width, "depth": depth}
        for name, value in sizes.items():
            check_int(name, value, 1)
        channels = [width * 2**level for level in range(depth + 1)]
        self.align = align
        self.down = nn.ModuleList(
            double_conv(*pair) for pair in zip([in_channels, *channels[:-2]], channels[:-1], strict=True)
        )
        self.pool = MaxPool2d(2)
        self.bottom = double_conv(*channels[-2:])
        self.up = nn.ModuleList(ConvTranspose2d(2 * c, c, 2, stride=2) for c in channels[-2::-1])
        self.merge = nn.ModuleList(double_conv(2 * c, c) for c in channels[-2::-1])
        self.head = Conv2d(width, out_channels, 1)

    def forward(self, input: Tensor) -> Tensor:
        least = 2 ** len(self.down)
        if input.dim() != 4 or min(input.shape[-2:]) < least:
            raise ValueError(
                f"input must be (N, C, H, W) with H and W at least {least}, 2 for each step down, "
                f"but its shape is {tuple(input.shape)}"
            )
        x, skips = input, []
        for block in self.down:
            skips.append(block(x))
            x = self.pool(skips[-1])
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x, skip = up(x), skips.pop()
            if self.align == "pad":
                x = fit(x, *skip.shape[-2:])
            else:
                skip = fit(skip, *x.shape[-2:])
            x = merge(torch.cat([skip, x], dim=1))
        return self.head(x)
