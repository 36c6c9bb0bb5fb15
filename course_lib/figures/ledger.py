"""The memory of a forward pass as a ledger: which tensors stay, and who keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.patches import Rectangle

from .cells import heading
from .style import BLUE, INK, LINE, MARGIN, ORANGE, PAPER, QUIET, SKY, TEXT, YELLOW, Picture, panel

# For each fate of a tensor: its colour, edge, line and hatch, and its name in the legend.
FATES: dict[str, tuple[str, str, str, str, str]] = {
    "kept": (SKY, BLUE, "-", "", "kept for the backward pass"),
    "held": (YELLOW, ORANGE, "-", "///", "held by the code alone"),
    "freed": (PAPER, QUIET, "--", "", "freed before the end"),
}
LABEL, WIDTH, ROW = 1.25, 7.0, 0.34  # inches
ROWS = 6  # the sheet has room for at least so many, so that it keeps its size when one is written over


def ledger_view(rows: Sequence[Any], unit: int, peak_bytes: int | None = None) -> Picture:
    """A bar for each piece of memory, as long as it has bytes, in the order of use; what is freed is empty.

    A row has `names` (what was written there, in order), `nbytes`, `kept_by` (names of steps) and `held` (a bool), as
    those of `course_lib.analysis.saved` have. `unit` is the bytes of one map, in which lengths are written. The title
    says what is kept, what is alive afterwards and, where `peak_bytes` is given, what was alive at most.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(names=["x"], nbytes=2_000_000, kept_by=["conv"], held=True)
    >>> ledger_view([row], unit=1_000_000)
    Kept for the backward pass: 2 maps (2 MB). Alive after the forward pass: 2 maps. Rows: x 2 maps, kept by conv.
    """
    title = _title(rows, unit, peak_bytes)
    labels = [" → ".join(row.names) for row in rows]
    words = [_words(row, unit) for row in rows]
    said = ", ".join(f"{label} {word}" for label, word in zip(labels, words, strict=True))
    count = max(ROWS, len(rows))
    top, height = MARGIN + len(title) * LINE + 0.1, count * ROW
    picture = Picture(
        LABEL + WIDTH + 2 * MARGIN, top + height + 0.1 + LINE + MARGIN, alt=f"{' '.join(title)} Rows: {said}."
    )
    heading(picture, MARGIN, MARGIN, title)
    axes = panel(picture, MARGIN + LABEL, top, WIDTH, height)
    longest = max((row.nbytes / unit for row in rows), default=1.0)
    axes.set_xlim(0, 1.9 * longest)
    axes.set_ylim(count - 0.5, -0.5)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    look: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline", "color": INK}
    for place, (row, label, word) in enumerate(zip(rows, labels, words, strict=True)):
        wide = row.nbytes / unit
        axes.add_patch(_bar(_fate(row), (0, place - 0.3), wide, 0.6))
        axes.annotate(label, (0, place), (-8, 0), ha="right", size=TEXT, **look)
        axes.annotate(word, (wide, place), (6, 0), size=TEXT - 1, **look)
    handles = [_bar(fate, (0, 0), 1, 1, label=look[-1]) for fate, look in FATES.items()]
    picture.legend(handles=handles, loc="lower left", ncols=len(handles), frameon=False, fontsize=TEXT - 1)
    return picture


def _bar(fate: str, corner: tuple[float, float], width: float, height: float, **options: Any) -> Rectangle:
    colour, edge, line, hatch, _ = FATES[fate]
    return Rectangle(
        corner, width, height, facecolor=colour, edgecolor=edge, linestyle=line, hatch=hatch, linewidth=1.2, **options
    )


def _fate(row: Any) -> str:
    return "kept" if row.kept_by else "held" if row.held else "freed"


def _words(row: Any, unit: int) -> str:
    fates = [f"kept by {' and '.join(row.kept_by)}"] if row.kept_by else []
    fates += ["held"] if row.held and not row.kept_by else []
    return f"{_maps(row.nbytes, unit)}, {fates[0] if fates else 'freed'}"


def _maps(nbytes: int, unit: int) -> str:
    return f"{nbytes / unit:.3g} {'map' if nbytes == unit else 'maps'}"


def _title(rows: Sequence[Any], unit: int, peak_bytes: int | None) -> list[str]:
    kept = sum(row.nbytes for row in rows if row.kept_by)
    alive = sum(row.nbytes for row in rows if row.kept_by or row.held)
    title = [f"Kept for the backward pass: {_maps(kept, unit)} ({kept / 1e6:.3g} MB)."]
    title.append(f"Alive after the forward pass: {_maps(alive, unit)}.")
    if peak_bytes is not None:
        title.append(f"Alive at most, while a step runs: {_maps(peak_bytes, unit)}.")
    return title
