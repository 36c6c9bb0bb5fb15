"""One step of a backward pass: the gradient of one output, and the inputs that it is sent to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import geometry
from .cells import cell_size, fill, flow, heading, outline, write
from .grids import as_matrix, grid_inches, grid_panel, shape_titles
from .style import LINE, ORANGE, PALE_SKY, PALE_YELLOW, PAPER, TEXT, Picture, as_array, number, text_width


def gradient_step(
    x: Any,
    grad_output: Any,
    shares: Any,
    index: int,
    kernel_size: int | Sequence[int] = 2,
    stride: int | Sequence[int] | None = None,
) -> Picture:
    """Step `index` of sending `grad_output` back to `x`, in reading order of the outputs.

    `x` is `(H, W)` and `grad_output` `(H_out, W_out)`. `shares`, `(H_out, W_out, H, W)`, says which part of each
    output's gradient goes to each input: the Jacobian of the operator. A blue frame is the window, an orange one an
    input that receives something now. On the right lies what has arrived so far. Raises ValueError for a shape or an
    index out of range.

    >>> gradient_step([[3, 7], [1, 2]], [[5]], [[[[0, 1], [0, 0]]]], 0)
    Step 1 of 1: grad_output[0, 0] = 5. All of it goes to x[0, 1].
    """
    source, sent, parts = as_matrix(x, "x"), as_matrix(grad_output, "grad_output"), as_array(shares)
    if parts.shape != sent.shape + source.shape:
        raise ValueError(f"shares must have the shape {sent.shape + source.shape}, but has {parts.shape}")
    if not 0 <= index < sent.size:
        raise ValueError(f"index={index} must be between 0 and {sent.size - 1}, one step for each output")
    row, column = (int(i) for i in np.unravel_index(index, sent.shape))
    rows, columns = _window(row, column, kernel_size, stride)
    now = [(int(r), int(c)) for r, c in np.argwhere(parts[row, column])]
    arrived = np.tensordot(sent.ravel()[: index + 1], parts.reshape(-1, *source.shape)[: index + 1], axes=1)

    alt = f"Step {index + 1} of {sent.size}: {_sentence(sent[row, column], parts[row, column], (row, column), now)}"
    matrices = (source, sent, arrived)
    labels = shape_titles([source, sent, arrived], ["x", "grad_output", "grad_input so far"])
    everything = np.tensordot(sent.ravel(), parts.reshape(-1, *source.shape), axes=1)
    cell = cell_size([*matrices, everything], size=TEXT + 2)
    places, width, height = flow([grid_inches(m, label, cell) for m, label in zip(matrices, labels, strict=True)])
    picture = Picture(max(width, text_width(alt) + 0.7), height + 1.5 * LINE, alt=alt)
    heading(picture, places[0][0], 0.18, [alt])
    panels = []
    for matrix, label, (left, top) in zip(matrices, labels, places, strict=True):
        heading(picture, left, top + 1.5 * LINE, [label])
        panels.append(grid_panel(picture, left, top + 2.5 * LINE, cell, matrix))

    window = {(r, c) for r in rows for c in columns}
    done = {(int(r), int(c)) for r, c in np.ndindex(sent.shape) if r * sent.shape[1] + c <= index}
    reached = {(int(r), int(c)) for r, c in np.argwhere(arrived)}
    for axes, matrix, marked, colour in zip(
        panels, matrices, (window, done, reached), (PALE_YELLOW, PALE_SKY, PALE_SKY), strict=True
    ):
        cells = list(np.ndindex(matrix.shape))
        fill(axes, [at for at in cells if at not in marked], PAPER)
        fill(axes, [at for at in cells if at in marked], colour)
        for at in cells:
            write(axes, at, number(float(matrix[at])), weight="bold" if matrix is not sent and at in now else "normal")
    outline(panels[0], rows, columns)
    outline(panels[1], [row], [column])
    for r, c in now:
        outline(panels[2], [r], [c], ORANGE)
    return picture


def _window(row: int, column: int, kernel_size: Any, stride: Any) -> tuple[range, range]:
    sizes = geometry.per_axis(kernel_size, 2, "kernel_size")
    steps = sizes if stride is None else geometry.per_axis(stride, 2, "stride")
    return geometry.window(row, sizes[0], steps[0]), geometry.window(column, sizes[1], steps[1])


def _sentence(gradient: float, part: np.ndarray, place: tuple[int, int], now: list[tuple[int, int]]) -> str:
    """Where the gradient of one output goes."""
    sent = f"grad_output[{place[0]}, {place[1]}] = {number(float(gradient))}."
    if not now:
        return f"{sent} It goes nowhere."
    values = {round(float(part[at]), 9) for at in now}
    if len(now) == 1 and values == {1.0}:
        return f"{sent} All of it goes to x[{now[0][0]}, {now[0][1]}]."
    if len(values) == 1:
        share = number(float(gradient) * values.pop())
        return f"{sent} Each of {len(now)} inputs gets {share}."
    return f"{sent} It is spread over {len(now)} inputs, each with a share of its own."
