"""Amounts of several kinds for the same things, as bars beside each other."""

from __future__ import annotations

from collections.abc import Mapping

from .style import BLUE, INK, TEXT, Picture, plain

# What stands behind a number of the thousands, millions and so on.
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def bars(amounts: Mapping[str, Mapping[str, float]]) -> Picture:
    """For each kind of amount a panel, in which each name has a bar with its number at its end.

    `amounts` maps the title of a panel to its amounts by name; the names are the same in all panels. A number is
    written with k, M, G or T for thousands, millions and so on. Raises ValueError where the names differ or an amount
    is negative.

    >>> bars({"bytes": {"first": 2_000_000, "second": 500}, "parameters": {"first": 9, "second": 1200}})
    Bars. Bytes: first 2 M, second 500. Parameters: first 9, second 1.2 k.
    """
    names = [list(panel) for panel in amounts.values()]
    if any(other != names[0] for other in names):
        raise ValueError(f"every panel of amounts must have the same names in the same order, but they are {names}")
    if any(value < 0 for panel in amounts.values() for value in panel.values()):
        raise ValueError("amounts must not be negative: a bar begins at 0")
    said = [
        f"{title[:1].upper()}{title[1:]}: {', '.join(f'{name} {short(value)}' for name, value in panel.items())}."
        for title, panel in amounts.items()
    ]
    picture = Picture(9.6, 0.75 + 0.3 * len(names[0]), alt=" ".join(["Bars.", *said]), constrained=True)
    for axes, (title, panel) in zip(
        picture.subplots(1, len(amounts), sharey=True, squeeze=False)[0], amounts.items(), strict=True
    ):
        plain(axes)
        axes.barh(range(len(panel)), list(panel.values()), height=0.65, color=BLUE)
        for row, value in enumerate(panel.values()):
            axes.annotate(
                short(value), (value, row), (4, 0), textcoords="offset points", va="center", size=9, color=INK
            )
        axes.set_title(title, loc="left", size=TEXT, color=INK)
        axes.set_yticks(range(len(panel)), list(panel))
        axes.tick_params(axis="y", length=0)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlim(0, 1.35 * max(panel.values()) or 1)
        axes.set_ylim(len(panel) - 0.5, -0.5)
    return picture


def short(value: float) -> str:
    """A number to three digits, with k, M, G or T.

    >>> short(15_346_630_656), short(1792), short(64)
    ('15.3 G', '1.79 k', '64')
    """
    for scale, letter in SCALES:
        if value >= scale:
            return f"{value / scale:.3g} {letter}"
    return f"{value:.3g}"
