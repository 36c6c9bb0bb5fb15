"""How a pixel shuffle makes pixels of channels, and how strong each phase of an upsampled picture is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from .. import geometry
from .cells import TINT, cell_panel, fill, heading, numbers, outline
from .style import BLUE, INK, LINE, MARGIN, PALE_YELLOW, Picture, as_array, number, panel, text_width

CELL = 0.28  # inches
PLACES = 2  # rows and columns of every input channel
SIDE = 3.2  # inches for a picture
ORDERS = {
    "CRD": "mode CRD, as in torch: input channel = output channel · {0} + row · {1} + column",
    "DCR": "mode DCR, as in TensorFlow: input channel = (row · {1} + column) · {2} + output channel",
}


def shuffle_view(upscale_factor: int, channels: int = 1, channel: int = 0, mode: str = "CRD") -> Picture:
    """The channels of a 2 × 2 map above, and below the pixels that a shuffle makes of them.

    Every cell bears the number of the input channel that it comes from, and its tint tells the phase, its place inside
    a block. The cells of `channel` are yellow and hatched, a blue frame stands round the first block. `mode` is as in
    `geometry.phase_of_channel`, whose ValueError it raises.

    >>> shuffle_view(2, channels=2, channel=5)
    Eight input channels become two. Channel 5 goes to output channel 1, row 0 and column 1 of every block.
    """
    r, phases = upscale_factor, upscale_factor**2
    goes = [geometry.phase_of_channel(k, r, channels, mode) for k in range(phases * channels)]
    output, row, column = geometry.phase_of_channel(channel, r, channels, mode)
    place = f"Channel {channel} goes to output channel {output}, row {row} and column {column} of every block."
    titles = [place, ORDERS[mode].format(phases, r, channels)]
    step, large = PLACES + 1, PLACES * r  # cells from one input channel to the next; of an output channel
    wide = max(phases * step, channels * (large + 1)) * CELL
    below = channels * step + 1  # the row of cells in which the output begins
    plural = "channel becomes" if len(goes) == 1 else "channels become"
    counts = f"{_word(len(goes))} input {plural} {_word(channels).lower()}."
    top = MARGIN + 2 * LINE + 0.15
    picture = Picture(
        max(wide, *map(text_width, titles)) + 2 * MARGIN,
        top + (below + large) * CELL + MARGIN,
        alt=f"{counts} {place}",
    )
    heading(picture, MARGIN, MARGIN, titles)
    heading(picture, MARGIN, top + below * CELL - LINE, ["after the shuffle"])
    axes = cell_panel(picture, MARGIN, top, CELL, range(below + large), range(round(wide / CELL)))
    cells: list[tuple[tuple[int, int], int]] = []
    for k, (c, i, j) in enumerate(goes):
        high, left = k // phases * step, k % phases * step
        for y, x in np.ndindex(PLACES, PLACES):
            cells.append(((high + y, left + x), k))
            cells.append(((below + y * r + i, c * (large + 1) + x * r + j), k))
        outline(axes, [high], [left])
    for c in range(channels):
        outline(axes, range(below, below + r), range(c * (large + 1), c * (large + 1) + r))
    shades = TINT(np.array([0.75 * (goes[k][1] * r + goes[k][2]) / max(1, phases - 1) for _, k in cells]))
    fill(axes, [cell for cell, _ in cells], shades)
    fill(axes, [cell for cell, k in cells if k == channel], PALE_YELLOW, hatch="//")
    _stamp(axes, cells)
    return picture


@cache
def _digits(number: int) -> Path:
    """A whole number as a path around (0, 0), one cell high where 1 is the side of a cell."""
    path = TextPath((0, 0), str(number), size=0.45)
    (left, low), (right, high) = path.get_extents().get_points()
    return path.transformed(Affine2D().translate(-(left + right) / 2, -(low + high) / 2).scale(1, -1))


def _stamp(axes: Axes, cells: Sequence[tuple[tuple[int, int], int]]) -> None:
    """The number of each cell, all in one artist: two hundred texts would take half a second."""
    written = [_digits(k).transformed(Affine2D().translate(x + 0.5, y + 0.5)) for (y, x), k in cells]
    axes.add_artist(PathPatch(Path.make_compound_path(*written), facecolor=INK, linewidth=0, zorder=4))


def _word(count: int) -> str:
    """A small count as a word, for the beginning of a sentence.

    >>> _word(8), _word(27)
    ('Eight', '27')
    """
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
    return words[count] if count < len(words) else str(count)


def phase_view(image: Any, energy: Any, unevenness: float, name: str = "picture") -> Picture:
    """A picture with values from 0 to 1, and beside it the energy of each of its phases, with their unevenness.

    `image` is `(H, W)`, `energy` `(r, r)`: nothing is computed here. A phase that is stronger is a darker blue.

    >>> phase_view(np.zeros((4, 4)), [[1, 2], [2, 1]], 1 / 3, name="nearest")
    The picture of nearest. Its phases have the energies 1, 2, 2, 1; their unevenness is 0.333.
    """
    pixels, energies = as_array(image), as_array(energy)
    said = ", ".join(number(float(f"{value:.3g}")) for value in energies.ravel())
    alt = f"The picture of {name}. Its phases have the energies {said}; their unevenness is {number(unevenness)}."
    right, cell = 2 * MARGIN + SIDE + 0.4, 0.7
    wide = max(text_width("energy of each phase"), text_width(f"unevenness {number(unevenness)}"), cell * len(energies))
    picture = Picture(right + wide + MARGIN, MARGIN + LINE + SIDE + MARGIN, alt=alt)
    heading(picture, MARGIN, MARGIN, [f"{name}, {pixels.shape[0]} × {pixels.shape[1]}"])
    axes = panel(picture, MARGIN, MARGIN + LINE, SIDE, SIDE)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    heading(picture, right, MARGIN, ["energy of each phase"])
    grid = cell_panel(picture, right, MARGIN + LINE, cell, range(len(energies)), range(len(energies)))
    numbers(grid, energies, (0.0, float(energies.max()) or 1.0))
    outline(grid, range(len(energies)), range(len(energies)), BLUE)
    heading(picture, right, MARGIN + 1.8 * LINE + cell * len(energies), [f"unevenness {number(unevenness)}"])
    return picture
