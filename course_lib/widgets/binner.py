"""Bin explorer: which positions the bins of an adaptive pooling read, and which they share."""

from __future__ import annotations

import ipywidgets

from ..figures import bin_views
from .still import Still

LARGEST = 12


def bin_explorer(size: int = 5, output_size: int = 2) -> Still:
    """A slider for `size` and one for `output_size`; below, the bins on an axis and on the square map.

    A start beyond the usual range widens its slider.
    """
    controls = [
        ipywidgets.IntSlider(start, 1, max(LARGEST, start), description=name, style={"description_width": "6em"})
        for name, start in (("size", size), ("output_size", output_size))
    ]
    return Still(controls, lambda: bin_views(*(control.value for control in controls)))
