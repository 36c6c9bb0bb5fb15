from __future__ import annotations

import pytest
import torch

from course_lib.figures import pooling_step

X = [[3, 7, 1, 0], [1, 2, 5, 8], [0, 4, 6, 2], [9, 1, 3, 3]]
MAX = [[7, 8], [9, 6]]


@pytest.mark.parametrize(
    ("index", "line"),
    [
        (0, "Step 1 of 4: output[0, 0] = max(3, 7, 1, 2) = 7."),
        (1, "Step 2 of 4: output[0, 1] = max(1, 0, 5, 8) = 8."),
        (3, "Step 4 of 4: output[1, 1] = max(6, 2, 3, 3) = 6."),
    ],
)
def test_the_line_of_arithmetic_follows_the_window(index, line, texts):
    picture = pooling_step(X, MAX, index)
    assert picture.alt == line
    assert line in texts(picture)


def test_outputs_still_to_come_are_blank(texts):
    _, output = pooling_step(X, MAX, 1).axes
    assert [text.get_text() for text in output.texts] == ["7", "8"]


def test_max_pads_with_minus_infinity_and_says_so():
    picture = pooling_step(X, MAX, 0, kernel_size=3, stride=2, padding=1)
    assert picture.alt == "Step 1 of 4: output[0, 0] = max(−∞, −∞, −∞, −∞, 3, 7, −∞, 1, 2) = 7."


def test_an_average_counts_the_padding_or_leaves_it_out():
    counted = pooling_step(X, [[13 / 9, 0], [0, 0]], 0, 3, 2, 1, mode="avg")
    left_out = pooling_step(X, [[3.25, 0], [0, 0]], 0, 3, 2, 1, mode="avg", count_include_pad=False)
    assert counted.alt == "Step 1 of 4: output[0, 0] = mean(0, 0, 0, 0, 3, 7, 0, 1, 2) ≈ 1.44."
    assert left_out.alt == "Step 1 of 4: output[0, 0] = mean(3, 7, 1, 2) = 3.25."


def test_a_window_over_the_edge_reads_only_what_is_there():
    assert pooling_step([1, 5, 2], [5, 2], 1).alt == "Step 2 of 2: output[1] = max(2) = 2."


def test_dilation_skips_the_cells_between():
    assert pooling_step(X, [[6]], 0, kernel_size=2, dilation=2).alt.endswith("max(3, 1, 0, 6) = 6.")


def test_yours_is_compared_so_far_and_wrong_cells_are_crossed_out(texts):
    yours = torch.tensor([[7, 8], [2, 2]])
    assert "yours (2, 2): ✓ so far" in texts(pooling_step(X, MAX, 1, yours=yours))
    shown = texts(pooling_step(X, MAX, 3, yours=yours))
    assert "yours (2, 2): 2 of 4 differ" in shown
    assert shown.count("✗") == 2
    assert "target (2, 2)" in shown


def test_yours_of_another_shape_is_shown_whole(texts):
    assert "yours (1, 2): the shape differs" in texts(pooling_step(X, MAX, 0, yours=[[7, 8]]))


@pytest.mark.parametrize("index", [-1, 4])
def test_an_index_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match=f"index={index} must be between 0 and 3"):
        pooling_step(X, MAX, index)


def test_a_mode_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="mode='sum' must be one of max, min, avg"):
        pooling_step(X, MAX, 0, mode="sum")
