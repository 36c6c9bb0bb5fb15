"""Real pictures, side by side and sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .cells import flow, heading
from .style import DPI, LINE, Picture, as_array, one_each, panel, text_width

WIDTH = 9.6  # inches for all pictures of a line
LARGEST = 4.0  # inches for one picture
GAP = 0.2


def images(*tensors: Any, titles: Sequence[str] | None = None) -> Picture:
    """Each picture at the same display size, titled with its own size `H × W`: fewer samples look coarser.

    A picture is `(3, H, W)` in colour, `(1, H, W)` or `(H, W)` in grey; uint8 from 0 to 255 or floats from 0
    to 1. One sample becomes one block of equal pixels, never a blend. Only a picture with more samples than it
    gets pixels is reduced, by averaging; to see each sample of a large one, pass a crop of 300 × 300.

    >>> images(np.zeros((3, 8, 8)), np.zeros((3, 4, 4)), titles=["before", "after"])
    Pictures side by side: before, 8 × 8; after, 4 × 4.
    """
    pictures = [pixels_of(tensor) for tensor in tensors]
    names = one_each(titles, len(pictures), "titles")
    sizes = [f"{pixels.shape[0]} × {pixels.shape[1]}" for pixels in pictures]
    width, height = display_size(max((p.shape[:2] for p in pictures), key=np.prod), len(pictures))
    lines = [[name, size] if name else [size] for name, size in zip(names, sizes, strict=True)]
    above = max(map(len, lines)) * LINE
    places, sheet_width, sheet_height = flow(
        [(max(width, *map(text_width, text)), height + above) for text in lines], gap=GAP
    )
    described = "; ".join(", ".join(text) for text in lines)
    sheet = Picture(sheet_width, sheet_height, alt=f"Pictures side by side: {described}.")
    for pixels, text, (left, top) in zip(pictures, lines, places, strict=True):
        heading(sheet, left, top, text)
        axes = panel(sheet, left, top + above, width, height)
        reduced = pixels.shape[0] > height * DPI or pixels.shape[1] > width * DPI
        axes.imshow(
            pixels,
            cmap="gray",
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="hanning" if reduced else "nearest",
        )
    return sheet


def pixels_of(tensor: Any) -> np.ndarray:
    """Samples between 0 and 1 with the channels last, as matplotlib takes them."""
    array = as_array(tensor)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1)
    elif array.ndim != 2:
        raise ValueError(
            f"a picture must be (3, H, W), (1, H, W) or (H, W), but a shape is {array.shape}; "
            f"pick one of a batch, as in x[0]"
        )
    values = array / 255 if array.dtype == np.uint8 else array.astype(float)
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"a picture of {array.dtype} must have values from 0 to 1, but its values go from "
            f"{values.min():.3g} to {values.max():.3g}; scale it first, or pass uint8 from 0 to 255"
        )
    return values


def display_size(size: Sequence[int], count: int) -> tuple[float, float]:
    """Inches for each picture: a whole number of pixels for each sample of the largest, where it fits."""
    room = min(LARGEST, (WIDTH - GAP) / count - GAP) * DPI
    factor = room / max(size)
    factor = int(factor) if factor >= 1 else factor
    return round(size[1] * factor) / DPI, round(size[0] * factor) / DPI
