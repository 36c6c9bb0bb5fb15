from __future__ import annotations

import pytest

from course_lib.figures import window_coverage, window_coverage_2d, window_views


def test_five_positions_and_a_kernel_of_two_leave_the_last_one_unread(texts):
    shown = texts(window_coverage(5, kernel_size=2))
    assert "output size = ⌊(5 + 2·0 − 1·(2 − 1) − 1) / 2⌋ + 1 = 2" in shown
    assert "No window reads position 4." in shown
    assert shown.count("✗") == 1
    assert [label for label in shown if label.startswith("output ") and "=" not in label] == [
        "output 0",
        "output 1",
    ]


def test_with_ceil_mode_a_third_window_reads_it(texts):
    shown = texts(window_coverage(5, kernel_size=2, ceil_mode=True))
    assert "output size = ⌈(5 + 2·0 − 1·(2 − 1) − 1) / 2⌉ + 1 = 3" in shown
    assert "Every position is read." in shown
    assert "✗" not in shown


def test_a_window_that_ceil_mode_drops_is_named(texts):
    shown = texts(window_coverage(5, kernel_size=2, padding=1, ceil_mode=True))
    assert "⌈(5 + 2·1 − 1·(2 − 1) − 1) / 2⌉ + 1 = 4" in shown
    assert "One window is dropped, because it would begin in the right padding: output size = 3" in shown


def test_a_stride_beyond_the_kernel_skips_positions():
    picture = window_coverage(7, kernel_size=2, stride=3)
    assert picture.alt == (
        "An axis of size 7 with 2 windows (kernel_size 2, stride 3). No window reads positions 2, 5 and 6."
    )


def test_each_dot_is_a_position_that_a_window_reads(texts):
    (axes,) = window_coverage(7, kernel_size=3, stride=2, padding=1, dilation=2).axes
    (dots,) = (c for c in axes.collections if len(c.get_offsets()) > 1)
    assert [int(x) for x, _ in dots.get_offsets() - 0.5] == [-1, 1, 3, 1, 3, 5, 3, 5, 7]


def test_a_map_names_its_unread_rows_and_columns(texts):
    shown = texts(window_coverage_2d((5, 7), kernel_size=2))
    assert "A map of 5 × 7 is pooled to 2 × 3." in shown
    assert "No window reads row 4." in shown
    assert "No window reads column 6." in shown


def test_a_map_crosses_out_the_cells_of_its_unread_rows_and_columns():
    (axes,) = window_coverage_2d((3, 4), kernel_size=2, stride=(1, 3)).axes
    (crosses,) = (c for c in axes.collections if len(c.get_offsets()) > 1)
    assert {(int(y), int(x)) for x, y in crosses.get_offsets()} == {(r, c) for r in range(3) for c in (2, 3)}


def test_each_axis_may_have_its_own_arguments(texts):
    shown = texts(window_coverage_2d(6, kernel_size=(2, 3), stride=(2, 1), padding=(0, 1)))
    assert "A map of 6 × 6 is pooled to 3 × 6." in shown


def test_both_views_on_one_sheet(texts):
    picture = window_views(7, kernel_size=2)
    assert len(picture.axes) == 2
    assert "A map of 7 × 7 is pooled to 3 × 3." in texts(picture)
    assert picture.alt.endswith("No window reads position 6.")


def test_a_window_that_does_not_fit_is_the_error_of_geometry():
    with pytest.raises(ValueError, match="no window fits"):
        window_coverage(2, kernel_size=3)
