"""Where windows stand on a map, and which rows and columns none of them reads."""

from __future__ import annotations

from collections.abc import Sequence

from .. import geometry
from .axes import CELL, KINDS, WindowAxis, axis_alt, axis_inches, draw_axis, kinds_of, paint, size_law, unread
from .cells import cell_panel, heading, outline
from .style import BLUE, LINE, MARGIN, ORANGE, TEXT, VERMILLION, Picture, text_width

RULER = 0.3  # inches for the numbers of rows and columns


def window_coverage_2d(
    size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Picture:
    """A map of `(H, W)` cells in which the rows and columns that no window reads light up.

    Each argument is an int, or one int for each axis as in torch. The first window has a blue frame, the last
    one a dashed orange frame; the others lie between them, `stride` apart.

    >>> window_coverage_2d((5, 7), kernel_size=2)
    A map of 5 × 7 is pooled to 2 × 3. No window reads row 4. No window reads column 6.
    """
    named = {
        "size": size,
        "kernel_size": kernel_size,
        "stride": kernel_size if stride is None else stride,
        "padding": padding,
        "dilation": dilation,
    }
    spread = {name: geometry.per_axis(value, 2, name) for name, value in named.items()}
    rows, columns = (
        WindowAxis(**{name: values[i] for name, values in spread.items()}, ceil_mode=ceil_mode) for i in (0, 1)
    )
    titles = [_map_title(rows, columns), unread("row", rows), unread("column", columns)]
    top = MARGIN + len(titles) * LINE
    cell = _map_cell(rows, columns, 4.4)
    width, height = _map_inches(rows, columns, cell)
    picture = Picture(max(width, *map(text_width, titles)) + 2 * MARGIN, top + height + MARGIN, alt=" ".join(titles))
    heading(picture, MARGIN, MARGIN, titles)
    _draw_map(picture, MARGIN, top, rows, columns, cell)
    return picture


def window_views(
    size: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> Picture:
    """`window_coverage` of an axis on the left; on the right the square map that has this axis twice.

    >>> window_views(7, kernel_size=3, stride=2)
    On an axis of size 7, kernel_size 3 and stride 2 give output size 3. Every position is read.
    """
    axis = WindowAxis.of(size, kernel_size, stride, padding, dilation, ceil_mode)
    titles, map_title = [*size_law(axis), unread("position", axis)], _map_title(axis, axis)
    top = MARGIN + len(titles) * LINE
    axis_cell, map_cell = min(CELL, 5.0 / len(axis.extent)), _map_cell(axis, axis, 3.4)
    axis_width, axis_height = axis_inches(axis, axis_cell)
    map_width, map_height = _map_inches(axis, axis, map_cell)
    map_left = MARGIN + max(axis_width, *map(text_width, titles)) + 0.3
    picture = Picture(
        map_left + max(map_width, text_width(map_title)) + MARGIN,
        max(top + axis_height, MARGIN + LINE + map_height) + MARGIN,
        alt=axis_alt(axis),
    )
    heading(picture, MARGIN, MARGIN, titles)
    heading(picture, map_left, MARGIN, [map_title])
    draw_axis(picture, MARGIN, top, axis, axis_cell)
    _draw_map(picture, map_left, MARGIN + LINE, axis, axis, map_cell)
    return picture


def _map_title(rows: WindowAxis, columns: WindowAxis) -> str:
    return f"A map of {rows.size} × {columns.size} is pooled to {len(rows.windows)} × {len(columns.windows)}."


def _map_cell(rows: WindowAxis, columns: WindowAxis, widest: float) -> float:
    return min(CELL, widest / max(len(rows.extent), len(columns.extent)))


def _map_inches(rows: WindowAxis, columns: WindowAxis, cell: float) -> tuple[float, float]:
    return RULER + len(columns.extent) * cell, RULER + len(rows.extent) * cell


def _draw_map(picture: Picture, left: float, top: float, rows: WindowAxis, columns: WindowAxis, cell: float) -> None:
    axes = cell_panel(picture, left + RULER, top + RULER, cell, rows.extent, columns.extent)
    kinds = {
        (row, column): max(row_kind, column_kind, key=KINDS.index)
        for row, row_kind in kinds_of(rows).items()
        for column, column_kind in kinds_of(columns).items()
    }
    paint(axes, kinds)
    crossed = [place for place, kind in kinds.items() if kind == "unread"]
    if crossed:
        ys, xs = zip(*crossed, strict=True)
        spots = [x + 0.5 for x in xs], [y + 0.5 for y in ys]
        axes.scatter(*spots, s=(22 * cell) ** 2, marker="x", color=VERMILLION, linewidths=1.8)
    size = min(TEXT - 1, max(7, 32 * cell))
    for row in range(rows.size):
        axes.text(columns.extent[0] - 0.3, row + 0.5, str(row), ha="right", va="center_baseline", size=size)
    for column in range(columns.size):
        axes.text(column + 0.5, rows.extent[0] - 0.3, str(column), ha="center", va="bottom", size=size)
    for index, colour, style in ((0, BLUE, "-"), (-1, ORANGE, "--")):
        outline(axes, rows.windows[index], columns.windows[index], colour, style)
