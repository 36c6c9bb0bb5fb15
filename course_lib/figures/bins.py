"""Where adaptive bins stand: on an axis, on a map, and on a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.collections import LineCollection

from .. import geometry
from .axes import CELL, LABEL, ROW
from .cells import cell_panel, fill, flow, heading, outline, write
from .images import display_size, pixels_of
from .style import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    PALE_SKY,
    PALE_YELLOW,
    TEXT,
    VERMILLION,
    Picture,
    one_each,
    panel,
    text_width,
)

RULER = 0.3  # inches for the numbers of rows and columns
SHARED = "#EBCB4B"  # edges of what several bins read


def bin_views(size: int, output_size: int) -> Picture:
    """An axis with its adaptive bins on the left; on the right the square map that has this axis twice.

    A dashed line stands where an exact cut would go. A position that several bins read is yellow and hatched; on the
    map each cell tells how many bins read it, the first bin has a blue frame and the last one a dashed orange frame.
    Raises what `geometry.adaptive_bins` raises.

    >>> bin_views(5, 2)
    Adaptive bins, 2 over 5 positions: 0…2, 2…4. Several bins read position 2.
    """
    axis = BinAxis(size, output_size)
    titles = [f"bin i reads from ⌊i · {size} / {output_size}⌋ up to, not including, ⌈(i + 1) · {size} / {output_size}⌉"]
    titles.append(shared_sentence(axis))
    map_title = f"A map of {size} × {size}: how many bins read each value"
    cell, map_cell = min(CELL, 4.6 / size), min(CELL, 3.2 / size)
    top = MARGIN + len(titles) * LINE
    left_width = max(LABEL + size * cell, *map(text_width, titles))
    map_left = MARGIN + left_width + 0.4
    picture = Picture(
        map_left + max(RULER + size * map_cell, text_width(map_title)) + MARGIN,
        max(top + ROW + cell + 0.1 + output_size * ROW, MARGIN + LINE + RULER + size * map_cell) + MARGIN,
        alt=f"{axis.described}. {titles[1]}",
    )
    heading(picture, MARGIN, MARGIN, titles)
    heading(picture, map_left, MARGIN, [map_title])
    _draw_axis(picture, MARGIN + LABEL, top + ROW, axis, cell)
    _draw_map(picture, map_left + RULER, MARGIN + LINE + RULER, axis, map_cell)
    return picture


def picture_bins(picture: Any, *output_sizes: int, titles: Sequence[str] | None = None) -> Picture:
    """A picture once for each output size, with the frames of its adaptive bins drawn on it.

    `picture` is as `images` takes it. Where bins overlap their frames do too.

    >>> import numpy as np
    >>> picture_bins(np.zeros((6, 9)), 2, 1)
    A picture of 6 × 9 with the frames of its adaptive bins: 2 × 2; 1 × 1.
    """
    pixels = pixels_of(picture)
    (height, width), (wide, high) = pixels.shape[:2], display_size(pixels.shape[:2], len(output_sizes))
    names = [f"{m} × {m}" for m in output_sizes] if titles is None else one_each(titles, len(output_sizes), "titles")
    boxes = [(max(wide, text_width(name)), high + LINE) for name in names]
    places, sheet_width, sheet_height = flow(boxes, gap=0.2)
    described = "; ".join(f"{m} × {m}" for m in output_sizes)
    sheet = Picture(
        sheet_width,
        sheet_height,
        alt=f"A picture of {height} × {width} with the frames of its adaptive bins: {described}.",
    )
    for output_size, name, (left, top) in zip(output_sizes, names, places, strict=True):
        heading(sheet, left, top, [name])
        axes = panel(sheet, left, top + LINE, wide, high)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, aspect="auto", extent=(0, width, height, 0))
        rows, columns = (geometry.adaptive_bins(size, output_size) for size in (height, width))
        frames = [_frame(row, column) for row in rows for column in columns]
        axes.add_collection(LineCollection(frames, colors="white", linewidths=3.2, clip_on=False), autolim=False)
        axes.add_collection(LineCollection(frames, colors=BLUE, linewidths=1.6, clip_on=False), autolim=False)
    return sheet


# What is drawn ----------------------------------------------------------------------------------------------


class BinAxis(NamedTuple):
    """The arguments of `geometry.adaptive_bins`."""

    size: int
    output_size: int

    @property
    def bins(self) -> tuple[range, ...]:
        return geometry.adaptive_bins(*self)

    @property
    def counts(self) -> list[int]:
        """How many bins read each position."""
        read = Counter(position for one in self.bins for position in one)
        return [read[position] for position in range(self.size)]

    @property
    def described(self) -> str:
        spans = [f"{one[0]}…{one[-1]}" if len(one) > 1 else f"{one[0]}" for one in self.bins]
        over = f"{self.size} position" if self.size == 1 else f"{self.size} positions"
        return f"Adaptive bins, {self.output_size} over {over}: {', '.join(spans)}"


SHARED_SENTENCES = (
    "The bins lie side by side: every position is read by one of them.",
    "Several bins read position {0}.",
    "Several bins read positions {0} and {1}.",
)


def shared_sentence(axis: BinAxis) -> str:
    """Which positions several bins read."""
    none, one, several = SHARED_SENTENCES
    *others, last = [str(position) for position, count in enumerate(axis.counts) if count > 1] or [""]
    if others:
        return several.format(", ".join(others), last)
    return one.format(last) if last else none


def _frame(rows: range, columns: range) -> list[tuple[int, int]]:
    top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


# Drawing ----------------------------------------------------------------------------------------------------


def _paint(axes, counts: dict[tuple[int, int], int]) -> None:
    fill(axes, [place for place, count in counts.items() if count == 1], PALE_SKY)
    fill(axes, [place for place, count in counts.items() if count > 1], PALE_YELLOW, edge=SHARED, hatch="////")


def _draw_axis(picture: Picture, left: float, top: float, axis: BinAxis, cell: float) -> None:
    """The positions, the exact cuts through them, and below them a line with dots for each bin."""
    axes = cell_panel(picture, left, top, cell, [0], range(axis.size))
    _paint(axes, {(0, position): count for position, count in enumerate(axis.counts)})
    small = min(TEXT, 30 * cell)
    for position in range(axis.size):
        write(axes, (0, position), str(position), small, weight="bold" if axis.counts[position] > 1 else "normal")
    heights = [1 + (0.1 + (index + 0.5) * ROW) / cell for index in range(axis.output_size)]
    labels: dict[str, Any] = {"ha": "right", "va": "center_baseline", "size": TEXT - 1, "color": INK}
    axes.text(-0.2, 0.5, "position", **labels)
    for index, y in enumerate(heights):
        axes.text(-0.2, y, f"bin {index}", **labels)
    cuts = [index * axis.size / axis.output_size for index in range(1, axis.output_size)]
    foot = heights[-1] + 0.5 * ROW / cell
    lines = [[(cut, -0.12 / cell), (cut, foot)] for cut in cuts]
    axes.add_collection(
        LineCollection(lines, colors=VERMILLION, linewidths=1.2, linestyles="--", clip_on=False), autolim=False
    )
    spans = [[(one[0] + 0.5, y), (one[-1] + 0.5, y)] for one, y in zip(axis.bins, heights, strict=True)]
    axes.add_collection(LineCollection(spans, colors=BLUE, linewidths=1.6, clip_on=False), autolim=False)
    dots = [(position + 0.5, y) for one, y in zip(axis.bins, heights, strict=True) for position in one]
    axes.scatter([x for x, _ in dots], [y for _, y in dots], s=34, color=BLUE, clip_on=False, zorder=3)


def _draw_map(picture: Picture, left: float, top: float, axis: BinAxis, cell: float) -> None:
    axes = cell_panel(picture, left, top, cell, range(axis.size), range(axis.size))
    counts = {(r, c): a * b for r, a in enumerate(axis.counts) for c, b in enumerate(axis.counts)}
    _paint(axes, counts)
    size = min(TEXT - 1, max(6, 26 * cell))
    for number in sorted(set(counts.values())):
        # One scatter for each number is drawn many times faster than a text in each cell.
        ys, xs = zip(*(place for place, count in counts.items() if count == number), strict=True)
        spots, width = ([x + 0.5 for x in xs], [y + 0.5 for y in ys]), 0.55 * len(str(number))
        look: dict[str, Any] = {"s": size**2 * max(0.75, width) ** 2, "color": INK, "linewidths": 0, "zorder": 4}
        axes.scatter(*spots, marker=rf"$\mathdefault{{{number}}}$", **look)
    for position in range(axis.size):
        axes.text(-0.3, position + 0.5, str(position), ha="right", va="center_baseline", size=size)
        axes.text(position + 0.5, -0.3, str(position), ha="center", va="bottom", size=size)
    for index, colour, style in ((0, BLUE, "-"), (-1, ORANGE, "--")):
        outline(axes, axis.bins[index], axis.bins[index], colour, style)
