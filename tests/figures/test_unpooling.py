from __future__ import annotations

import pytest

from course_lib.figures import unpool_step

X = [[3, 1, 4], [1, 5, 9], [2, 6, 5]]
# Windows of 2 × 2 with stride 1: the 5 and the 9 in the upper two, the 6 and the 9 in the lower two.
Y = [[5, 9], [6, 9]]
INDICES = [[4, 5], [7, 5]]


@pytest.mark.parametrize(
    ("index", "size", "alt"),
    [
        (0, None, "Step 1 of 4: y[0, 0] = 5 has the index 4 = 1 · 3 + 1: row 1, column 1."),
        (2, (3, 3), "Step 3 of 4: y[1, 0] = 6 has the index 7 = 2 · 3 + 1: row 2, column 1."),
        (
            1,
            (3, 2),
            "Step 2 of 4: y[0, 1] = 9 has the index 5 = 2 · 2 + 1: row 2, column 1. It came from row 1, column 2.",
        ),
        (2, (3, 2), "Step 3 of 4: y[1, 0] = 6 has the index 7, but the map has 6 positions only."),
    ],
)
def test_the_line_takes_the_index_apart(index, size, alt, texts):
    picture = unpool_step(X, Y, INDICES, index, stride=1, output_size=size)
    assert picture.alt == alt
    assert alt in texts(picture)


@pytest.mark.parametrize(
    ("index", "size", "map_"),
    [
        (1, None, "0 0 0 0 5 9 0 0 0"),
        (3, None, "0 0 0 0 5 9 0 6 0"),  # the 9 arrives twice at one place
        (3, (3, 2), "0 0 0 0 5 9 ✗ ✗"),  # both have gone astray, and the 6 has no place
    ],
)
def test_numbers_lie_where_their_indices_say(index, size, map_):
    *_, panel = unpool_step(X, Y, INDICES, index, stride=1, output_size=size).axes
    assert " ".join(text.get_text() for text in panel.texts) == map_


def test_indices_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"indices must have the shape of y, \(2, 2\), but have \(1, 2\)"):
        unpool_step(X, Y, [[4, 5]], 0)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_step_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match=f"index={index} must be between 0 and 3"):
        unpool_step(X, Y, INDICES, index)
