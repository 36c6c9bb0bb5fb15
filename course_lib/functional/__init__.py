"""The reference operators of the course: drop-ins for torch.nn.functional, written with plain tensor operations.

>>> import torch
>>> import course_lib.functional as CF
>>> CF.max_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), kernel_size=2)
tensor([[[[ 5.,  7.],
          [13., 15.]]]])
"""

from __future__ import annotations

from course_lib.functional.activation import relu
from course_lib.functional.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from course_lib.functional.blur import blur_pool1d, blur_pool2d, blur_pool3d
from course_lib.functional.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from course_lib.functional.folding import fold, unfold
from course_lib.functional.interpolation import interpolate, upsample, upsample_bilinear, upsample_nearest
from course_lib.functional.normalization import batch_norm
from course_lib.functional.pooling import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    min_pool1d,
    min_pool2d,
    min_pool3d,
)
from course_lib.functional.pyramid import spatial_pyramid_pool
from course_lib.functional.shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from course_lib.functional.unpooling import (
    avg_unpool1d,
    avg_unpool2d,
    avg_unpool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "avg_unpool1d",
    "avg_unpool2d",
    "avg_unpool3d",
    "batch_norm",
    "blur_pool1d",
    "blur_pool2d",
    "blur_pool3d",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "fold",
    "interpolate",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "min_pool1d",
    "min_pool2d",
    "min_pool3d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "relu",
    "spatial_pyramid_pool",
    "unfold",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]
