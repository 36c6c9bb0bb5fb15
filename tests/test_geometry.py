"""Sizes and positions along one axis: worked examples, then every small case against torch."""

from __future__ import annotations

import doctest
import itertools

import pytest
import torch
import torch.nn.functional as F

from course_lib import geometry
from course_lib.geometry import output_size, per_axis, unreached, window


def test_the_documented_examples_run():
    results = doctest.testmod(geometry)
    assert results.attempted > 5
    assert results.failed == 0


def test_one_int_serves_every_axis_and_a_tuple_gives_each_its_own():
    assert per_axis(3, 2, "kernel_size") == (3, 3)
    assert per_axis((3,), 3, "stride") == (3, 3, 3)
    assert per_axis([1, 2], 2, "padding") == (1, 2)


@pytest.mark.parametrize(
    ("value", "error"), [((1, 2), ValueError), ((), ValueError), (2.0, TypeError), ("3", TypeError)]
)
def test_a_wrong_count_or_kind_is_named(value, error):
    with pytest.raises(error, match="kernel_size=.*must"):
        per_axis(value, 3, "kernel_size")


def test_five_positions_hold_two_windows_of_two_and_lose_the_last():
    assert output_size(5, 2) == 2
    assert unreached(5, 2) == (4,)


def test_ceil_mode_keeps_a_window_that_hangs_over_the_end():
    assert output_size(5, 2, ceil_mode=True) == 3
    assert unreached(5, 2, ceil_mode=True) == ()
    assert list(window(2, 2)) == [4, 5]


def test_ceil_mode_drops_a_window_that_would_read_right_padding_alone():
    # 3 + 2·1 - 2 = 3 positions to move, 2 at a time, rounded up: 3 windows; the third would begin at 2·2 - 1 = 3.
    assert output_size(3, 2, stride=2, padding=1, ceil_mode=True) == 2
    # Where it begins at 2, inside the input, it stays.
    assert output_size(3, 1, stride=2, padding=0, ceil_mode=True) == 2


def test_dilation_spreads_the_window_and_stride_moves_it():
    assert list(window(2, kernel_size=3, stride=4, padding=1, dilation=2)) == [7, 9, 11]


def test_a_stride_above_the_kernel_leaves_gaps():
    assert unreached(7, kernel_size=2, stride=3) == (2, 5, 6)


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("size", 0, "size=0 must be at least 1"),
        ("kernel_size", 0, "kernel_size=0 must be at least 1"),
        ("stride", 0, "stride=0 must be at least 1"),
        ("padding", -1, "padding=-1 must be at least 0"),
        ("dilation", 0, "dilation=0 must be at least 1"),
        ("size", 2, "no window fits: it spans 3 positions"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_range(argument, value, words):
    good = {"size": 8, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1}
    if argument == "size":
        good["padding"] = 0
    with pytest.raises(ValueError, match=words):
        output_size(**{**good, argument: value})


def test_a_negative_index_has_no_window():
    with pytest.raises(ValueError, match="index=-1 must be at least 0"):
        window(-1, 2)


GRID = list(itertools.product(range(1, 12), range(1, 5), range(1, 5), range(3), range(1, 4), (False, True)))


def test_every_small_case_has_torchs_size_or_is_refused_by_both():
    sizes = refused = 0
    for size, kernel_size, stride, padding, dilation, ceil_mode in GRID:
        if padding > kernel_size // 2:
            continue  # torch's pooling refuses this; the law itself does not mind
        law = (kernel_size, stride, padding, dilation, ceil_mode)
        try:
            expected = F.max_pool2d(torch.empty(1, 1, size, size, device="meta"), *law).shape[-1]
        except RuntimeError:
            with pytest.raises(ValueError, match="no window fits"):
                output_size(size, *law)
            refused += 1
        else:
            assert output_size(size, *law) == expected, (size, *law)
            sizes += 1
    assert sizes > 1000
    assert refused > 100


def test_the_unreached_positions_are_those_without_gradient():
    compared = 0
    for size, kernel_size, stride, padding, dilation, ceil_mode in GRID[::7]:
        if dilation > 1 or padding > kernel_size // 2:
            continue
        x = torch.ones(1, 1, size, requires_grad=True)
        try:
            y = F.avg_pool1d(x, kernel_size, stride, padding, ceil_mode)
        except RuntimeError:
            continue
        y.sum().backward()
        silent = tuple(torch.nonzero(x.grad[0, 0] == 0).flatten().tolist())
        assert unreached(size, kernel_size, stride, padding, dilation, ceil_mode) == silent
        compared += 1
    assert compared > 50
