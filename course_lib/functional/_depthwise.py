"""Convolution with a group for every channel.

Nothing is summed over channels, so there are no matrices to multiply. But each tap of all outputs together is one slice
of the input, and Σ over taps of x · w · g, ⟨g, conv(x, w)⟩, can be read in three directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from course_lib.functional._blocks import ENTRIES, blocks
from course_lib.functional._columns import meetings
from course_lib.functional._pieces import Convolution


def add_output(x: Tensor, w: Tensor, y: Tensor, conv: Convolution) -> None:
    """Add the convolution of `x` to `y`."""
    for inputs, weight, outputs in _taps(x, _taps_first(w), y, conv):
        outputs.addcmul_(inputs, weight)


def add_input(x: Tensor, w: Tensor, y: Tensor, conv: Convolution) -> None:
    """Add the transposed convolution of `y` to `x`."""
    for inputs, weight, outputs in _taps(x, _taps_first(w), y, conv):
        inputs.addcmul_(outputs, weight)


def add_weight(x: Tensor, w: Tensor, y: Tensor, conv: Convolution) -> None:
    """Add the gradient of the weight to `w`."""
    for inputs, weight, outputs in _taps(x, w, y, conv, ENTRIES):
        weight.add_((inputs * outputs).sum((0, *range(2, x.dim())), keepdim=True)[0])


def _taps(
    x: Tensor, w: Tensor, y: Tensor, conv: Convolution, entries: int = 4 * ENTRIES
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For each tap views of what it reads, of its weights as (C, 1, …), and of where its products belong.

    Blocks are larger where no products lie between, so that fewer calls do.
    """
    w, y = w.unflatten(0, (conv.groups, -1))[:, :, 0], y.unflatten(1, (conv.groups, -1))
    for inputs, outputs in blocks(x, y, entries=entries):
        for nth in range(w.shape[1]):  # the nth output of every group
            for taps, windows, positions in meetings(conv.axes):
                tap: Any = (..., *(slice(t, t + 1) for t in taps))
                yield inputs[(..., *positions)], w[:, nth][tap], outputs[:, :, nth][(..., *windows)]


def _taps_first(w: Tensor) -> Tensor:
    """The same with the numbers of one tap next to each other in memory."""
    return w.movedim(0, -1).contiguous().movedim(-1, 0)
