"""Pictures in rows and columns, for comparing what several networks make of the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .cells import heading
from .images import LARGEST, pixels_of
from .style import LINE, MARGIN, Picture, panel

WIDTH, GAP = 9.2, 0.12  # inches


def picture_table(columns: Mapping[str, Sequence[Any]]) -> Picture:
    """A column of pictures under each name, all of one size, so that a row shows the same thing in several ways.

    A picture is as in ``images``, `(3, H, W)`, `(1, H, W)` or `(H, W)`, with uint8 from 0 to 255 or floats from 0 to 1.
    Raises ValueError where columns are not equally long, or pictures not equally large.

    >>> picture_table({"scene": [[[0.5]], [[0.2]]], "mask": [[[1.0]], [[0.0]]]})
    Pictures in 2 rows and 2 columns: scene, mask. Each is 1 × 1.
    """
    pixels = {name: [pixels_of(one) for one in column] for name, column in columns.items()}
    counts = {len(column) for column in pixels.values()}
    shapes = {one.shape[:2] for column in pixels.values() for one in column}
    if len(counts) != 1 or len(shapes) != 1:
        raise ValueError(f"columns must hold equally many pictures of one size, not {counts} and {shapes}")
    [rows], [(height, width)] = counts, shapes
    side = min(LARGEST, (WIDTH - MARGIN) / len(pixels) - GAP)
    tall, wide = side * height / max(height, width), side * width / max(height, width)
    top = MARGIN + LINE + 0.05
    picture = Picture(
        2 * MARGIN + len(pixels) * (wide + GAP) - GAP,
        top + rows * (tall + GAP) - GAP + MARGIN,
        alt=f"Pictures in {rows} rows and {len(pixels)} columns: {', '.join(pixels)}. Each is {height} × {width}.",
    )
    for number, (name, column) in enumerate(pixels.items()):
        left = MARGIN + number * (wide + GAP)
        heading(picture, left, MARGIN, [name])
        for row, one in enumerate(column):
            axes = panel(picture, left, top + row * (tall + GAP), wide, tall)
            axes.imshow(one, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    return picture
