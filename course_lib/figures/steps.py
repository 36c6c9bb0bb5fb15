"""One step of a sliding window: what it reads, what it writes, and what is still to come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import geometry
from .cells import cell_panel, cell_size, cross, fill, flow, heading, outline, write
from .grids import as_matrix, grid_panel, shape_titles
from .style import (
    BLUE,
    LINE,
    PALE_GREY,
    PALE_SKY,
    PALE_VERMILLION,
    PALE_YELLOW,
    PAPER,
    QUIET,
    VERMILLION,
    Picture,
    as_array,
    number,
    text_width,
)

# What pooling pads with, and what the line of arithmetic calls the operator.
PADDING_VALUE = {"max": "−∞", "min": "∞", "avg": "0"}
WORD = {"max": "max", "min": "min", "avg": "mean"}


def pooling_step(
    input: Any,
    output: Any,
    index: int,
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    mode: str = "max",
    count_include_pad: bool = True,
    yours: Any = None,
) -> Picture:
    """Step `index` of pooling `input` to `output`, in reading order: window, arithmetic, the output so far.

    `input` and `output` are `(H, W)` or `(L,)`; the output is the caller's, nothing is pooled here. The cells
    that the window reads are yellow in a blue frame. Padding is hatched; where the window reads it, it shows
    what `mode` (max, min or avg) pads with. Outputs still to come are blank. With `yours`, the output is called
    the target, and a cell in which yours differs is marked ✗. Raises ValueError for a shape, an index or a mode
    out of range.

    >>> pooling_step([[3, 7], [1, 2]], [[7]], 0)
    Step 1 of 1: output[0, 0] = max(3, 7, 1, 2) = 7.
    """
    if mode not in WORD:
        raise ValueError(f"mode={mode!r} must be one of {', '.join(WORD)}")
    source, target = as_matrix(input, "input"), as_matrix(output, "output")
    if not 0 <= index < target.size:
        raise ValueError(f"index={index} must be between 0 and {target.size - 1}, one step for each output")
    place = tuple(int(i) for i in np.unravel_index(index, target.shape))
    one_axis = as_array(input).ndim == 1
    arguments = [
        _two(value, one_axis, name, fallback)
        for value, name, fallback in (
            (kernel_size, "kernel_size", 1),
            (kernel_size if stride is None else stride, "stride", 1),
            (padding, "padding", 0),
            (dilation, "dilation", 1),
        )
    ]
    rows, columns = (
        geometry.window(at, *values) for at, values in zip(place, zip(*arguments, strict=True), strict=True)
    )
    pads = arguments[2]

    line = _arithmetic(source, target, place, rows, columns, pads, mode, count_include_pad, one_axis)
    outputs = {"output" if yours is None else "target": output}
    if yours is not None:
        outputs["yours"] = yours
    labels = shape_titles([input, *outputs.values()], ["input", *outputs])
    matrices = [as_matrix(value, name) for name, value in outputs.items()]
    if yours is not None:
        labels[-1] += _verdict(matrices[0], matrices[1], index)

    reach = [_extent(*fact) for fact in zip(source.shape, (rows, columns), pads, strict=True)]
    cell = cell_size([source, *matrices])
    inches = [(len(reach[1]) * cell, len(reach[0]) * cell)]
    inches += [(matrix.shape[1] * cell, matrix.shape[0] * cell) for matrix in matrices]
    boxes = [
        (max(width, text_width(label)), height + LINE) for (width, height), label in zip(inches, labels, strict=True)
    ]
    places, width, height = flow(boxes)
    alt = f"Step {index + 1} of {target.size}: {line}."
    picture = Picture(max(width, text_width(alt) + 0.7), height + 1.5 * LINE, alt=alt)
    heading(picture, places[0][0], 0.18, [alt])
    for label, (left, top) in zip(labels, places, strict=True):
        heading(picture, left, top + 1.5 * LINE, [label])

    (left, top), *rest = places
    _draw_input(picture, left, top + 2.5 * LINE, cell, source, reach, rows, columns, pads, mode)
    for matrix, (left, top) in zip(matrices, rest, strict=True):
        against = matrices[0] if matrix.shape == matrices[0].shape else None
        _draw_output(picture, left, top + 2.5 * LINE, cell, matrix, against, index)
    return picture


def _two(value: int | Sequence[int], one_axis: bool, name: str, fallback: int) -> tuple[int, int]:
    """The argument for rows and columns; a signal has one row, which the window neither widens nor moves."""
    if one_axis:
        return fallback, geometry.per_axis(value, 1, name)[0]
    rows, columns = geometry.per_axis(value, 2, name)
    return rows, columns


def _extent(size: int, window: range, padding: int) -> range:
    return range(-padding, max(window[-1], size + padding - 1) + 1)


def _arithmetic(
    source: np.ndarray,
    target: np.ndarray,
    place: tuple[int, ...],
    rows: range,
    columns: range,
    pads: tuple[int, int],
    mode: str,
    count_include_pad: bool,
    one_axis: bool,
) -> str:
    height, width = source.shape
    terms = []
    for row in rows:
        for column in columns:
            if 0 <= row < height and 0 <= column < width:
                terms.append(number(source[row, column]))
            elif row < height + pads[0] and column < width + pads[1] and (mode != "avg" or count_include_pad):
                terms.append(PADDING_VALUE[mode])
    if len(terms) > 16:
        terms = [*terms[:9], "…", *terms[-3:]]
    where = place[1] if one_axis else f"{place[0]}, {place[1]}"
    result = float(target[place])
    equals = "=" if not math.isfinite(result) or math.isclose(float(f"{result:.3g}"), result) else "≈"
    return f"output[{where}] = {WORD[mode]}({', '.join(terms)}) {equals} {number(result)}"


def _verdict(target: np.ndarray, yours: np.ndarray, index: int) -> str:
    if target.shape != yours.shape:
        return ": the shape differs"
    count = int(_differs(target, yours).ravel()[: index + 1].sum())
    return f": {count} of {index + 1} differ" if count else ": ✓ so far"


def _differs(target: np.ndarray, yours: np.ndarray) -> np.ndarray:
    return ~np.isclose(target.astype(float), yours.astype(float), rtol=1e-5, atol=1e-6, equal_nan=True)


def _draw_input(picture, left, top, cell, source, reach, rows, columns, pads, mode) -> None:
    height, width = source.shape
    axes = cell_panel(picture, left, top, cell, *reach)
    everywhere = [(r, c) for r in reach[0] for c in reach[1]]
    inside = [(r, c) for r, c in everywhere if 0 <= r < height and 0 <= c < width]
    beyond = [(r, c) for r, c in everywhere if r >= height + pads[0] or c >= width + pads[1]]
    padded = sorted({*everywhere} - {*inside} - {*beyond})
    fill(axes, beyond, PAPER, style=":")
    fill(axes, padded, PALE_GREY, edge="#C4C4C4", hatch="////")
    fill(axes, [cell for cell in inside if cell[0] not in rows or cell[1] not in columns], PAPER)
    fill(axes, [cell for cell in inside if cell[0] in rows and cell[1] in columns], PALE_YELLOW)
    for at in inside:
        write(axes, at, number(source[at]))
    for at in [cell for cell in padded if cell[0] in rows and cell[1] in columns]:
        write(axes, at, PADDING_VALUE[mode], colour=QUIET)
    outline(axes, rows, columns)


def _draw_output(picture, left, top, cell, matrix, target, index) -> None:
    axes = grid_panel(picture, left, top, cell, matrix)
    cells = list(np.ndindex(matrix.shape))
    if target is None:
        fill(axes, cells, PALE_VERMILLION)
        for at in cells:
            write(axes, at, number(matrix[at]))
        return
    wrong = _differs(target, matrix)
    known = cells[: index + 1]
    fill(axes, cells[index + 1 :], PAPER)
    fill(axes, [at for at in known if not wrong[at]], PALE_SKY)
    fill(axes, [at for at in known if wrong[at]], PALE_VERMILLION, edge=VERMILLION)
    for at in known:
        write(axes, at, number(matrix[at]))
        if wrong[at]:
            cross(axes, at)
    outline(axes, [known[-1][0]], [known[-1][1]], BLUE)
