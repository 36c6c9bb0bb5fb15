"""U-Net explorers: the sizes of all maps for any input, and what flows through a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from ..figures import Picture, sentence, unet_flow, unet_sizes
from .still import Still

LARGEST, DEEPEST = 64, 4
ALIGNMENTS = {"pad the map from below": "pad", "crop the skip": "crop", "do nothing": "none"}


def unet_explorer(height: int = 45, width: int = 38, depth: int = 3, align: str = "pad") -> Still:
    """Sliders for `height`, `width` and `depth`, and what to do where a skip does not fit; below, every map's size."""
    style = {"description_width": "5em"}
    controls = [
        ipywidgets.IntSlider(height, 2, LARGEST, description="height", style=style),
        ipywidgets.IntSlider(width, 2, LARGEST, description="width", style=style),
        ipywidgets.IntSlider(depth, 1, DEEPEST, description="depth", style=style),
        ipywidgets.Dropdown(options=ALIGNMENTS, value=align, description="misfits", style=style),
    ]

    def draw() -> Picture:
        try:
            return unet_sizes(*(control.value for control in controls))
        except ValueError as error:
            return sentence(f"This network cannot be built: {error}.")

    return Still(controls, draw)


def flow_chooser(flows: Mapping[str, tuple[Sequence[Any], Any, Sequence[Any]]], kind: str = "maps") -> Still:
    """Choose one of several flows by its name: the maps (down, bottom, up) of a network, drawn as the U.

    `kind` is the label of the choice.
    """
    choice = ipywidgets.Dropdown(options=list(flows), description=kind)
    return Still([choice], lambda: unet_flow(*flows[choice.value], title=choice.value))
