"""Pixel-centre ruler and ramp: where outputs look, and what an encoder and its decoder disagree about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from ..figures import ramp_view, rulers
from ..figures.rulers import CONVENTIONS
from .still import Still

LARGEST = 10
WIDE: dict[str, str] = {"description_width": "7em"}


def pixel_ruler(size: int = 4, output_size: int = 8) -> Still:
    """A slider for `size` and one for `output_size`, and a choice of convention; below, both axes as rulers.

    A start beyond the usual range widens its slider.
    """
    size_slider, output_slider = (
        ipywidgets.IntSlider(start, 1, max(LARGEST, start), description=name, style=WIDE)
        for name, start in (("size", size), ("output_size", output_size))
    )
    shown = ipywidgets.Dropdown(options=["all four", *CONVENTIONS], description="show", style=WIDE)

    def draw():
        chosen = CONVENTIONS if shown.value == "all four" else [shown.value]
        return rulers(size_slider.value, output_slider.value, chosen)

    return Still([size_slider, output_slider, shown], draw)


def ramp_explorer(
    measure: Callable[[str, int, bool], tuple[Any, Any]], encoders: Sequence[str], size: int = 16
) -> Still:
    """A choice of encoder, a slider for `size` and a box for `align_corners`; below, the error on a ramp.

    `measure(encoder, size, align_corners)` gives the places of the encoder's samples and the errors of all pixels, as
    `figures.ramp_view` takes them: nothing is computed here.
    """
    encoder = ipywidgets.Dropdown(options=list(encoders), description="encoder", style=WIDE)
    slider = ipywidgets.IntSlider(size, 8, max(24, size), description="size", style=WIDE)
    corners = ipywidgets.Checkbox(False, description="align_corners", indent=False)

    def draw():
        places, errors = measure(encoder.value, slider.value, corners.value)
        return ramp_view(places, errors, corners.value)

    return Still([encoder, slider, corners], draw)
