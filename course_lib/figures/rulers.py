"""Rulers of pixels, one above the other: where the outputs of a resized axis look, and where samples stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection

from .. import geometry
from .cells import heading
from .style import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    PALE_GREY,
    PALE_SKY,
    PALE_YELLOW,
    QUIET,
    TEXT,
    VERMILLION,
    Picture,
    as_array,
    number,
    panel,
    plain,
    text_width,
)

SAME = "In the middle half the error is {0} pixels."
FROM_TO = "In the middle half the error goes from {0} to {1} pixels."
CONVENTIONS = ("nearest", "nearest-exact", "half-pixel", "align_corners")
# What stands above each pair of rulers.
RULES = {
    "nearest": "nearest: copies the pixel above the left edge, ⌊i · {step}⌋",
    "nearest-exact": "nearest-exact: copies the pixel above the centre, ⌊(i + ½) · {step}⌋",
    "half-pixel": "align_corners=False: the place above the centre, (i + ½) · {step} − ½",
    "align_corners": "align_corners=True: the outer centres coincide, i · {step}",
}
PIXEL, GAP, RULER = 0.34, 0.36, 0.19  # inches: height of a pixel, room between both rulers, numbers above
LABEL, WIDEST = 0.7, 8.2  # inches: words on the left, the longest ruler
LIMIT = 1.6  # pixels that an error may be drawn with


def rulers(size: int, output_size: int, conventions: Sequence[str] = CONVENTIONS) -> Picture:
    """For each convention the input as a ruler of pixels, the output below it, and a line from each output upwards.

    A line begins where the output looks from: at its left edge or at its centre. The nearest modes bend it to the
    centre of the pixel that they copy; the linear ones end it in a diamond at the place between two centres. In each
    output stands that pixel or place. Raises what `geometry.source_coordinates` raises.

    >>> rulers(8, 4, ["nearest", "nearest-exact"])
    From 8 pixels to 4. nearest: 0, 2, 4, 6. nearest-exact: 1, 3, 5, 7.
    """
    bands = [Band.of(size, output_size, convention) for convention in conventions]
    first, last = min(b.edges[0] for b in bands), max(b.edges[-1] for b in bands)
    first, last = min(first, 0.0), max(last, float(size))
    narrow = min(float(np.diff(band.edges).min()) for band in bands)
    unit = min(max(0.8, 0.5 / narrow), WIDEST / (last - first))
    titles = [band.title for band in bands]
    each = LINE + RULER + 2 * PIXEL + GAP + 0.26
    said = " ".join(f"{band.convention}: {', '.join(map(number, band.places))}." for band in bands)
    picture = Picture(
        2 * MARGIN + max(LABEL + (last - first) * unit, *map(text_width, titles)),
        2 * MARGIN + each * len(bands) - 0.26,
        alt=f"From {counted(size)} to {output_size}. {said}",
    )
    # One axes for all, in pixels to the right and inches downwards: four would take three times as long to draw.
    axes = panel(picture, MARGIN + LABEL, MARGIN, (last - first) * unit, each * len(bands) - 0.26)
    axes.set(xlim=(first, last), ylim=(each * len(bands) - 0.26, 0))
    for row, band in enumerate(bands):
        heading(picture, MARGIN, MARGIN + row * each, [band.title])
    _draw_bands(axes, bands, np.arange(len(bands)) * each + LINE + RULER, unit)
    return picture


def ramp_view(places: Any, errors: Any, align_corners: bool) -> Picture:
    """Where an encoder's samples stand and where a decoder takes them to be; below, how far off each pixel comes out.

    `places` `(M,)` are the true positions of the samples and `errors` `(N,)` what a ramp, made smaller and large again,
    differs by; both in pixels. Where the decoder takes the samples to be follows from both sizes and `align_corners`.
    An error that is too large for the picture ends in an arrow.

    >>> ramp_view([0.5, 2.5], [0.5, 0, 0, -0.5], align_corners=False)
    From 4 pixels to 2 and back with align_corners=False. In the middle half the error is 0 pixels.
    """
    true, off = as_array(places).astype(float), as_array(errors).astype(float)
    size, count = len(off), len(true)
    convention = "align_corners" if align_corners else "half-pixel"
    believed = np.array(geometry.source_coordinates(size, count, convention))
    quarter = size // 4
    middle = np.round(off[quarter : size - quarter], 3)
    said = (SAME if middle.min() == middle.max() else FROM_TO).format(number(middle.min()), number(middle.max()))
    unit = min(0.5, WIDEST / size)
    left, width = MARGIN + 1.15, size * unit
    picture = Picture(
        left + width + MARGIN,
        3.75,
        alt=f"From {counted(size)} to {count} and back with align_corners={bool(align_corners)}. {said}",
    )
    heading(picture, MARGIN, MARGIN, [said])
    axes = panel(picture, left, MARGIN + LINE + 0.1, width, 1.25)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(1.25, 0))
    _pixels(axes, [(np.arange(size + 1) - 0.5, 0.0)], PALE_SKY)
    _numbers(axes, range(size), [str(i) for i in range(size)], PIXEL / 2, min(TEXT, 26 * unit))
    joins = [[(a, 0.62), (b, 1.05)] for a, b in zip(true, believed, strict=True)]
    axes.add_collection(LineCollection(joins, colors=QUIET, linewidths=1.2, clip_on=False), autolim=False)
    axes.scatter(true, np.full(count, 0.62), s=42, color=BLUE, zorder=3, clip_on=False)
    axes.scatter(believed, np.full(count, 1.05), s=42, marker="D", color=ORANGE, zorder=3, clip_on=False)
    for y, text in ((PIXEL / 2, "pixel"), (0.62, "samples stand"), (1.05, "taken to stand")):
        axes.text(-0.65, y, text, ha="right", va="center_baseline", size=TEXT - 1, color=INK)
    below = plain(panel(picture, left, MARGIN + LINE + 1.6, width, 1.5))
    below.set_axis_on()
    below.set(xlim=(-0.5, size - 0.5), ylim=(-LIMIT, LIMIT), xticks=range(0, size, 1 if size <= 20 else 2))
    below.set_ylabel("error in pixels", size=TEXT - 1, color=INK)
    below.axvspan(quarter - 0.5, size - quarter - 0.5, color=PALE_GREY, zorder=0)
    below.axhline(0, color=QUIET, linewidth=0.8)
    shown = np.clip(off, -LIMIT, LIMIT)
    below.vlines(range(size), 0, shown, color=VERMILLION, linewidth=2)
    for marker, these in (("o", shown == off), ("v", shown > off), ("^", shown < off)):
        if these.any():
            below.scatter(np.flatnonzero(these), shown[these], s=24, marker=marker, color=VERMILLION, clip_on=False)
    return picture


def counted(size: int) -> str:
    return "1 pixel" if size == 1 else f"{size} pixels"


class Band(NamedTuple):
    """One convention: where the outputs' edges are on the input's ruler, from where they look, and what they find."""

    convention: str
    size: int
    step: float
    edges: np.ndarray
    looks: np.ndarray
    places: list[float]

    @classmethod
    def of(cls, size: int, output_size: int, convention: str) -> Band:
        step = geometry.source_step(size, output_size, convention)
        found = np.array(geometry.source_coordinates(size, output_size, convention))
        if convention == "align_corners":
            wide = step or 1.0
            edges = 0.5 - wide / 2 + wide * np.arange(output_size + 1)
            return cls(convention, size, step, edges, found + 0.5, found.tolist())
        edges = step * np.arange(output_size + 1)
        looks = found + 0.5 if convention == "half-pixel" else found
        return cls(
            convention, size, step, edges, looks, (found if convention == "half-pixel" else np.floor(found)).tolist()
        )

    @property
    def title(self) -> str:
        return RULES[self.convention].format(step=number(self.step))


def _draw_bands(axes: Any, bands: Sequence[Band], tops: np.ndarray, unit: float) -> None:
    foot, middle = PIXEL + GAP, PIXEL / 2
    size, words = bands[0].size, axes.get_xlim()[0] - 0.1 / unit
    lines: list[list[tuple[float, float]]] = []
    looks: list[tuple[float, float]] = []
    copied: list[tuple[float, float]] = []
    weighed: list[tuple[float, float]] = []
    _pixels(axes, [(np.arange(size + 1), top) for top in tops], PALE_SKY)
    _pixels(axes, [(band.edges, top + foot) for band, top in zip(bands, tops, strict=True)], PALE_YELLOW)
    for band, top in zip(bands, tops, strict=True):
        ends = np.array(band.places) + 0.5
        for look, end in zip(band.looks, ends, strict=True):
            lines.append([(look, top + foot), (look, top + PIXEL), (end, top + middle)])
            looks.append((look, top + foot))
            (copied if band.convention.startswith("nearest") else weighed).append((end, top + middle))
        _numbers(axes, np.arange(size) + 0.5, map(str, range(size)), top - RULER / 2, min(TEXT - 2, 30 * unit))
        texts = [number(round(place, 2)) for place in band.places]
        room = 110 * (band.edges[1] - band.edges[0]) * unit / max(map(len, texts))
        _numbers(axes, (band.edges[1:] + band.edges[:-1]) / 2, texts, top + foot + middle, max(5, min(TEXT - 1, room)))
        for y, text in ((top + middle, "input"), (top + foot + middle, "output")):
            axes.text(words, y, text, ha="right", va="center_baseline", size=TEXT - 1, color=INK)
    axes.add_collection(LineCollection(lines, colors=BLUE, linewidths=1.4, clip_on=False, zorder=4), autolim=False)
    centres = [(x + 0.5, top + middle) for top in tops for x in range(size)]
    for spots, dot, colour, marker in (
        (centres, 14, QUIET, "o"),
        (looks, 24, BLUE, "o"),
        (copied, 26, BLUE, "o"),
        (weighed, 26, VERMILLION, "D"),
    ):
        if spots:
            axes.scatter(*zip(*spots, strict=True), s=dot, color=colour, marker=marker, zorder=5, clip_on=False)


def _pixels(axes: Any, rows: Sequence[tuple[np.ndarray, float]], colour: str) -> None:
    """Each row of pixels, given by its edges and its top."""
    boxes = [
        [(a, top), (b, top), (b, top + PIXEL), (a, top + PIXEL)]
        for edges, top in rows
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    look: dict[str, Any] = {"facecolor": colour, "edgecolor": QUIET, "linewidth": 0.9, "clip_on": False}
    axes.add_collection(PolyCollection(boxes, **look), autolim=False)


def _numbers(axes: Any, xs: Any, texts: Any, y: float, size: float) -> None:
    for x, text in zip(xs, texts, strict=True):
        axes.text(x, y, text, ha="center", va="center_baseline", size=size, color=INK, zorder=6)
