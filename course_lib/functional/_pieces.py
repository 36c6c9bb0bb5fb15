"""How a convolution is cut into matrix products that need little memory.

A column holds what one window reads, so conv(x, w) is w · columns(x). All columns at once would be as large as the
input times the number of taps. So they are made for a few samples or a few rows at a time, a *piece*. And taps along
the first spatial axis need no columns of their own: shifted by whole rows, they are slices of the columns of the other
axes. (A stride s first parts the rows into s phases, each of which is then shifted.) So 3×3 taps cost 3 copies and 3
products instead of 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from course_lib.functional._windows import Axis

# Entries of the columns made at a time on a CPU: they are to be read again while they are still in its cache.
CACHE = 2**20


@dataclass(frozen=True)
class Convolution:
    """The windows over an input with `axis.size` positions on each axis, the groups, and the input channels of each."""

    axes: tuple[Axis, ...]
    groups: int
    channels: int

    @property
    def sliced(self) -> bool:
        """Are the first axis' taps slices? Where windows overlap along it, unless a column were a single number."""
        first, *rest = self.axes
        return first.kernel_size > first.stride and self.channels * math.prod([a.kernel_size for a in rest]) > 1

    @property
    def pointwise(self) -> bool:
        """Does each window read just the position where its output stands? Then the input is its own columns."""
        return all((a.kernel_size, a.stride, a.padding, a.out) == (1, 1, 0, a.size) for a in self.axes)

    def matrices(self, w: Tensor) -> Tensor:
        """A weight (O, C/groups, *kernel) as (taps that are slices, groups, O/groups, entries of a column)."""
        first, *rest = [axis.kernel_size for axis in self.axes]
        taps = first if self.sliced else 1
        w = w.reshape(self.groups, len(w) // self.groups, self.channels, taps, first // taps * math.prod(rest))
        return w.permute(3, 0, 1, 4, 2).flatten(3)

    def weight(self, matrices: Tensor) -> Tensor:
        """The inverse of `matrices`."""
        shape = (self.groups * matrices.shape[2], self.channels, *(axis.kernel_size for axis in self.axes))
        return matrices.unflatten(3, (-1, self.channels)).permute(1, 2, 4, 0, 3).reshape(shape)


@dataclass(frozen=True)
class Piece:
    """A few samples, or a few rows of one sample: the windows of `rows` of the output, as columns in memory.

    `axes` are those windows. Where the convolution is sliced, their first axis has its phases for taps. With
    `channels_last` positions come first in memory and then the entries of a column, else the other way round.
    """

    conv: Convolution
    samples: slice
    rows: slice
    axes: tuple[Axis, ...]
    channels_last: bool

    def columns(self, x: Tensor, dtype: torch.dtype, zero: bool) -> tuple[Tensor, Tensor]:
        """Room for the columns of `x`: as `gather` and `scatter` take them, and as matrices."""
        kernel, outs = [axis.kernel_size for axis in self.axes], [axis.out for axis in self.axes]
        samples, groups = self.samples.stop - self.samples.start, self.conv.groups
        shape = [samples, groups, self.conv.channels, *kernel, *outs]
        n, sliced = len(self.axes), int(self.conv.sliced)
        entries = [*range(3 + sliced, 3 + n), 2]
        positions = [*range(3, 3 + sliced), *range(3 + n, 3 + 2 * n)]
        order = [0, *positions, 1, *entries] if self.channels_last else [0, 1, *entries, *positions]
        memory = (x.new_zeros if zero else x.new_empty)([shape[i] for i in order], dtype=dtype)
        columns = memory.permute([order.index(i) for i in range(len(order))])
        if self.channels_last:
            return columns, memory.flatten(1, len(positions)).flatten(2).transpose(1, 2)
        return columns, memory.flatten(2, 1 + len(entries)).flatten(3).flatten(0, 1)

    def slices(self, matrix: Tensor) -> list[Tensor]:
        """What each slicing tap reads: (samples · groups, entries of a column, positions of the piece)."""
        if not self.conv.sliced:
            return [matrix]
        axis, phases = self.conv.axes[0], self.axes[0]
        row = math.prod([a.out for a in self.axes[1:]])
        count = (self.rows.stop - self.rows.start) * row
        steps = [divmod(tap * axis.dilation, axis.stride) for tap in range(axis.kernel_size)]
        return [matrix.narrow(2, (phase * phases.out + shift) * row, count) for shift, phase in steps]

    def part(self, x: Tensor) -> Tensor:
        """The samples of `x` for `gather`, their channels parted into groups."""
        return x[self.samples].unflatten(1, (self.conv.groups, self.conv.channels))

    def matrix(self, y: Tensor) -> Tensor:
        """The rows of an output: (samples · groups, channels of a group, positions). A view."""
        if self.channels_last:
            return y.movedim(1, -1)[self.samples, self.rows].flatten(1, -2).transpose(1, 2)
        y = y.unflatten(1, (self.conv.groups, y.shape[1] // self.conv.groups))
        return y[self.samples, :, :, self.rows].flatten(3).flatten(0, 1)

    def spread(self, weight: Tensor) -> Tensor:
        """The matrices of all groups, once for each sample."""
        return weight.expand(self.samples.stop - self.samples.start, *weight.shape).flatten(0, 1)


def pieces_of(x: Tensor, conv: Convolution, channels_last: bool) -> Iterator[Piece]:
    """Cut the convolution of `x` (a tensor of the input's shape and device) into pieces."""
    first, *rest = conv.axes
    reach = first.dilation * (first.kernel_size - 1) // first.stride if conv.sliced else 0
    row = conv.channels * conv.groups * (first.stride if conv.sliced else first.kernel_size)
    row *= math.prod([axis.kernel_size * axis.out for axis in rest])
    cpu = x.device.type == "cpu"
    if conv.pointwise and conv.groups == 1:
        rows, count = first.out, max(1, len(x))
    else:
        room = CACHE if cpu else max(CACHE, x.numel())
        rows = min(first.out, max(1, room // max(1, row) - reach))
        # Groups of several samples would need the weight once for each: not worth it where a call costs little.
        alone = rows < first.out or cpu and conv.groups > 1
        count = 1 if alone else max(1, room // max(1, row * (rows + reach)))
    for start in range(0, len(x), count):
        for top in range(0, first.out, rows):
            bottom = min(top + rows, first.out)
            lead = replace(first, out=bottom - top, padding=first.padding - top * first.stride)
            if conv.sliced:
                lead = replace(lead, out=lead.out + reach, kernel_size=first.stride, dilation=1)
            yield Piece(
                conv, slice(start, min(start + count, len(x))), slice(top, bottom), (lead, *rest), channels_last
            )
