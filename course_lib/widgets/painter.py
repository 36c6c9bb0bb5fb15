"""Kernel painter: one input after the other paints the kernel, and the overlap grows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from ..figures import Picture, paint_step
from ..figures.grids import as_matrix
from .still import Still


def kernel_painter(x: Any, strokes: Mapping[str, Any], step: int = 1) -> Still:
    """Step through a transposed convolution: what has been painted so far, and how many strokes meet where.

    `x` is `(H, W)`. `strokes` has for each layer's name what each input paints, `(H, W, H_out, W_out)`: nothing is
    convolved here. The controls are `layer`, `step`, which counts from 1, and `play`.
    """
    steps = as_matrix(x, "x").size
    layer = ipywidgets.Dropdown(options=list(strokes), description="layer")
    slider = ipywidgets.IntSlider(step, 1, steps, description="step")
    play = ipywidgets.Play(value=step, min=1, max=steps, interval=900, description="play")
    ipywidgets.jslink((play, "value"), (slider, "value"))

    def draw() -> Picture:
        return paint_step(x, strokes[layer.value], slider.value - 1)

    return Still([layer, slider, play], draw)
