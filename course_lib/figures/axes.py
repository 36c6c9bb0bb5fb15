"""Where windows stand on an axis, and which positions none of them reads."""

from __future__ import annotations

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from .. import geometry
from .cells import cell_panel, fill, heading, write
from .style import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    PALE_GREY,
    PALE_SKY,
    PALE_VERMILLION,
    PAPER,
    TEXT,
    VERMILLION,
    Picture,
    text_width,
)

CELL, ROW, LABEL = 0.38, 0.25, 0.85  # inches


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
    On an axis of size 5, kernel_size 2 and stride 2 give output size 2. No window reads position 4.
    """
    axis = WindowAxis.of(size, kernel_size, stride, padding, dilation, ceil_mode)
    titles = [*size_law(axis), unread("position", axis)]
    top = MARGIN + len(titles) * LINE
    width, height = axis_inches(axis)
    picture = Picture(max(width, *map(text_width, titles)) + 2 * MARGIN, top + height + MARGIN, alt=axis_alt(axis))
    heading(picture, MARGIN, MARGIN, titles)
    draw_axis(picture, MARGIN, top, axis)
    return picture


# What is drawn ----------------------------------------------------------------------------------------------


class WindowAxis(NamedTuple):
    """The arguments of `geometry.output_size`, in its order."""

    size: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int
    ceil_mode: bool

    @classmethod
    def of(cls, size, kernel_size, stride, padding, dilation, ceil_mode) -> WindowAxis:
        return cls(size, kernel_size, kernel_size if stride is None else stride, padding, dilation, ceil_mode)

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


# Sentences --------------------------------------------------------------------------------------------------


def size_law(axis: WindowAxis) -> list[str]:
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


# For each kind of position: none is unread, one is, several are.
UNREAD = {
    "position": (
        "Every position is read.",
        "No window reads position {0}.",
        "No window reads positions {0} and {1}.",
    ),
    "row": ("Every row is read.", "No window reads row {0}.", "No window reads rows {0} and {1}."),
    "column": ("Every column is read.", "No window reads column {0}.", "No window reads columns {0} and {1}."),
}


def unread(kind: str, axis: WindowAxis) -> str:
    """Which positions of the axis no window reads; `kind` is position, row or column."""
    none, one, several = UNREAD[kind]
    *others, last = axis.unread or ("",)
    if others:
        return several.format(", ".join(map(str, others)), last)
    return one.format(last) if axis.unread else none


def axis_alt(axis: WindowAxis) -> str:
    """What a picture of the axis shows, in words."""
    return (
        f"On an axis of size {axis.size}, kernel_size {axis.kernel_size} and stride {axis.stride} give output size "
        f"{len(axis.windows)}. {unread('position', axis)}"
    )


# Drawing ----------------------------------------------------------------------------------------------------


def axis_inches(axis: WindowAxis, cell: float = CELL) -> tuple[float, float]:
    """The room that an axis with its windows takes."""
    return LABEL + len(axis.extent) * cell, ROW + cell + 0.1 + len(axis.windows) * ROW


def draw_axis(picture: Picture, left: float, top: float, axis: WindowAxis, cell: float = CELL) -> None:
    """The axis with its windows below, its left top corner at a place in inches."""
    axes = cell_panel(picture, left + LABEL, top + ROW, cell, [0], axis.extent)
    paint(axes, {(0, position): kind for position, kind in kinds_of(axis).items()})
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


KINDS = ("read", "unread", "padding", "beyond")


def kinds_of(axis: WindowAxis) -> dict[int, str]:
    """What each position of the extent is: read, unread, padding, or beyond the padding."""
    kinds = dict.fromkeys(axis.extent, "beyond")
    kinds |= dict.fromkeys(range(-axis.padding, axis.size + axis.padding), "padding")
    kinds |= dict.fromkeys(range(axis.size), "read")
    return kinds | dict.fromkeys(axis.unread, "unread")


def paint(axes: Axes, kinds: dict[tuple[int, int], str]) -> None:
    """Paint each cell as what it is."""
    looks = {
        "beyond": {"colours": PAPER, "style": ":"},
        "padding": {"colours": PALE_GREY, "edge": "#A8A8A8", "hatch": "////"},
        "unread": {"colours": PALE_VERMILLION, "edge": "#E9A47C", "hatch": "\\\\\\"},
        "read": {"colours": PALE_SKY},
    }
    for kind, look in looks.items():
        fill(axes, [place for place, its in kinds.items() if its == kind], **look)
