"""One step of max unpooling: a number, its index, and the place that the index names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import geometry
from .cells import cell_size, cross, fill, flow, heading, outline, write
from .grids import as_matrix, grid_inches, grid_panel, shape_titles
from .style import (
    LINE,
    ORANGE,
    PALE_SKY,
    PALE_VERMILLION,
    PALE_YELLOW,
    PAPER,
    TEXT,
    Picture,
    number,
    one_each,
    text_width,
)

TITLES = ("x", "y: the maxima", "their indices", "unpooled so far")


def unpool_step(
    x: Any,
    y: Any,
    indices: Any,
    index: int,
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
    output_size: Sequence[int] | None = None,
) -> Picture:
    """Step `index` of unpooling `y` by its `indices`, in reading order: where the number came from, where it goes.

    `x` is the map `(H, W)` that was pooled, `y` and `indices` are `(H_out, W_out)`; `output_size` is the size of the
    unpooled map, that of `x` unless another is given. A blue frame is the window, an orange one the place of the
    number now. A number that lands where it did not come from is crossed. Raises ValueError for a shape or an index out
    of range.

    >>> unpool_step([[3, 7], [1, 2]], [[7]], [[1]], 0)
    Step 1 of 1: y[0, 0] = 7 has the index 1 = 0 · 2 + 1: row 0, column 1.
    """
    matrices = as_matrix(x, "x"), as_matrix(y, "y"), as_matrix(indices, "indices").astype(int)
    source, sent, places = matrices
    if places.shape != sent.shape:
        raise ValueError(f"indices must have the shape of y, {sent.shape}, but have {places.shape}")
    if not 0 <= index < sent.size:
        raise ValueError(f"index={index} must be between 0 and {sent.size - 1}, one step for each number of y")
    height, width = source.shape if output_size is None else output_size
    unpooled = np.zeros(height * width)
    reached = [int(place) for place in places.ravel()[: index + 1]]
    for place, value in zip(reached, sent.ravel(), strict=False):
        if place < unpooled.size:
            unpooled[place] = value
    unpooled = unpooled.reshape(height, width)

    at = tuple(int(i) for i in np.unravel_index(index, sent.shape))
    steps = f"Step {index + 1} of {sent.size}: y[{at[0]}, {at[1]}] = {number(float(sent[at]))}"
    alt = f"{steps} {_sentence(reached[-1], source.shape[1], height, width)}"
    shown = (*matrices, unpooled)
    labels = shape_titles(shown, one_each(TITLES, 4, "titles"))
    cell = cell_size([*shown, places], size=TEXT + 1)
    corners, sheet, tall = flow([grid_inches(m, label, cell) for m, label in zip(shown, labels, strict=True)])
    picture = Picture(max(sheet, text_width(alt) + 0.7), tall + 1.5 * LINE, alt=alt)
    heading(picture, corners[0][0], 0.18, [alt])

    came = [divmod(place, source.shape[1]) for place in reached]
    went = [divmod(place, width) for place in reached if place < height * width]
    done = {tuple(int(i) for i in cell) for cell in list(np.ndindex(sent.shape))[: index + 1]}
    rows, columns = _window(at, kernel_size, stride)
    marked: tuple[set[tuple[int, ...]], ...] = ({(r, c) for r in rows for c in columns}, done, done, set(went))
    colours = (PALE_YELLOW, PALE_SKY, PALE_SKY, PALE_SKY)
    strays = {to for to, place in zip(went, came, strict=False) if to != place}
    panels = []
    for panel, (matrix, label, (left, top)) in enumerate(zip(shown, labels, corners, strict=True)):
        heading(picture, left, top + 1.5 * LINE, [label])
        axes = grid_panel(picture, left, top + 2.5 * LINE, cell, matrix)
        fill(axes, [where for where in np.ndindex(matrix.shape) if where not in marked[panel]], PAPER)
        fill(axes, sorted(marked[panel]), colours[panel])
        panels.append(axes)
    fill(panels[3], sorted(strays), PALE_VERMILLION)
    for axes, matrix in zip(panels, shown, strict=True):
        for where in np.ndindex(matrix.shape):
            bold = matrix is source and where in came
            write(axes, where, number(float(matrix[where])), weight="bold" if bold else "normal")
    for stray in strays:
        cross(panels[3], stray)
    outline(panels[0], rows, columns)
    outline(panels[0], [came[-1][0]], [came[-1][1]], ORANGE)
    for axes in panels[1:3]:
        outline(axes, [at[0]], [at[1]], ORANGE)
    if reached[-1] < height * width:
        outline(panels[3], [reached[-1] // width], [reached[-1] % width], ORANGE)
    return picture


def _window(at: tuple[int, ...], kernel_size: Any, stride: Any) -> tuple[range, range]:
    sizes = geometry.per_axis(kernel_size, 2, "kernel_size")
    steps = sizes if stride is None else geometry.per_axis(stride, 2, "stride")
    return geometry.window(at[0], sizes[0], steps[0]), geometry.window(at[1], sizes[1], steps[1])


def _sentence(place: int, right: int, height: int, width: int) -> str:
    """What the index says on a map of that size, and what it said on one whose rows were `right` long."""
    if place >= height * width:
        return f"has the index {place}, but the map has {height * width} positions only."
    row, column = divmod(place, width)
    words = f"has the index {place} = {row} · {width} + {column}: row {row}, column {column}"
    true_row, true_column = divmod(place, right)
    same = (row, column) == (true_row, true_column)
    return f"{words}." if same else f"{words}. It came from row {true_row}, column {true_column}."
