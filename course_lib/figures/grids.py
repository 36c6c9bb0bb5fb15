"""Small matrices as grids of numbers, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .cells import cell_panel, cell_size, finite_range, flow, heading, numbers
from .style import LINE, Picture, as_array, one_each, text_width


def grids(*tensors: Any, titles: Sequence[str] | None = None) -> Picture:
    """Each tensor as a grid of numbers; a darker blue is a greater number, on one scale for all.

    A tensor is `(H, W)` or `(L,)`; leading axes of size 1 are dropped. `titles` names each of them;
    its shape follows.

    >>> grids([[3, 7], [1, 2]], [[7]], titles=["input", "max"])
    Grids of numbers: input (2, 2), max (1, 1).
    """
    arrays = [as_matrix(tensor, "tensors") for tensor in tensors]
    labels = shape_titles(tensors, titles)
    cell = cell_size(arrays)
    places, width, height = flow([grid_inches(*pair, cell) for pair in zip(arrays, labels, strict=True)])
    picture = Picture(width, height, alt=f"Grids of numbers: {', '.join(labels)}.")
    scale = finite_range(arrays)
    for (left, top), array, label in zip(places, arrays, labels, strict=True):
        heading(picture, left, top, [label])
        axes = grid_panel(picture, left, top + LINE, cell, array)
        numbers(axes, array, scale)
    return picture


def as_matrix(tensor: Any, name: str) -> np.ndarray:
    """A tensor of one map or one signal as a matrix `(H, W)`; a signal becomes `(1, L)`."""
    array = as_array(tensor)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim > 2:
        raise ValueError(
            f"{name} must be one map (H, W) or one signal (L,), but a shape is {array.shape}; "
            f"pick one sample and one channel, as in x[0, 0]"
        )
    return np.atleast_2d(array)


def shape_titles(tensors: Sequence[Any], titles: Sequence[str] | None) -> list[str]:
    """For each tensor its title and its shape, as in `input (4, 4)`."""
    names = one_each(titles, len(tensors), "titles")
    return [f"{name} {tuple(as_array(tensor).shape)}".lstrip() for name, tensor in zip(names, tensors, strict=True)]


def grid_inches(array: np.ndarray, label: str, cell: float) -> tuple[float, float]:
    """The room that a grid with its label above takes."""
    return max(array.shape[1] * cell, text_width(label)), array.shape[0] * cell + LINE


def grid_panel(picture: Picture, left: float, top: float, cell: float, array: np.ndarray) -> Axes:
    """Axes with a cell for each number of a matrix."""
    return cell_panel(picture, left, top, cell, range(array.shape[0]), range(array.shape[1]))
