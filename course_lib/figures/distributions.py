"""How values are distributed, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .style import BLUE, INK, SKY, TEXT, VERMILLION, Picture, as_array, one_each, plain


def histograms(*tensors: Any, titles: Sequence[str] | None = None, bins: int = 60) -> Picture:
    """The distribution of each tensor's values in a row of its own, on common bins, its mean dashed.

    Tensors may have any shape. Each histogram has area 1, so that tensors of different sizes compare.

    >>> histograms([0.0, 1.0], [1.0, 1.0], titles=["before", "after"])
    Histograms below each other: before, mean 0.50, std 0.50; after, mean 1.00, std 0.00.
    """
    arrays = [as_array(tensor).astype(float).ravel() for tensor in tensors]
    names = one_each(titles, len(arrays), "titles")
    labels = [
        f"{name}, mean {_two_digits(a.mean())}, std {_two_digits(a.std())}".lstrip(", ")
        for name, a in zip(names, arrays, strict=True)
    ]
    alt = f"Histograms below each other: {'; '.join(labels)}."
    picture = Picture(7.0, 0.4 + 1.35 * len(arrays), alt=alt, constrained=True)
    edges = np.histogram_bin_edges(np.concatenate(arrays), bins)
    for axes, array, label in zip(
        picture.subplots(len(arrays), 1, sharex=True, squeeze=False)[:, 0], arrays, labels, strict=True
    ):
        plain(axes)
        axes.hist(array, edges, density=True, color=SKY, edgecolor=BLUE, linewidth=0.4)
        axes.axvline(array.mean(), color=VERMILLION, linestyle="--", linewidth=1.8)
        axes.set_title(label, loc="left", size=TEXT, color=INK)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    return picture


def _two_digits(value: float) -> str:
    # Adding 0 turns a rounded −0 into 0.
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
