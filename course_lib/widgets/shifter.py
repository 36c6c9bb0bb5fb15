"""Shift slider: move an input, and watch what several operators make of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from ..figures import Picture, shift_view
from .still import Still


def shift_slider(
    inputs: Any,
    outputs: Mapping[str, Any],
    responses: Mapping[str, Any],
    response: str = "response",
    shift: int = 0,
) -> Still:
    """Move an input with the slider `shift`; beside it each operator's output, and one number of it over all shifts.

    `inputs` is `(S, L)` or `(S, H, W)`; `outputs` has for each operator's name a tensor `(S, M)` and `responses` one
    `(S,)`, the number that `response` names: nothing is computed here. `play` moves it by itself.
    """
    slider = ipywidgets.IntSlider(shift, 0, len(inputs) - 1, description="shift")
    play = ipywidgets.Play(value=shift, min=0, max=len(inputs) - 1, interval=700, description="play")
    ipywidgets.jslink((play, "value"), (slider, "value"))

    def draw() -> Picture:
        return shift_view(inputs, outputs, responses, slider.value, response)

    return Still([slider, play], draw)
