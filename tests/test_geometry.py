"""Sizes and positions along one axis: worked examples, then every small case against torch."""

from __future__ import annotations

import doctest
import itertools

import pytest
import torch
import torch.nn.functional as F

from course_lib import geometry
from course_lib.geometry import (
    adaptive_bins,
    output_size,
    per_axis,
    phase_of_channel,
    source_coordinate,
    source_coordinates,
    source_step,
    unreached,
    window,
)


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


def test_bins_that_do_not_divide_share_a_position():
    assert adaptive_bins(6, 3) == (range(0, 2), range(2, 4), range(4, 6))
    assert adaptive_bins(5, 3) == (range(0, 2), range(1, 4), range(3, 5))
    assert adaptive_bins(2, 4) == (range(0, 1), range(0, 1), range(1, 2), range(1, 2))
    assert adaptive_bins(5, 0) == ()


def test_the_bins_are_those_that_torchs_adaptive_average_reads():
    compared = 0
    for size, out in itertools.product(range(1, 14), range(1, 17)):
        read = F.adaptive_avg_pool1d(torch.eye(size)[None], out)[0].T > 0
        bins = adaptive_bins(size, out)
        assert [torch.nonzero(row).flatten().tolist() for row in read] == [list(bin) for bin in bins]
        assert {position for bin in bins for position in bin} == set(range(size))
        compared += 1
    assert compared == 208


def test_half_pixels_look_between_the_centres_and_corners_coincide():
    assert source_coordinates(4, 2) == (0.5, 2.5)
    assert source_coordinates(2, 4) == (-0.25, 0.25, 0.75, 1.25)
    assert source_coordinates(5, 3, "align_corners") == (0, 2, 4)
    assert source_coordinates(5, 1, "align_corners") == (0,)


def test_the_floor_of_a_nearest_coordinate_is_the_pixel_that_it_copies():
    assert [int(p) for p in source_coordinates(3, 7, "nearest")] == [0, 0, 0, 1, 1, 2, 2]
    assert [int(p) for p in source_coordinates(3, 7, "nearest-exact")] == [0, 0, 1, 1, 1, 2, 2]


def test_a_scale_factor_sets_the_step_unless_the_corners_do():
    assert source_step(5, 7) == 5 / 7
    assert source_step(5, 7, scale_factor=1.5) == 1 / 1.5
    assert source_step(5, 7, "align_corners", scale_factor=1.5) == 4 / 6
    assert source_coordinate(2, 4, 8, scale_factor=2) == source_coordinates(4, 8)[2] == 0.75


@pytest.mark.parametrize("convention", ["half-pixel", "align_corners", "nearest-exact"])
def test_turned_round_the_axis_is_sampled_at_the_same_places(convention):
    for size, out in itertools.product(range(1, 9), range(2, 12)):
        shown = source_coordinates(size, out, convention)
        end = size if convention == "nearest-exact" else size - 1
        assert [end - place for place in reversed(shown)] == pytest.approx(shown)


def test_nearest_alone_is_not_symmetric():
    shown = source_coordinates(4, 8, "nearest")
    assert [4 - place for place in reversed(shown)] == pytest.approx([place + 0.5 for place in shown])


def test_interpolating_the_ramp_reads_off_the_coordinates():
    ramp = torch.arange(9.0, dtype=torch.float64)[None, None]
    for out, corners in itertools.product(range(2, 30), (False, True)):
        shown = source_coordinates(9, out, "align_corners" if corners else "half-pixel")
        y = F.interpolate(ramp, size=out, mode="linear", align_corners=corners)
        assert [min(max(place, 0), 8) for place in shown] == pytest.approx(y[0, 0].tolist())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: source_coordinates(0, 4), "size=0 must be at least 1"),
        (lambda: source_coordinates(4, 0), "output_size=0 must be at least 1"),
        (
            lambda: source_coordinates(4, 4, "corners"),
            "convention='corners' must be one of nearest, nearest-exact, half",
        ),
        (lambda: source_coordinates(4, 4, scale_factor=0), "scale_factor=0 must be above 0"),
        (lambda: adaptive_bins(0, 4), "size=0 must be at least 1"),
        (lambda: adaptive_bins(4, -1), "output_size=-1 must be at least 0"),
    ],
)
def test_coordinates_and_bins_name_what_is_out_of_range(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_in_torch_s_order_the_phase_runs_fastest_and_in_tensorflow_s_the_output_channel():
    assert [phase_of_channel(k, 2, 2) for k in (0, 1, 2, 3, 4)] == [
        (0, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 1),
        (1, 0, 0),
    ]
    assert [phase_of_channel(k, 2, 2, "DCR") for k in (0, 1, 2, 7)] == [(0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 1, 1)]


@pytest.mark.parametrize(("upscale_factor", "channels"), [(1, 3), (2, 1), (2, 3), (3, 2)])
def test_a_channel_goes_where_torch_puts_it(upscale_factor, channels):
    count = channels * upscale_factor**2
    shuffled = F.pixel_shuffle(torch.arange(count).reshape(count, 1, 1), upscale_factor)
    assert [phase_of_channel(k, upscale_factor, channels) for k in range(count)] == [
        tuple((shuffled == k).nonzero()[0].tolist()) for k in range(count)
    ]


def test_a_channel_out_of_range_and_an_unknown_order_are_refused():
    with pytest.raises(ValueError, match="channel=4 must be between 0 and 3"):
        phase_of_channel(4, 2)
    with pytest.raises(ValueError, match="mode='NCHW' must be 'CRD' or 'DCR'"):
        phase_of_channel(0, 2, mode="NCHW")
