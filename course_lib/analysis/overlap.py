"""How often a transposed convolution writes to each position, and so whether kernel and stride alone make a pattern.

A. Odena, V. Dumoulin, C. Olah, "Deconvolution and Checkerboard Artifacts" (Distill, 2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from course_lib.geometry import check_int, per_axis, transposed_size, window

Ints = int | Sequence[int]


def overlap_counts(
    size: Sequence[int],
    kernel_size: Ints,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    dilation: Ints = 1,
) -> Tensor:
    """How many inputs write to each output position: for an input of `size`, (L,), (H, W) or (D, H, W).

    It is the transposed convolution of ones with ones, so the counts of several axes multiply. Raises ValueError for an
    argument out of range.

    >>> overlap_counts([3], kernel_size=3, stride=2)
    tensor([1, 1, 2, 1, 2, 1, 1])
    >>> overlap_counts([2, 2], kernel_size=3, stride=2)[1:4, 1:4]
    tensor([[1, 2, 1],
            [2, 4, 2],
            [1, 2, 1]])
    """
    if not isinstance(size, Sequence) or isinstance(size, str):
        raise TypeError(f"size={size!r} must be a sequence of ints, one for each axis")
    arguments = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    arguments |= {"output_padding": output_padding, "dilation": dilation}
    each = [per_axis(value, len(size), name) for name, value in arguments.items()]
    counts = torch.ones((), dtype=torch.long)
    for inputs, k, s, p, more, d in zip(size, *each, strict=True):
        along = torch.zeros(transposed_size(inputs, k, s, p, more, d), dtype=torch.long)
        for index in range(inputs):
            for position in window(index, k, s, p, d):
                if 0 <= position < len(along):
                    along[position] += 1
        counts = counts[..., None] * along
    return counts


def overlap_pattern(kernel_size: int, stride: int, dilation: int = 1) -> tuple[int, ...]:
    """The counts away from the border, where they repeat every `stride` positions: how many taps fall on each phase.

    Tap t falls on phase t·dilation modulo stride. Where the counts are equal, there is no checkerboard before training.
    Without dilation they are equal where the stride divides kernel_size.

    >>> overlap_pattern(3, 2), overlap_pattern(4, 2)
    ((2, 1), (2, 2))
    """
    for name, value in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation)):
        check_int(name, value, 1)
    phases = [tap * dilation % stride for tap in range(kernel_size)]
    return tuple(phases.count(phase) for phase in range(stride))


def overlaps_evenly(kernel_size: Ints, stride: Ints, dilation: Ints = 1, n: int = 2) -> bool:
    """Do all positions away from the border get as many writes, on every one of `n` axes?

    Where not, a map of ones comes out as a checkerboard even with all weights equal. (Where they do, learned
    weights may still differ from phase to phase.)

    >>> overlaps_evenly(3, 2), overlaps_evenly(2, 2), overlaps_evenly((4, 3), (2, 1))
    (False, True, True)
    """
    check_int("n", n, 1)
    each = (
        per_axis(value, n, name)
        for name, value in {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}.items()
    )
    return all(len(set(overlap_pattern(*axis))) == 1 for axis in zip(*each, strict=True))


def distinct_counts(kernel_size: int, stride: int, n: int = 2) -> set[int]:
    """The different counts that occur away from the border on `n` axes.

    >>> distinct_counts(3, 2)
    {1, 2, 4}
    """
    check_int("n", n, 1)
    pattern = set(overlap_pattern(kernel_size, stride))
    return {math.prod(counts) for counts in product(pattern, repeat=n)}
