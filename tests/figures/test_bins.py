from __future__ import annotations

import numpy as np
import pytest

from course_lib.figures import bin_views, picture_bins


def test_five_positions_in_two_bins_share_the_middle_one(texts):
    picture = bin_views(5, 2)
    shown = texts(picture)
    assert "bin i reads from ⌊i · 5 / 2⌋ up to, not including, ⌈(i + 1) · 5 / 2⌉" in shown
    assert "Several bins read position 2." in shown
    assert [label for label in shown if label.startswith("bin ") and "reads" not in label] == ["bin 0", "bin 1"]
    assert picture.alt == "Adaptive bins, 2 over 5 positions: 0…2, 2…4. Several bins read position 2."


def test_sizes_that_divide_share_nothing(texts):
    assert "The bins lie side by side: every position is read by one of them." in texts(bin_views(6, 3))


def test_several_shared_positions_are_listed():
    assert bin_views(7, 4).alt.endswith("0…1, 1…3, 3…5, 5…6. Several bins read positions 1, 3 and 5.")


def test_more_bins_than_positions():
    assert bin_views(1, 3).alt == "Adaptive bins, 3 over 1 position: 0, 0, 0. Several bins read position 0."


def test_each_dot_is_a_position_that_a_bin_reads():
    axis, _ = bin_views(3, 5).axes
    (dots,) = (c for c in axis.collections if len(c.get_offsets()) > 1)
    assert [int(x) for x, _ in dots.get_offsets() - 0.5] == [0, 0, 1, 1, 1, 2, 2]


def test_the_map_tells_how_many_bins_read_each_value():
    _, grid = bin_views(5, 2).axes
    numbers = {c.get_paths()[0].vertices.tobytes(): len(c.get_offsets()) for c in grid.collections}
    # Once in the corners, twice on the shared row and column, four times where these cross.
    assert list(numbers.values()) == [16, 8, 1]


def test_a_size_of_zero_is_the_error_of_geometry():
    with pytest.raises(ValueError, match="size=0 must be at least 1"):
        bin_views(0, 2)


def test_a_picture_with_the_frames_of_each_level(texts):
    picture = picture_bins(np.zeros((3, 6, 9)), 4, 2, 1)
    assert texts(picture) == ["4 × 4", "2 × 2", "1 × 1"]
    frames = [len(axes.collections[0].get_segments()) for axes in picture.axes]
    assert frames == [16, 4, 1]
    assert picture.alt == "A picture of 6 × 9 with the frames of its adaptive bins: 4 × 4; 2 × 2; 1 × 1."


def test_titles_take_the_place_of_the_sizes(texts):
    assert texts(picture_bins(np.zeros((4, 4)), 2, 1, titles=["fine", "coarse"])) == ["fine", "coarse"]
