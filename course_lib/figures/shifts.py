"""What moves along when an input moves, and what changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .cells import finite_range, heading
from .style import BLUE, INK, MARGIN, QUIET, TEXT, VERMILLION, Picture, as_array, number, panel

LEFT, MIDDLE, RIGHT = 2.6, 2.8, 2.6  # inches for the input, the outputs and the responses
ROW, ROOM, TITLE = 1.35, 0.85, 0.3  # inches for an operator, for its values, for its title


def shift_view(
    inputs: Any,
    outputs: Mapping[str, Any],
    responses: Mapping[str, Any],
    shift: int,
    response: str = "response",
) -> Picture:
    """An input at one shift, what several operators make of it, and one number of each over all shifts.

    `inputs` is `(S, L)` or, for pictures with values from 0 to 1, `(S, H, W)`, for S shifts. `outputs` has for each
    name a tensor `(S, M)`, and `responses` one `(S,)`, which `response` names. A dashed line marks the shift.
    Raises ValueError for a shift out of range or names that differ.

    >>> shift_view([[1, 0], [0, 1]], {"max": [[1], [1]]}, {"max": [1, 1]}, 1)
    Shift 1. The response of max is 1, and over all shifts it goes from 1 to 1.
    """
    pictures = as_array(inputs)
    if not 0 <= shift < len(pictures):
        raise ValueError(f"shift={shift} must be between 0 and {len(pictures) - 1}")
    if list(outputs) != list(responses):
        raise ValueError(f"outputs and responses must have the same names, but have {[*outputs]} and {[*responses]}")
    shown = [as_array(output) for output in outputs.values()]
    curves = [as_array(curve).astype(float) for curve in responses.values()]
    said = [
        f"The {response} of {name} is {number(curve[shift])}, "
        f"and over all shifts it goes from {number(curve.min())} to {number(curve.max())}."
        for name, curve in zip(responses, curves, strict=True)
    ]
    height = max(ROW * len(curves), (LEFT + TITLE) * (pictures.ndim == 3)) + 2 * MARGIN
    picture = Picture(LEFT + MIDDLE + RIGHT + 1.9, height, alt=" ".join([f"Shift {shift}.", *said]))
    if pictures.ndim == 3:
        heading(picture, MARGIN, MARGIN, [f"input, shift {shift}"])
        axes = panel(picture, MARGIN, MARGIN + TITLE, LEFT, LEFT)
        axes.imshow(pictures[shift], cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    else:
        _stems(picture, MARGIN, LEFT, [f"input, shift {shift}"], [pictures[shift]], finite_range([pictures]))
    now, limits = [output[shift] for output in shown], finite_range(shown)
    _stems(picture, LEFT + 0.85, MIDDLE, list(outputs), now, limits)
    titles = [f"{response}: {number(curve[shift])}" for curve in curves]
    _curves(picture, LEFT + MIDDLE + 1.5, RIGHT, titles, curves, shift)
    return picture


def _stems(
    picture: Picture, left: float, width: float, titles: Sequence[str], rows: Sequence[Any], limits: tuple[float, float]
) -> None:
    axes, heights = _column(picture, left, width, titles, rows, limits)
    for row, values in enumerate(rows):
        xs, ys = range(len(values)), heights(values, row)
        axes.vlines(xs, heights(0.0, row), ys, color=BLUE, linewidth=2)
        axes.plot(xs, ys, "o", color=BLUE, markersize=4, clip_on=False)


def _curves(
    picture: Picture, left: float, width: float, titles: Sequence[str], curves: Sequence[np.ndarray], shift: int
) -> None:
    axes, heights = _column(picture, left, width, titles, curves, finite_range(curves))
    for row, curve in enumerate(curves):
        ys = heights(curve, row)
        axes.plot([shift, shift], [(row + 1) * ROW - ROOM - 0.2, (row + 1) * ROW - 0.2], "--", color=VERMILLION)
        axes.plot(ys, color=BLUE, marker="o", markersize=3.5, linewidth=1.3, clip_on=False)
        axes.plot([shift], [ys[shift]], "D", color=VERMILLION, markersize=6, clip_on=False)


def _column(
    picture: Picture, left: float, width: float, titles: Sequence[str], rows: Sequence[Any], limits: tuple[float, float]
):
    """One axes with a row for each title, drawn in inches downwards, and the function that gives a value its height.

    Seven axes would take three times as long to draw as three.
    """
    low, high = min(0.0, limits[0]), max(limits[1], 1e-9)
    longest = max(map(len, rows))
    axes = panel(picture, left, MARGIN, width, ROW * len(rows))
    axes.set(xlim=(-0.7, longest - 0.3), ylim=(ROW * len(rows), 0))

    def heights(values: Any, row: int) -> Any:
        return (row + 1) * ROW - 0.2 - (values - low) / (high - low) * ROOM

    mark = float(f"{high:.1g}")
    mark = mark if mark <= high else float(f"{0.8 * high:.1g}")
    words: dict[str, Any] = {"size": TEXT - 1, "color": INK, "va": "center"}
    for row, title in enumerate(titles):
        axes.text(-0.7, row * ROW, title, ha="left", va="top", size=TEXT, color=INK)
        axes.plot([-0.7, longest - 0.3], [heights(0.0, row)] * 2, color=QUIET, linewidth=0.8)
        for value in (0.0, mark):
            axes.text(-0.9, heights(value, row), number(value), ha="right", **words)
    for x in range(0, longest, 1 if longest <= 10 else 5):
        axes.text(x, len(rows) * ROW - 0.05, str(x), ha="center", **words)
    return axes, heights
