"""What one output of a stack of layers sees: map by map, and what the gradient says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from .. import geometry
from .cells import heading
from .style import (
    BLUE,
    INK,
    LINE,
    MARGIN,
    PALE_SKY,
    PALE_YELLOW,
    PAPER,
    QUIET,
    TEXT,
    VERMILLION,
    Picture,
    as_array,
    panel,
    plain,
)

WIDTH, ROW, BARS, LEFT = 9.6, 0.42, 1.5, 1.6  # inches
BESIDE = 6  # positions of padding that are shown on each side

LAW = "By the law, output {index} has a field of {size}, positions {first} to {last}; the next one lies {jump} further."
AGREE = "By the gradient, the field is {size}, positions {first} to {last}. The two agree."
PADDED = "By the gradient, the field is {size}, positions {first} to {last}; the rest is padding."
DIFFER = "By the gradient, the field is {size}, positions {first} to {last}. The two disagree."
NOTHING = "By the gradient, this output sees nothing: its whole field is padding."

Layers = Sequence[Sequence[int]]  # (kernel_size, stride, padding[, dilation])
Field = tuple[int, int, float]  # size, jump, centre


def field_view(layers: Layers, fields: Sequence[Field], gradient: Any, index: int) -> Picture:
    """What output `index` of a stack sees along one axis: above by the law, below by the gradient.

    `layers` holds (kernel_size, stride, padding[, dilation]) for each layer. `fields` holds (size, jump, centre) for
    each map, the input's own (1, 1, 0) first: the law's answers, which place every map above the input. `gradient` is
    `(L,)`, what the gradient of the output says of each input position. Padding that is seen is a vermillion ✗. Raises
    ValueError for an index out of range and where a window does not fit.

    >>> field_view([(3, 1, 0)], [(1, 1, 0.0), (3, 1, 1.0)], [0, 1, 1, 1, 0], 1)
    By the law, output 1 has a field of 3, positions 1 to 3; the next one lies 1 further. \
By the gradient, the field is 3, positions 1 to 3. The two agree.
    """
    bars = as_array(gradient).astype(float)
    sizes, seen = map_sizes(len(bars), layers), _seen(layers, index)
    if len(fields) != len(sizes):
        raise ValueError(f"fields must have an entry for each of the {len(sizes)} maps, but has {len(fields)}")
    if not 0 <= index < sizes[-1]:
        raise ValueError(f"index={index} must be between 0 and {sizes[-1] - 1}")
    size, jump, centre = fields[-1]
    first = round(centre - (size - 1) / 2) + index * jump
    law = (first, first + size - 1)
    said = [
        LAW.format(index=index, first=_signed(law[0]), last=_signed(law[1]), size=size, jump=jump),
        _verdict(law, [int(place) for place in bars.nonzero()[0]], len(bars)),
    ]
    top = MARGIN + 2 * LINE + 0.1
    picture = Picture(WIDTH, top + ROW * len(sizes) + BARS + 0.75, alt=" ".join(said))
    heading(picture, MARGIN, MARGIN, said)
    places = (-BESIDE - 0.5, len(bars) + BESIDE - 0.5)
    maps = panel(picture, LEFT, top, WIDTH - LEFT - MARGIN, ROW * len(sizes))
    maps.set(xlim=places, ylim=(-0.5, len(sizes) - 0.5))
    _maps(maps, fields, sizes, seen)
    below = panel(picture, LEFT, top + ROW * len(sizes) + 0.15, WIDTH - LEFT - MARGIN, BARS)
    below.set_axis_on()
    plain(below).set(xlim=places)
    below.axvspan(law[0] - 0.5, law[1] + 0.5, color=PALE_YELLOW, zorder=0)
    for edge in (law[0] - 0.5, law[1] + 0.5):
        below.axvline(edge, color=VERMILLION, linestyle="--", linewidth=1.4)
    wide = 0.8 * 72 * (WIDTH - LEFT - MARGIN) / (places[1] - places[0])  # points; bars as patches take longer to draw
    below.vlines(range(len(bars)), 0, bars, color=BLUE, linewidth=wide)
    below.set_ylim(0, 1.05 * bars.max() or 1)
    below.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    below.yaxis.set_major_locator(MaxNLocator(4, integer=bool((bars % 1 == 0).all())))
    below.set_xlabel("position of the input", size=TEXT, color=INK)
    below.set_ylabel("gradient", size=TEXT, color=INK)
    return picture


def map_sizes(size: int, layers: Layers) -> list[int]:
    """The sizes of all maps of a stack along one axis, the input's first.

    >>> map_sizes(10, [(3, 1, 1), (2, 2, 0)])
    [10, 10, 5]
    """
    sizes = [size]
    for kernel_size, stride, padding, dilation in map(_four, layers):
        sizes.append(geometry.output_size(sizes[-1], kernel_size, stride, padding, dilation))
    return sizes


def _four(layer: Sequence[int]) -> tuple[int, ...]:
    """A layer with its dilation, which may be left out."""
    return (*layer, 1)[:4]


def _seen(layers: Layers, index: int) -> list[set[int]]:
    """In each map, the input's first, the positions that an output sees; some of them may be padding."""
    seen = [{index}]
    for kernel_size, stride, padding, dilation in map(_four, reversed(layers)):
        seen.insert(0, {p * stride - padding + dilation * tap for p in seen[0] for tap in range(kernel_size)})
    return seen


def _verdict(law: tuple[int, int], reached: list[int], size: int) -> str:
    if not reached:
        return NOTHING
    first, last = reached[0], reached[-1]
    inside = (max(law[0], 0), min(law[1], size - 1))
    if inside == (first, last):
        sentence = AGREE if law == inside else PADDED
    else:
        sentence = PADDED if law != inside and law[0] <= first and last <= law[1] else DIFFER
    return sentence.format(first=first, last=last, size=last - first + 1)


def _maps(axes: Axes, fields: Sequence[Field], sizes: Sequence[int], seen: Sequence[set[int]]) -> None:
    """Each map as a row of squares, the input at the bottom; filled where the output sees it, a cone behind them."""

    def spots(places: Sequence[Iterable[int]]) -> list[tuple[float, int]]:
        return [(field[2] + p * field[1], level) for level, field in enumerate(fields) for p in places[level]]

    left, right = spots([[min(each)] for each in seen]), spots([[max(each)] for each in seen])
    axes.add_patch(Polygon([*left, *reversed(right)], facecolor=PALE_SKY, edgecolor="none", zorder=1))
    pairs = [(set(range(size)), each) for size, each in zip(sizes, seen, strict=True)]
    for places, colour, edge, marker in (
        (spots([map_ - each for map_, each in pairs]), PAPER, "#9A9A9A", "s"),
        (spots([map_ & each for map_, each in pairs]), BLUE, BLUE, "s"),
        (spots([each - map_ for map_, each in pairs]), PAPER, VERMILLION, "X"),
    ):
        xs, ys = [x for x, _ in places], [y for _, y in places]
        axes.scatter(xs, ys, s=22, marker=marker, c=colour, edgecolors=edge, linewidths=0.9, zorder=3)
    for level, size in enumerate(sizes):
        name = "input" if level == 0 else "output" if level == len(sizes) - 1 else f"map {level}"
        axes.annotate(
            f"{name}, {size}",
            (0, level),
            (-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            size=TEXT,
            color=INK if level in (0, len(sizes) - 1) else QUIET,
        )


def _signed(position: int) -> str:
    return str(position).replace("-", "−")
