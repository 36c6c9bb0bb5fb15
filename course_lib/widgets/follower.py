"""Index follower: which number each index belongs to, and where it takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from ..figures import Picture, unpool_step
from ..figures.grids import as_matrix
from .still import Still


def index_follower(
    x: Any,
    y: Any,
    indices: Any,
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
    output_sizes: Sequence[Sequence[int]] = (),
    step: int = 1,
) -> Still:
    """Follow a maximum down and up: its window, its index, and the place that this index names on the way back.

    `x` is `(H, W)`, `y` and `indices` `(H_out, W_out)`: nothing is pooled here. `output_sizes` are sizes to go back to,
    that of `x` where there is none. The controls are `size`, `step`, which counts from 1, and `play`.
    """
    steps = as_matrix(y, "y").size
    sizes = [tuple(size) for size in output_sizes] or [as_matrix(x, "x").shape]
    size = ipywidgets.Dropdown(options=[(f"{h} × {w}", (h, w)) for h, w in sizes], description="size")
    slider = ipywidgets.IntSlider(step, 1, steps, description="step")
    play = ipywidgets.Play(value=step, min=1, max=steps, interval=900, description="play")
    ipywidgets.jslink((play, "value"), (slider, "value"))

    def draw() -> Picture:
        return unpool_step(x, y, indices, slider.value - 1, kernel_size, stride, size.value)

    return Still([size, slider, play], draw)
