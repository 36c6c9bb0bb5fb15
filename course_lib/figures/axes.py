"""Where windows stand on an axis, and which positions none of them reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from .. import geometry
from .cells import cell_panel, fill, heading, outline, write
from .style import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    PALE_GREY,
    PALE_SKY,
    PALE_VERMILLION,
    PAPER,
    TEXT,
    VERMILLION,
    Picture,
    text_width,
)

CELL, ROW, LABEL, RULER = 0.38, 0.25, 0.85, 0.3  # inches


def window_coverage(
    size: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> Picture:
    """One axis as cells, and below it every window with a dot on each position that it reads.

    Padding is hatched grey, a position that no window reads is hatched vermillion under a ✗, and what only
    `ceil_mode` lets a window touch is dotted. A dot on the padding is hollow. The title is the output-size
    law with the numbers put in. Raises what `geometry.output_size` raises.

    >>> window_coverage(5, kernel_size=2)
    An axis of size 5 with 2 windows (kernel_size 2, stride 2). No window reads position 4.
    """
    axis = _axis(size, kernel_size, stride, padding, dilation, ceil_mode)
    titles = [*size_law(axis), unread("position", axis)]
    top = MARGIN + len(titles) * LINE
    width, height = _axis_inches(axis)
    picture = Picture(max(width, *map(text_width, titles)) + 2 * MARGIN, top + height + MARGIN, alt=_axis_alt(axis))
    heading(picture, MARGIN, MARGIN, titles)
    _draw_axis(picture, MARGIN, top, axis)
    return picture


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
    rows, columns = (_Axis(**{name: values[i] for name, values in spread.items()}, ceil_mode=ceil_mode) for i in (0, 1))
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
    An axis of size 7 with 3 windows (kernel_size 3, stride 2). Every position is read.
    """
    axis = _axis(size, kernel_size, stride, padding, dilation, ceil_mode)
    titles, map_title = [*size_law(axis), unread("position", axis)], _map_title(axis, axis)
    top = MARGIN + len(titles) * LINE
    axis_cell, map_cell = min(CELL, 5.0 / len(axis.extent)), _map_cell(axis, axis, 3.4)
    axis_width, axis_height = _axis_inches(axis, axis_cell)
    map_width, map_height = _map_inches(axis, axis, map_cell)
    map_left = MARGIN + max(axis_width, *map(text_width, titles)) + 0.3
    picture = Picture(
        map_left + max(map_width, text_width(map_title)) + MARGIN,
        max(top + axis_height, MARGIN + LINE + map_height) + MARGIN,
        alt=_axis_alt(axis),
    )
    heading(picture, MARGIN, MARGIN, titles)
    heading(picture, map_left, MARGIN, [map_title])
    _draw_axis(picture, MARGIN, top, axis, axis_cell)
    _draw_map(picture, map_left, MARGIN + LINE, axis, axis, map_cell)
    return picture


# What is drawn ----------------------------------------------------------------------------------------------


class _Axis(NamedTuple):
    """The arguments of `geometry.output_size`, in its order."""

    size: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int
    ceil_mode: bool

    @property
    def windows(self) -> list[range]:
        return [geometry.window(i, *self[1:5]) for i in range(geometry.output_size(*self))]

    @property
    def unread(self) -> tuple[int, ...]:
        return geometry.unreached(*self)

    @property
    def extent(self) -> range:
        """From the first to the last position that is input, padding, or read beyond the padding."""
        last = max(self.windows[-1][-1], self.size + self.padding - 1)
        return range(-self.padding, last + 1)


def _axis(size, kernel_size, stride, padding, dilation, ceil_mode) -> _Axis:
    return _Axis(size, kernel_size, kernel_size if stride is None else stride, padding, dilation, ceil_mode)


# Sentences --------------------------------------------------------------------------------------------------


def size_law(axis: _Axis) -> list[str]:
    """The output-size law of torch.nn.MaxPool2d with its numbers put in, and a window it leaves out."""
    size, kernel_size, stride, padding, dilation, ceil_mode = axis
    count = geometry.output_size(*axis)
    left, right = "⌈⌉" if ceil_mode else "⌊⌋"
    law = f"{left}({size} + 2·{padding} − {dilation}·({kernel_size} − 1) − 1) / {stride}{right} + 1"
    rounded_up = -(-(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride) + 1
    if ceil_mode and rounded_up > count:
        dropped = f"One window is dropped, because it would begin in the right padding: output size = {count}"
        return [f"{law} = {rounded_up}", dropped]
    return [f"output size = {law} = {count}"]


def unread(noun: str, axis: _Axis) -> str:
    """Which positions of the axis no window reads; `noun` is position, row or column."""
    positions = axis.unread
    if not positions:
        return f"Every {noun} is read."
    if len(positions) == 1:
        return f"No window reads {noun} {positions[0]}."
    return f"No window reads {noun}s {', '.join(map(str, positions[:-1]))} and {positions[-1]}."


def _axis_alt(axis: _Axis) -> str:
    count = len(axis.windows)
    windows = "1 window" if count == 1 else f"{count} windows"
    return (
        f"An axis of size {axis.size} with {windows} (kernel_size {axis.kernel_size}, stride {axis.stride}). "
        f"{unread('position', axis)}"
    )


def _map_title(rows: _Axis, columns: _Axis) -> str:
    return f"A map of {rows.size} × {columns.size} is pooled to {len(rows.windows)} × {len(columns.windows)}."


# Drawing ----------------------------------------------------------------------------------------------------


def _axis_inches(axis: _Axis, cell: float = CELL) -> tuple[float, float]:
    return LABEL + len(axis.extent) * cell, ROW + cell + 0.1 + len(axis.windows) * ROW


def _draw_axis(picture: Picture, left: float, top: float, axis: _Axis, cell: float = CELL) -> None:
    axes = cell_panel(picture, left + LABEL, top + ROW, cell, [0], axis.extent)
    _paint(axes, {(0, position): kind for position, kind in _kinds(axis).items()})
    heights = [1 + (0.1 + (index + 0.5) * ROW) / cell for index in range(len(axis.windows))]
    labels: dict[str, Any] = {"ha": "right", "va": "center_baseline", "size": TEXT - 1, "color": INK}
    axes.text(axis.extent[0] - 0.2, 0.5, "position", **labels)
    for position in range(axis.size):
        write(axes, (0, position), str(position), min(TEXT, 30 * cell))
    for position in axis.unread:
        write(axes, (-0.5 - 0.11 / cell, position), "✗", TEXT + 1, VERMILLION, "bold")
    for index, y in enumerate(heights):
        axes.text(axis.extent[0] - 0.2, y, f"output {index}", **labels)
    lines = [[(w[0] + 0.5, y), (w[-1] + 0.5, y)] for w, y in zip(axis.windows, heights, strict=True)]
    axes.add_collection(LineCollection(lines, colors=BLUE, linewidths=1.6, clip_on=False), autolim=False)
    dots = [(position, y) for w, y in zip(axis.windows, heights, strict=True) for position in w]
    axes.scatter(
        [position + 0.5 for position, _ in dots],
        [y for _, y in dots],
        s=34,
        color=[BLUE if 0 <= position < axis.size else PAPER for position, _ in dots],
        edgecolors=BLUE,
        clip_on=False,
        zorder=3,
    )


def _map_cell(rows: _Axis, columns: _Axis, widest: float) -> float:
    return min(CELL, widest / max(len(rows.extent), len(columns.extent)))


def _map_inches(rows: _Axis, columns: _Axis, cell: float) -> tuple[float, float]:
    return RULER + len(columns.extent) * cell, RULER + len(rows.extent) * cell


def _draw_map(picture: Picture, left: float, top: float, rows: _Axis, columns: _Axis, cell: float) -> None:
    axes = cell_panel(picture, left + RULER, top + RULER, cell, rows.extent, columns.extent)
    kinds = {
        (row, column): max(row_kind, column_kind, key=KINDS.index)
        for row, row_kind in _kinds(rows).items()
        for column, column_kind in _kinds(columns).items()
    }
    _paint(axes, kinds)
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


KINDS = ("read", "unread", "padding", "beyond")


def _kinds(axis: _Axis) -> dict[int, str]:
    kinds = dict.fromkeys(axis.extent, "beyond")
    kinds |= dict.fromkeys(range(-axis.padding, axis.size + axis.padding), "padding")
    kinds |= dict.fromkeys(range(axis.size), "read")
    return kinds | dict.fromkeys(axis.unread, "unread")


def _paint(axes: Axes, kinds: dict[tuple[int, int], str]) -> None:
    looks = {
        "beyond": {"colours": PAPER, "style": ":"},
        "padding": {"colours": PALE_GREY, "edge": "#A8A8A8", "hatch": "////"},
        "unread": {"colours": PALE_VERMILLION, "edge": "#E9A47C", "hatch": "\\\\\\"},
        "read": {"colours": PALE_SKY},
    }
    for kind, look in looks.items():
        fill(axes, [place for place, its in kinds.items() if its == kind], **look)
