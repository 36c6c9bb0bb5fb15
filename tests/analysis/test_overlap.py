"""Overlap counts: the transposed convolution of ones with ones, and what its pattern predicts."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F

from course_lib.analysis.overlap import distinct_counts, overlap_counts, overlap_pattern, overlaps_evenly


def test_kernel_three_stride_two_writes_every_second_position_twice():
    assert overlap_counts([4], 3, 2).tolist() == [1, 1, 2, 1, 2, 1, 2, 1, 1]
    assert overlap_counts([4], 2, 2).tolist() == [1] * 8
    assert distinct_counts(3, 2) == {1, 2, 4}


GRID = [
    (k, s, p, more, d)
    for k, s, p, more, d in itertools.product((1, 2, 3, 4), (1, 2, 3), (0, 1), (0, 1), (1, 2))
    if more < max(s, d) and d * (k - 1) + 1 > 2 * p
]


@pytest.mark.parametrize("n", [1, 2])
def test_counts_are_a_transposed_convolution_of_ones(n):
    size = (5, 4)[:n]
    for k, s, p, more, d in GRID:
        ones = torch.ones(1, 1, *size), torch.ones(1, 1, *(k,) * n)
        expected = getattr(F, f"conv_transpose{n}d")(*ones, None, s, p, more, 1, d)[0, 0]
        assert torch.equal(overlap_counts(size, k, s, p, more, d), expected.long())


@pytest.mark.parametrize(("k", "s", "d"), list(itertools.product((1, 2, 3, 4, 5, 6), (1, 2, 3), (1, 2, 3))))
def test_the_pattern_is_what_the_middle_repeats(k, s, d):
    counts = overlap_counts([40], k, s, dilation=d)
    middle = counts[15 * s : 16 * s].tolist()
    assert middle == list(overlap_pattern(k, s, d))
    assert overlaps_evenly(k, s, d, n=1) == (len(set(middle)) == 1)
    if d == 1:
        assert overlaps_evenly(k, s) == (k % s == 0)


def test_an_argument_out_of_range_is_named():
    with pytest.raises(ValueError, match="kernel_size=0 must be at least 1"):
        overlap_counts([3], 0)
    with pytest.raises(ValueError, match="stride=0 must be at least 1"):
        overlap_pattern(3, 0)
    with pytest.raises(ValueError, match=r"stride=\(1, 2, 3\) must have 1 or 2 entries"):
        overlap_counts([3, 3], 3, (1, 2, 3))
