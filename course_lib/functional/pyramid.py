"""Spatial pyramid pooling: as many features from an image of any size.

K. He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (ECCV 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from course_lib.functional.adaptive import adaptive_avg, adaptive_max
from course_lib.geometry import is_int

POOLS: dict[str, Callable] = {"max": adaptive_max, "avg": adaptive_avg}


def spatial_pyramid_pool(
    input: torch.Tensor, output_sizes: Sequence[int | tuple[int, int]] = (4, 2, 1), mode: str = "max"
) -> torch.Tensor:
    """Pool an image to several grids side by side and join them: (N, C, H, W) to (N, C·Σ h·w). N may be missing.

    Each of `output_sizes`, an int or (h, w), is one level; all see the whole input. Their flattened planes follow one
    another level by level, channel by channel: (4, 2, 1) gives 16·C, then 4·C, then C features, 21·C for any H and W.
    (One level after another would be a pooling to the last alone.) `mode` is "max" or "avg".

    >>> spatial_pyramid_pool(torch.arange(16.0).reshape(1, 1, 4, 4), (2, 1))
    tensor([[ 5.,  7., 13., 15., 15.]])
    """
    if not isinstance(mode, str) or mode not in POOLS:
        raise ValueError(f"spatial_pyramid_pool(): mode={mode!r} must be 'max' or 'avg'")
    if not isinstance(output_sizes, Sequence) or isinstance(output_sizes, str) or not output_sizes:
        raise TypeError(
            f"spatial_pyramid_pool(): output_sizes={output_sizes!r} must be a sequence of at least one level, "
            "each an int or (h, w)"
        )
    for level in output_sizes:
        sides = level if isinstance(level, (tuple, list)) else (level,)
        if not all(map(is_int, sides)):
            raise TypeError(
                f"spatial_pyramid_pool(): output_sizes={output_sizes!r} must be ints: None would keep the input's size"
            )
    levels = [POOLS[mode]("spatial_pyramid_pool", 2, input, level) for level in output_sizes]
    return torch.cat([level.flatten(-3) for level in levels], dim=-1)
