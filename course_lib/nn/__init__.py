"""Modules over course_lib.functional: torch.nn's layers of this subject, those that it lacks, and networks of them.

>>> import torch
>>> import course_lib.nn as cnn
>>> cnn.MaxPool2d(2)(torch.arange(16.0).reshape(1, 1, 4, 4))
tensor([[[[ 5.,  7.],
          [13., 15.]]]])
"""

from __future__ import annotations

from course_lib.nn.blocks import ConvBlock, SubPixelConv2d, UpProjection, icnr_
from course_lib.nn.layers import BatchNorm2d, Conv2d, ConvTranspose2d, PixelShuffle, ReLU
from course_lib.nn.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    BlurPool2d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    MinPool1d,
    MinPool2d,
    MinPool3d,
    SpatialPyramidPooling,
)
from course_lib.nn.unet import UNet, fit
from course_lib.nn.unpooling import AvgUnpool2d, MaxUnpool1d, MaxUnpool2d, MaxUnpool3d

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "AvgUnpool2d",
    "BatchNorm2d",
    "BlurPool2d",
    "Conv2d",
    "ConvBlock",
    "ConvTranspose2d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "MinPool1d",
    "MinPool2d",
    "MinPool3d",
    "PixelShuffle",
    "ReLU",
    "SpatialPyramidPooling",
    "SubPixelConv2d",
    "UNet",
    "UpProjection",
    "fit",
    "icnr_",
]
