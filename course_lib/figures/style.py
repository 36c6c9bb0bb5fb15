"""What all figures share: palette, sizes, how numbers are written, and the Figure that shows itself."""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Okabe and Ito, "Color Universal Design" (2008): eight colours that colour-blind readers tell apart.
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"

PAPER, INK, QUIET = "#FFFFFF", "#1B1B1B", "#5F5F5F"
PALE_SKY, PALE_YELLOW, PALE_VERMILLION, PALE_GREY = "#DCEFFA", "#FAF3B0", "#FBE3D3", "#EFEFEF"

DPI = 100
TEXT = 10  # points
LINE = 0.21  # inches from one line of text to the next
MARGIN = 0.2  # inches


class Picture(Figure):
    """A matplotlib Figure on white paper, with a sentence `alt` that says what there is to see.

    As the last expression of a cell it shows itself once, as a PNG whose alternative text is `alt`, with or
    without `%matplotlib inline`. It does not belong to pyplot, so no cell shows it a second time.

    >>> Picture(2, 1, alt="An empty sheet.")
    An empty sheet.
    """

    def __init__(self, width: float, height: float, *, alt: str, constrained: bool = False) -> None:
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08) if constrained else None
        super().__init__(figsize=(width, height), dpi=DPI, facecolor=PAPER, layout=layout)
        FigureCanvasAgg(self)
        self.alt = alt

    def png(self) -> bytes:
        """The picture as PNG bytes, 100 pixels an inch; the file's description is `alt`."""
        file = io.BytesIO()
        self.savefig(
            file,
            format="png",
            dpi=DPI,
            facecolor=PAPER,
            bbox_inches=None,
            metadata={"Description": self.alt, "Software": None},
        )
        return file.getvalue()

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        encoded = base64.b64encode(self.png()).decode()
        return {"image/png": encoded, "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def as_array(numbers: Any) -> np.ndarray:
    """A tensor on any device, with or without a gradient, or anything that numpy takes, as a numpy array."""
    if not hasattr(numbers, "detach"):
        return np.asarray(numbers)
    tensor = numbers.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() and tensor.element_size() < 4 else tensor).numpy()


def one_each(values: Sequence[Any] | None, count: int, name: str, default: Any = "") -> Sequence[Any]:
    """The argument `name` with an entry for each of `count` tensors, or `default` for each where it is None."""
    if values is None:
        return [default] * count
    if len(values) != count:
        raise ValueError(f"{name} must have an entry for each of the {count} tensors, but has {len(values)}")
    return values


def number(value: float) -> str:
    """A number as figures write it: whole numbers in full, others to three digits, with a true minus sign.

    >>> number(-2.5), number(1024), number(1 / 3), number(float("-inf"))
    ('−2.5', '1024', '0.333', '−∞')
    """
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    value = value + 0.0  # turns −0 into 0
    text = f"{value:.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def panel(picture: Picture, left: float, top: float, width: float, height: float) -> Axes:
    """An empty axes at an exact place, in inches from the picture's left and top edge."""
    full_width, full_height = picture.get_size_inches()
    box = (left / full_width, 1 - (top + height) / full_height, width / full_width, height / full_height)
    axes = picture.add_axes(box)
    axes.set_axis_off()
    return axes


def text_width(text: str, size: float = TEXT) -> float:
    """About how many inches a line of text takes: 0.57 em a character."""
    return max((len(line) for line in text.splitlines()), default=0) * 0.57 * size / 72


def plain(axes: Axes) -> Axes:
    """Plot axes without a box: only the left and bottom lines, small ticks, ink that reads on white."""
    axes.set_facecolor(PAPER)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=9)
    return axes


def sentence(text: str, width: float = 7.0) -> Picture:
    """A picture that holds one sentence, for a widget that has nothing to draw."""
    picture = Picture(width, 1.0, alt=text)
    lines = textwrap.fill(text, int((width - 2 * MARGIN) / text_width("0")))
    picture.text(0.5, 0.5, lines, ha="center", va="center", size=TEXT, color=INK, linespacing=1.5)
    return picture
