"""Mode gallery: a crop of a picture, made larger in several ways, each with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from ..figures import images
from .still import Still


def mode_gallery(
    picture: Any,
    modes: Mapping[str, Callable[[Any, int], Any]],
    row: int = 0,
    column: int = 0,
    crop: int = 24,
    factor: int = 8,
) -> Still:
    """Sliders for the `row` and the `column` of a crop and for the `factor`; below, what each mode makes of it.

    `picture` is `(C, H, W)` with values from 0 to 1; `modes` has for each name a function of a crop
    `(1, C, crop, crop)` and the factor. It is called once and timed; its values are cut off at 0 and 1 to be shown.
    """
    rows, columns = (size - crop for size in picture.shape[1:])
    sliders = [
        ipywidgets.IntSlider(start, low, high, description=name, continuous_update=False)
        for name, start, low, high in (("row", row, 0, rows), ("column", column, 0, columns), ("factor", factor, 2, 8))
    ]

    def draw():
        top, left, times = (slider.value for slider in sliders)
        part = picture[None, :, top : top + crop, left : left + crop]
        shown, titles = [part[0]], ["the crop"]
        for name, resize in modes.items():
            start = time.perf_counter()
            larger = resize(part, times)
            milliseconds = 1000 * (time.perf_counter() - start)
            shown.append(larger[0].clamp(0, 1))
            titles.append(f"{name}, {milliseconds:.1f} ms")
        return images(*shown, titles=titles)

    return Still(sliders, draw)
