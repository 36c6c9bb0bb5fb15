"""The layers that networks are built of here: torch's modules, their parameters and names, with our functional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

import course_lib.functional as CF


class Conv2d(nn.Conv2d):
    """torch.nn.Conv2d computed by functional.conv2d: (N, C, H, W) to (N, O, H', W')."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode), 0
        return CF.conv2d(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch.nn.ConvTranspose2d computed by functional.conv_transpose2d: (N, C, H, W) to (N, O, H', W')."""

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        padding: Any = self.padding
        sizes: Any = (output_size, self.stride, padding, self.kernel_size, 2, self.dilation)
        output_padding = self._output_padding(input, *sizes)
        return CF.conv_transpose2d(
            input, self.weight, self.bias, self.stride, padding, output_padding, self.groups, self.dilation
        )


class BatchNorm2d(nn.BatchNorm2d):
    """torch.nn.BatchNorm2d computed by functional.batch_norm: (N, C, H, W), each channel to mean 0 and variance 1."""

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # an average over all batches so far
                momentum = 1.0 / float(self.num_batches_tracked)
        of_batch = self.training or self.running_mean is None
        kept = (self.running_mean, self.running_var)
        running = kept if not self.training or self.track_running_stats else (None, None)
        return CF.batch_norm(input, *running, self.weight, self.bias, of_batch, momentum, self.eps)


class ReLU(nn.ReLU):
    """torch.nn.ReLU computed by functional.relu."""

    def forward(self, input: Tensor) -> Tensor:
        return CF.relu(input, self.inplace)


class PixelShuffle(nn.PixelShuffle):
    """torch.nn.PixelShuffle computed by functional.pixel_shuffle: (N, C·r², H, W) to (N, C, H·r, W·r)."""

    def forward(self, input: Tensor) -> Tensor:
        return CF.pixel_shuffle(input, self.upscale_factor)
