"""Signals along time, and the four probes with what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .. import geometry
from .style import BLUE, INK, QUIET, TEXT, Picture, as_array, number, one_each, plain

Window = int | Sequence[int] | None


def signals(
    *tensors: Any,
    titles: Sequence[str] | None = None,
    windows: Sequence[Window] | None = None,
    rate: float | None = None,
) -> Picture:
    """Each signal `(L,)` in its own row, every sample at its true time; the first in grey behind the others.

    `windows` says for each signal which window made a sample of it, as the arguments of `geometry.window`:
    `(kernel_size, stride, padding, dilation)`, the later ones optional; an int for `kernel_size` alone; None
    for a signal that is not pooled. A sample stands in the middle of its window. `rate` is the sampling rate in
    Hz; without it the time is counted in samples.

    >>> signals([1, 5, 2, 4], [5, 4], titles=["signal", "max"], windows=[None, 2])
    Signals below each other: signal, 4 samples; max, 2 samples.
    """
    rows = [_one_axis(tensor) for tensor in tensors]
    names = one_each(titles, len(rows), "titles")
    places = one_each(windows, len(rows), "windows", None)
    labels = [f"{name}, {len(row)} samples".lstrip(", ") for name, row in zip(names, rows, strict=True)]
    alt = f"Signals below each other: {'; '.join(labels)}."
    picture = Picture(9.2, 0.6 + 1.25 * len(rows), alt=alt, constrained=True)
    axes_list = picture.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, row, place, label in zip(axes_list, rows, places, labels, strict=True):
        plain(axes)
        axes.set_title(label, loc="left", size=TEXT, color=INK)
        if axes is not axes_list[0]:
            axes.plot(_times(rows[0], places[0], rate), rows[0], color="#B5B5B5", linewidth=0.9)
        axes.margins(x=0.01)
        dots = "o" if len(row) <= 120 else None
        axes.plot(_times(row, place, rate), row, color=BLUE, linewidth=1.3, marker=dots, markersize=3)
    axes_list[-1].set_xlabel("position in samples" if rate is None else "time in s", size=TEXT, color=INK)
    return picture


def probes(before: Mapping[str, Any], after: Mapping[str, Any] | None = None, window: Window = None) -> Picture:
    """Probes `(L,)` by name, side by side; below each what it became, samples in the middle of their windows.

    `window` is what `signals` takes in `windows`: the one that made the samples of `after`.

    >>> probes({"step": [0, 0, 1, 1]}, {"step": [0, 1]}, window=2)
    Probes: step. Below each of them what it became.
    """
    missing = [name for name in before if after is not None and name not in after]
    if missing:
        raise ValueError(f"after must have each probe of before, but lacks {', '.join(missing)}")
    lines = [(before, None)] if after is None else [(before, None), (after, window)]
    alt = f"Probes: {', '.join(before)}." + ("" if after is None else " Below each of them what it became.")
    picture = Picture(2.4 * len(before), 1.9 * len(lines), alt=alt, constrained=True)
    grid = picture.subplots(len(lines), len(before), sharex="col", sharey="col", squeeze=False)
    for (values, place), line in zip(lines, grid, strict=True):
        for name, axes in zip(before, line, strict=True):
            _stems(axes, _one_axis(values[name]), place)
            if values is before:
                axes.set_title(name, size=TEXT, color=INK)
    if after is not None:
        grid[0, 0].set_ylabel("probe", size=TEXT)
        grid[1, 0].set_ylabel("became", size=TEXT)
    return picture


def _stems(axes: Axes, values: np.ndarray, window: Window) -> None:
    plain(axes)
    xs = _times(values, window, None)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    axes.vlines(xs, 0, values, color=BLUE, linewidth=1.6)
    axes.scatter(xs, values, s=22, color=BLUE, zorder=3)
    axes.margins(0.08, 0.28)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(values) <= 10:
        axes.set_yticks([])
        for x, value in zip(xs, values, strict=True):
            axes.annotate(
                number(value),
                (x, value),
                (0, 4 if value >= 0 else -4),
                textcoords="offset points",
                ha="center",
                va="bottom" if value >= 0 else "top",
                size=TEXT - 2,
                color=INK,
            )


def _times(values: np.ndarray, window: Window, rate: float | None) -> np.ndarray:
    """The middle of the window behind each sample, in seconds or, without a rate, in samples."""
    if window is None:
        middles = np.arange(len(values), dtype=float)
    else:
        arguments = (window,) if isinstance(window, int) else tuple(window)
        reads = (geometry.window(index, *arguments) for index in range(len(values)))
        middles = np.array([(read[0] + read[-1]) / 2 for read in reads])
    return middles / (rate or 1)


def _one_axis(tensor: Any) -> np.ndarray:
    array = as_array(tensor)
    if array.ndim != 1:
        raise ValueError(f"a signal must be (L,), but a shape is {array.shape}; pick one channel, as in x[0]")
    return array
