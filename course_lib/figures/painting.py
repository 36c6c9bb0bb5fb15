"""One step of a transposed convolution: an input value paints the kernel, and strokes overlap."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cells import cell_size, fill, flow, heading, numbers, outline, write
from .grids import as_matrix, grid_inches, grid_panel, shape_titles
from .style import LINE, ORANGE, PALE_SKY, PAPER, TEXT, Picture, as_array, number, text_width


def paint_step(x: Any, strokes: Any, index: int) -> Picture:
    """Step `index` of painting: what the inputs up to this one, in reading order, have painted together.

    `x` is `(H, W)`, and `strokes`, `(H, W, H_out, W_out)`, says what each input paints: its value times the kernel. An
    orange frame is the input and its stroke. On the right is the number of strokes that have reached each position.
    Raises ValueError for a shape or an index out of range.

    >>> paint_step([[2, 3]], [[[[2, 2, 0]], [[0, 3, 3]]]], 1)
    Step 2 of 2: x[0, 1] = 3 paints on 2 positions, 1 of which has been painted before.
    """
    source, parts = as_matrix(x, "x"), as_array(strokes)
    if parts.shape[:2] != source.shape or parts.ndim != 4:
        raise ValueError(f"strokes must have the shape {source.shape} + (H_out, W_out), but have {parts.shape}")
    if not 0 <= index < source.size:
        raise ValueError(f"index={index} must be between 0 and {source.size - 1}, one step for each input")
    flat = parts.reshape(-1, *parts.shape[2:])
    painted, counts = flat[: index + 1].sum(0), (flat[: index + 1] != 0).sum(0)
    at = tuple(int(i) for i in np.unravel_index(index, source.shape))
    stroke = flat[index] != 0

    value = number(float(source[at]))
    alt = f"Step {index + 1} of {source.size}: x[{at[0]}, {at[1]}] = {value} {_sentence(stroke, counts)}"
    matrices = (source, painted, counts)
    labels = shape_titles(matrices, ["x", "painted so far", "strokes at each position"])
    cell = cell_size([source, flat.sum(0), counts], size=TEXT + 1)
    corners, width, height = flow([grid_inches(m, label, cell) for m, label in zip(matrices, labels, strict=True)])
    picture = Picture(max(width, text_width(alt) + 0.7), height + 1.5 * LINE, alt=alt)
    heading(picture, corners[0][0], 0.18, [alt])
    panels = []
    for matrix, label, (left, top) in zip(matrices, labels, corners, strict=True):
        heading(picture, left, top + 1.5 * LINE, [label])
        panels.append(grid_panel(picture, left, top + 2.5 * LINE, cell, matrix))

    done = list(np.ndindex(source.shape))
    fill(panels[0], done[: index + 1], PALE_SKY)
    fill(panels[0], done[index + 1 :], PAPER)
    for place in done:
        write(panels[0], place, number(float(source[place])))
    fill(panels[1], [place for place in np.ndindex(painted.shape) if not counts[place]], PAPER)
    fill(panels[1], [place for place in np.ndindex(painted.shape) if counts[place]], PALE_SKY)
    for place in np.ndindex(painted.shape):
        if counts[place]:
            write(panels[1], place, number(float(painted[place])), weight="bold" if stroke[place] else "normal")
    most = (flat != 0).sum(0).max()
    numbers(panels[2], counts, (0, float(max(most, 2))))
    outline(panels[0], [at[0]], [at[1]], ORANGE)
    if stroke.any():
        rows, columns = (np.flatnonzero(stroke.any(axis)) for axis in (1, 0))
        for axes in panels[1:]:
            outline(axes, [int(i) for i in rows], [int(i) for i in columns], ORANGE)
    return picture


def _sentence(stroke: np.ndarray, counts: np.ndarray) -> str:
    """How large the stroke is, and how much of it lies on others."""
    again = int((counts[stroke] > 1).sum())
    before = f"{again} of which {'has' if again == 1 else 'have'} been painted before"
    return f"paints on {int(stroke.sum())} positions, {before if again else 'none of which has been painted before'}."
