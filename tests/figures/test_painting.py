from __future__ import annotations

import pytest
import torch

from course_lib.figures import paint_step

X = [[2, 3]]
# A kernel of two ones: side by side, and with an overlap of one position.
APART = torch.tensor([[[[2, 2, 0, 0]], [[0, 0, 3, 3]]]])
TOGETHER = torch.tensor([[[[2, 2, 0]], [[0, 3, 3]]]])


@pytest.mark.parametrize(
    ("strokes", "index", "alt"),
    [
        (APART, 0, "Step 1 of 2: x[0, 0] = 2 paints on 2 positions, none of which has been painted before."),
        (APART, 1, "Step 2 of 2: x[0, 1] = 3 paints on 2 positions, none of which has been painted before."),
        (TOGETHER, 1, "Step 2 of 2: x[0, 1] = 3 paints on 2 positions, 1 of which has been painted before."),
        (
            torch.ones(1, 2, 2, 2),
            1,
            "Step 2 of 2: x[0, 1] = 3 paints on 4 positions, 4 of which have been painted before.",
        ),
    ],
)
def test_the_line_says_how_much_lies_on_other_strokes(strokes, index, alt, texts):
    picture = paint_step(X, strokes, index)
    assert picture.alt == alt
    assert alt in texts(picture)


def test_strokes_add_up_and_are_counted():
    _, painted, counts = paint_step(X, TOGETHER, 1).axes
    assert [text.get_text() for text in painted.texts] == ["2", "5", "3"]
    assert [text.get_text() for text in counts.texts] == ["1", "2", "1"]


def test_what_nothing_is_painted_on_stays_empty():
    _, painted, counts = paint_step(X, APART, 0).axes
    assert [text.get_text() for text in painted.texts] == ["2", "2"]
    assert [text.get_text() for text in counts.texts] == ["1", "1", "0", "0"]


def test_strokes_of_another_shape_are_refused():
    with pytest.raises(
        ValueError, match=r"strokes must have the shape \(1, 2\) \+ \(H_out, W_out\), but have \(2, 2\)"
    ):
        paint_step(X, [[1, 2], [3, 4]], 0)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_step_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match=f"index={index} must be between 0 and 1"):
        paint_step(X, APART, index)
