"""Channels to phases, and the phases of an upsampler that has learned nothing yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from ..figures import Picture, phase_view, shuffle_view
from .still import Still

LARGEST_FACTOR, MOST_CHANNELS = 3, 3


def shuffle_explorer(upscale_factor: int = 2, channels: int = 2, channel: int = 0, mode: str = "CRD") -> Still:
    """Sliders for `upscale_factor`, the output `channels` and the input `channel` to follow, and a list for `mode`.

    Below, every cell before and after a pixel shuffle with the number of its channel.
    """
    style = {"description_width": "9em"}
    factor = ipywidgets.IntSlider(upscale_factor, 1, LARGEST_FACTOR, description="upscale_factor", style=style)
    outputs = ipywidgets.IntSlider(channels, 1, MOST_CHANNELS, description="channels", style=style)
    order = ipywidgets.Dropdown(
        options=[("CRD, torch", "CRD"), ("DCR, TensorFlow", "DCR")], value=mode, description="mode", style=style
    )
    follow = ipywidgets.IntSlider(channel, 0, upscale_factor**2 * channels - 1, description="channel", style=style)

    def draw() -> Picture:
        follow.max = factor.value**2 * outputs.value - 1  # a value beyond it comes down with it
        return shuffle_view(factor.value, outputs.value, follow.value, order.value)

    return Still([factor, outputs, order, follow], draw)


def artifact_explorer(
    images: Mapping[str, Any],
    energies: Mapping[str, Any],
    unevennesses: Mapping[str, Any],
    upsampler: str | None = None,
    seed: int = 0,
) -> Still:
    """Choose an upsampler and a seed: its picture, the energies of its phases, and how uneven they are.

    For each upsampler's name `images` has a tensor `(S, H, W)` with values from 0 to 1, `energies` one `(S, r, r)` and
    `unevennesses` S numbers: nothing is computed here.
    """
    names = list(images)
    choice = ipywidgets.Dropdown(options=names, value=upsampler or names[0], description="upsampler")
    drawn = ipywidgets.IntSlider(seed, 0, len(images[names[0]]) - 1, description="seed")

    def draw() -> Picture:
        name, s = choice.value, drawn.value
        return phase_view(images[name][s], energies[name][s], float(unevennesses[name][s]), name)

    return Still([choice, drawn], draw)
