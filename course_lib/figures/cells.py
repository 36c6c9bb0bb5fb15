"""Cells: the squares that every grid of this course is drawn with, and how several grids share a sheet.

Cell `(r, c)` is the square from `(c, r)` to `(c + 1, r + 1)`, rows counted downwards as in a tensor, so a
position of the padding is simply a negative one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from .style import BLUE, INK, LINE, QUIET, TEXT, VERMILLION, Picture, number, panel, text_width

# White to Okabe and Ito's sky blue: dark ink stays readable on all of it.
TINT = LinearSegmentedColormap.from_list("tint", ["#FFFFFF", "#56B4E9"])

Cell = tuple[Any, ...]


def cell_panel(
    picture: Picture, left: float, top: float, cell: float, rows: Sequence[int], columns: Sequence[int]
) -> Axes:
    """Axes for the cells from the first to the last of `rows` and `columns`, each `cell` inches wide."""
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    axes = panel(picture, left, top, width * cell, height * cell)
    axes.set_xlim(columns[0], columns[-1] + 1)
    axes.set_ylim(rows[-1] + 1, rows[0])
    return axes


def fill(
    axes: Axes,
    cells: Iterable[Cell],
    colours: str | np.ndarray,
    edge: str = QUIET,
    hatch: str | None = None,
    style: str = "-",
) -> None:
    """Paint cells in one colour or in one colour each; a hatch is drawn in the colour of the edges."""
    squares = [[(c, r), (c + 1, r), (c + 1, r + 1), (c, r + 1), (c, r)] for r, c in cells]
    if not squares:
        return
    look: dict[str, Any] = {"edgecolor": edge, "linewidth": 0.8, "linestyle": style, "clip_on": False}
    if isinstance(colours, str):
        # One path of all squares is drawn, and hatched, many times faster than a collection of them.
        corners = Path.make_compound_path(*(Path(square, closed=True) for square in squares))
        axes.add_artist(PathPatch(corners, facecolor=colours, hatch=hatch, **look))
    else:
        axes.add_collection(PolyCollection(squares, facecolor=colours, **look), autolim=False)


def write(axes: Axes, cell: Cell, text: str, size: float = TEXT, colour: str = INK, weight: str = "normal") -> None:
    """A text in the middle of a cell."""
    row, column = cell
    axes.text(
        column + 0.5,
        row + 0.5,
        text,
        ha="center",
        va="center_baseline",
        size=size,
        color=colour,
        weight=weight,
    )


def outline(axes: Axes, rows: Sequence[int], columns: Sequence[int], colour: str = BLUE, style: str = "-") -> None:
    """A thick frame from the first to the last of `rows` and `columns`."""
    axes.add_artist(
        Rectangle(
            (columns[0], rows[0]),
            columns[-1] - columns[0] + 1,
            rows[-1] - rows[0] + 1,
            fill=False,
            edgecolor=colour,
            linewidth=2.4,
            linestyle=style,
            clip_on=False,
            zorder=5,
        )
    )


def cross(axes: Axes, cell: Cell) -> None:
    """A vermillion ✗ in the upper right corner of a cell."""
    row, column = cell
    axes.text(
        column + 0.93,
        row + 0.06,
        "✗",
        ha="right",
        va="top",
        size=TEXT - 1,
        color=VERMILLION,
        weight="bold",
        zorder=6,
    )


def tints(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """A colour for each value in reading order: white at `low`, sky blue at `high`, infinity at the end."""
    with np.errstate(invalid="ignore"):
        scaled = (np.clip(np.nan_to_num(values.astype(float), nan=low), low, high) - low) / ((high - low) or 1)
    return TINT(0.85 * scaled.ravel())


def finite_range(arrays: Iterable[np.ndarray]) -> tuple[float, float]:
    """The least and the greatest finite value of all arrays together; (0, 1) where there is none."""
    finite = np.concatenate([array.astype(float).ravel() for array in arrays] or [np.zeros(0)])
    finite = finite[np.isfinite(finite)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def numbers(axes: Axes, values: np.ndarray, scale: tuple[float, float]) -> None:
    """A matrix as tinted cells with its numbers written in."""
    fill(axes, np.ndindex(*values.shape), tints(values, *scale))
    for cell in np.ndindex(*values.shape):
        write(axes, cell, number(float(values[cell])))


def cell_size(arrays: Iterable[np.ndarray], least: float = 0.42, size: float = TEXT) -> float:
    """Inches a cell needs so that the longest number of all arrays fits in."""
    longest = max((len(number(v)) for array in arrays for v in array.ravel()), default=1)
    return max(least, text_width("0" * longest, size) + 0.12)


def heading(picture: Picture, left: float, top: float, lines: Sequence[str], size: float = TEXT) -> None:
    """Lines of text that begin at a place in inches from the picture's left and top edge."""
    width, height = picture.get_size_inches()
    for index, line in enumerate(lines):
        y = 1 - (top + index * LINE) / height
        picture.text(left / width, y, line, ha="left", va="top", size=size, color=INK)


def flow(
    boxes: Sequence[tuple[float, float]], width: float = 9.6, gap: float = 0.35
) -> tuple[list[tuple[float, float]], float, float]:
    """Left top corners for boxes of (width, height) inches, set like words in lines, and the sheet's size."""
    places, left, top, line, widest = [], gap, gap / 2, 0.0, 0.0
    for box_width, box_height in boxes:
        if left > gap and left + box_width > width - gap:
            left, top, line = gap, top + line + gap, 0.0
        places.append((left, top))
        left, line = left + box_width + gap, max(line, box_height)
        widest = max(widest, left)
    return places, widest, top + line + gap / 2
