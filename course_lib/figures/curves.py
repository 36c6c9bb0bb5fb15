"""Curves through known points, on the same axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .style import BLUE, GREEN, INK, ORANGE, TEXT, VERMILLION, Picture, as_array, number, plain

# Each curve has a colour and a dash of its own.
LOOKS = ((BLUE, "-"), (VERMILLION, "--"), (GREEN, "-."), (ORANGE, ":"))


def curves(
    lines: Mapping[str, tuple[Any, Any]],
    points: tuple[Any, Any] | None = None,
    xlabel: str = "position in pixels",
    ylabel: str = "",
) -> Picture:
    """Each entry of `lines`, a pair (xs, ys), as a curve under its name; `points`, a pair as well, as black dots.

    Raises ValueError for more than four curves: there are no more dashes to tell them apart.

    >>> curves({"linear": ([0, 1], [0, 1])}, points=([0, 1], [0, 1]))
    Curves. linear goes from 0 to 1.
    """
    if len(lines) > len(LOOKS):
        raise ValueError(f"lines must have at most {len(LOOKS)} curves, but has {len(lines)}")
    pairs = {name: tuple(as_array(part).astype(float) for part in pair) for name, pair in lines.items()}
    said = [f"{name} goes from {number(ys.min())} to {number(ys.max())}." for name, (_, ys) in pairs.items()]
    picture = Picture(8.4, 2.8, alt=" ".join(["Curves.", *said]), constrained=True)
    axes = plain(picture.subplots())
    for (name, (xs, ys)), (colour, dash) in zip(pairs.items(), LOOKS, strict=False):
        axes.plot(xs, ys, color=colour, linestyle=dash, linewidth=1.8, label=name)
    if points is not None:
        xs, ys = (as_array(part) for part in points)
        axes.scatter(xs, ys, s=26, color=INK, zorder=4)
    axes.set_xlabel(xlabel, size=TEXT, color=INK)
    axes.set_ylabel(ylabel, size=TEXT, color=INK)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=TEXT, labelcolor=INK)
    return picture
