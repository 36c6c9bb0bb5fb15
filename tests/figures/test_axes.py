from __future__ import annotations

import pytest

from course_lib.figures import window_coverage


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
        "On an axis of size 7, kernel_size 2 and stride 3 give output size 2. No window reads positions 2, 5 and 6."
    )


def test_each_dot_is_a_position_that_a_window_reads(texts):
    (axes,) = window_coverage(7, kernel_size=3, stride=2, padding=1, dilation=2).axes
    (dots,) = (c for c in axes.collections if len(c.get_offsets()) > 1)
    assert [int(x) for x, _ in dots.get_offsets() - 0.5] == [-1, 1, 3, 1, 3, 5, 3, 5, 7]


def test_a_window_that_does_not_fit_is_the_error_of_geometry():
    with pytest.raises(ValueError, match="no window fits"):
        window_coverage(2, kernel_size=3)
