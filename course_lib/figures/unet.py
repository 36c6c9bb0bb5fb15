"""The U of a U-Net: how large each map is on the way down and up, and what the maps hold."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle

from .. import geometry
from .cells import heading
from .style import (
    BLUE,
    GREEN,
    INK,
    LINE,
    MARGIN,
    PALE_SKY,
    PALE_VERMILLION,
    PALE_YELLOW,
    QUIET,
    TEXT,
    VERMILLION,
    Picture,
    as_array,
    panel,
    text_width,
)

Size = tuple[int, int]
ALIGN = ("pad", "crop", "none")
WIDTH, BOX, ROW, INDENT, SIDE = 9.6, 1.0, 1.25, 0.85, 1.75  # inches

FITS = "Every map from below is as large as its skip."
PADDED = "A map from below that is short of its skip is padded: {}. The output is as large as the input."
CROPPED = "A skip that is larger than the map from below is cropped: {}. The output is smaller than the input."
STUCK = "torch.cat raises: {}."


class Step(NamedTuple):
    """One level on the way up: the skip, the map from below, and what both become (None where they do not fit)."""

    skip: Size
    below: Size
    out: Size | None


def ledger(height: int, width: int, depth: int, align: str) -> tuple[list[Size], list[Step]]:
    """The sizes on the way down, the bottom last, and the steps on the way up, which end where sizes do not fit."""
    if align not in ALIGN:
        raise ValueError(f"align={align!r} must be one of {', '.join(map(repr, ALIGN))}")
    if depth < 1 or min(height, width) < 2**depth:
        raise ValueError(f"height={height} and width={width} must be at least {2**depth}, 2 for each of depth={depth}")
    down = [(height, width)]
    for _ in range(depth):
        down.append((geometry.output_size(down[-1][0], 2), geometry.output_size(down[-1][1], 2)))
    steps: list[Step] = []
    size: Size | None = down[-1]
    for skip in reversed(down[:-1]):
        if size is None:
            break
        below = 2 * size[0], 2 * size[1]
        size = skip if align == "pad" else below if align == "crop" or below == skip else None
        steps.append(Step(skip, below, size))
    return down, steps


def unet_sizes(height: int, width: int, depth: int = 3, align: str = "pad", channels: int = 6) -> Picture:
    """The size of every map of a U-Net for a picture of height × width, and where a skip does not fit.

    `align` says what happens there: "pad" the map from below, "crop" the skip, or "none", and the network stops.
    `channels` are those of the first level; every level below has twice as many. Raises ValueError for a picture
    smaller than 2 for each pooling.

    >>> unet_sizes(8, 6, depth=1)
    A U-Net on 8 × 6: down to 4 × 3, up to 8 × 6. Every map from below is as large as its skip.
    """
    down, steps = ledger(height, width, depth, align)
    uneven = [step for step in steps if step.skip != step.below]
    pairs = ", ".join(f"{written(step.below)} beside {written(step.skip)}" for step in uneven)
    said = {"pad": PADDED, "crop": CROPPED, "none": STUCK}[align].format(pairs) if uneven else FITS
    way = ", ".join(written(size) for size in down[1:])
    back = ", ".join(written(step.out) for step in steps if step.out) or "nothing"
    title = f"A U-Net on {written((height, width))}: down to {way}, up to {back}."
    scale = BOX / max(height, width)
    picture, axes = _sheet(depth, f"{title} {said}", said, lowest=2 * _half(down[-1], scale))
    for level, size in enumerate(down):
        look = PALE_YELLOW if level == depth else PALE_SKY
        _box(axes, _Place(level, "down", depth), size, scale, look, f"{channels * 2**level} × {written(size)}")
    for level, step in zip(reversed(range(depth)), steps, strict=False):
        fits = step.skip == step.below
        text = f"{channels * 2**level} × {written(step.out)}" if step.out else "✗"
        note = "" if fits else f"{written(step.below)} arrives"
        look = PALE_SKY if fits else PALE_VERMILLION
        _box(axes, _Place(level, "up", depth), step.out or step.below, scale, look, text, note)
        _arrows_up(axes, level, depth, down, scale, fits)
    _arrows_down(axes, depth, down, scale)
    return picture


def unet_flow(down: Sequence[Any], bottom: Any, up: Sequence[Any], title: str = "") -> Picture:
    """What the maps of a U-Net hold, drawn as the U: one map `(H, W)` for each level down, the bottom, and up.

    `up` goes from the lowest level to the highest, as the network does. Each map has its own scale from black (its
    least value) to white, and all are drawn equally large: fewer values look coarser.

    >>> unet_flow([[[0, 1], [2, 3]]], [[1]], [[[3, 2], [1, 0]]])
    The maps of a U-Net: down 2 × 2, bottom 1 × 1, up 2 × 2.
    """
    falling, rising = [as_array(one) for one in down], [as_array(one) for one in up]
    lowest, depth = as_array(bottom), len(falling)
    if len(rising) != depth or any(one.ndim != 2 for one in (*falling, lowest, *rising)):
        raise ValueError(f"down and up must hold as many maps (H, W) as each other, not {depth} and {len(rising)}")
    sizes = [", ".join(written(one.shape) for one in maps) for maps in (falling, rising)]
    alt = f"The maps of a U-Net: down {sizes[0]}, bottom {written(lowest.shape)}, up {sizes[1]}."
    picture, axes = _sheet(depth, alt, title, lowest=BOX)
    places = [(_Place(level, "down", depth), one) for level, one in enumerate([*falling, lowest])]
    places += [(_Place(depth - 1 - number, "up", depth), one) for number, one in enumerate(rising)]
    for place, one in places:
        _box(axes, place, (1, 1), BOX, "none", written(one.shape))
        extent = (place.x - BOX / 2, place.x + BOX / 2, place.y + BOX / 2, place.y - BOX / 2)
        axes.imshow(one, cmap="gray", extent=extent, aspect="auto", interpolation="nearest", zorder=2)
    for level in range(depth):
        _arrows_up(axes, level, depth, [(1, 1)] * (depth + 1), BOX, True)
    _arrows_down(axes, depth, [(1, 1)] * (depth + 1), BOX)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(_height(depth, BOX), 0)
    return picture


def written(size: Sequence[int] | None) -> str:
    """A size as H × W."""
    return " × ".join(map(str, size or ()))


class _Place(NamedTuple):
    """A level on one side of the U; the bottom stands between both."""

    level: int
    side: str
    depth: int

    @property
    def x(self) -> float:
        """The middle of its box, in inches from the left."""
        step = min(INDENT, (WIDTH / 2 - SIDE - BOX) / self.depth)
        left = SIDE + BOX / 2 + self.level * step
        return WIDTH / 2 if self.level == self.depth else left if self.side == "down" else WIDTH - left

    @property
    def y(self) -> float:
        """The middle of its box, in inches from the top of the U."""
        return self.level * ROW + BOX / 2


def _sheet(depth: int, alt: str, title: str, lowest: float) -> tuple[Picture, Axes]:
    """A sheet with the title, broken into lines, and below it axes in inches; lowest is the height of the last box."""
    lines = textwrap.wrap(title, int((WIDTH - 2 * MARGIN) / text_width("0"))) if title else []
    height, above = _height(depth, lowest), MARGIN + max(1, len(lines)) * LINE + 0.1
    picture = Picture(WIDTH, height + above + MARGIN, alt=alt)
    if lines:
        heading(picture, MARGIN, MARGIN, lines)
    axes = panel(picture, 0, above, WIDTH, height)
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    return picture, axes


def _height(depth: int, lowest: float) -> float:
    """The room of the U, in inches, with a line below its last box."""
    return depth * ROW + BOX / 2 + lowest / 2 + 1.3 * LINE


def _box(axes: Axes, place: _Place, size: Size, scale: float, colour: str, text: str, note: str = "") -> None:
    """A map as a rectangle, with its size on the outer side; the bottom's stands below it."""
    high, wide = (max(0.06, extent * scale) for extent in size)
    corner = (place.x - wide / 2, place.y - high / 2)
    edge = VERMILLION if note else QUIET
    axes.add_patch(Rectangle(corner, wide, high, facecolor=colour, edgecolor=edge, zorder=3))
    if place.level == place.depth:
        axes.text(place.x, place.y + high / 2 + 0.06, text, ha="center", va="top", size=TEXT - 1, color=INK)
        return
    outer, aligned = (-1, "right") if place.side == "down" else (1, "left")
    beside = place.x + outer * (BOX / 2 + 0.1)
    axes.text(beside, place.y, text, ha=aligned, va="center_baseline", size=TEXT - 1, color=INK)
    if note:
        axes.text(beside, place.y + LINE, note, ha=aligned, va="center_baseline", size=TEXT - 1, color=VERMILLION)


def _arrows_down(axes: Axes, depth: int, sizes: Sequence[Size], scale: float) -> None:
    """From each map on the way down to the next."""
    for level in range(depth):
        here, below = _Place(level, "down", depth), _Place(level + 1, "down", depth)
        start, stop = (here.x, here.y + _half(sizes[level], scale)), (below.x, below.y - _half(sizes[level + 1], scale))
        _arrow(axes, start, stop, BLUE)


def _arrows_up(axes: Axes, level: int, depth: int, sizes: Sequence[Size], scale: float, fits: bool) -> None:
    """To a level on the way up: from the map below it, and the skip from the other arm."""
    left, right, below = _Place(level, "down", depth), _Place(level, "up", depth), _Place(level + 1, "up", depth)
    start, stop = (below.x, below.y - _half(sizes[level + 1], scale)), (right.x, right.y + _half(sizes[level], scale))
    _arrow(axes, start, stop, BLUE)
    gap = BOX / 2 + 0.1
    _arrow(axes, (left.x + gap, left.y), (right.x - gap, right.y), GREEN if fits else VERMILLION, dashed=not fits)


def _half(size: Size, scale: float) -> float:
    """Half the height of a box."""
    return max(0.06, size[0] * scale) / 2


def _arrow(axes: Axes, start: tuple, stop: tuple, colour: str, dashed: bool = False) -> None:
    look: dict[str, Any] = {"color": colour, "linestyle": (0, (4, 3)) if dashed else "-", "linewidth": 1.4}
    axes.add_patch(FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=10, shrinkA=1, shrinkB=1, **look))
