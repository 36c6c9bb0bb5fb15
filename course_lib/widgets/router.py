"""Gradient router: send the gradient of one output after the other back to the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from ..figures import Picture, gradient_step
from ..figures.grids import as_matrix
from .still import Still


def gradient_router(
    x: Any,
    grad_output: Any,
    shares: Mapping[str, Any],
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
    step: int = 1,
) -> Still:
    """Step through a backward pass: the window, what its gradient is, who gets it, and what has arrived so far.

    `x` is `(H, W)`, `grad_output` `(H_out, W_out)`. `shares` has for each operator's name its Jacobian, `(H_out, W_out,
    H, W)`: nothing is differentiated here. The controls are `operator`, `step`, which counts from 1, and `play`.
    """
    steps = as_matrix(grad_output, "grad_output").size
    operator = ipywidgets.Dropdown(options=list(shares), description="operator")
    slider = ipywidgets.IntSlider(step, 1, steps, description="step")
    play = ipywidgets.Play(value=step, min=1, max=steps, interval=900, description="play")
    ipywidgets.jslink((play, "value"), (slider, "value"))

    def draw() -> Picture:
        return gradient_step(x, grad_output, shares[operator.value], slider.value - 1, kernel_size, stride)

    return Still([operator, slider, play], draw)
