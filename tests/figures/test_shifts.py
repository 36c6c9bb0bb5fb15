from __future__ import annotations

import numpy as np
import pytest

from course_lib.figures import shift_view

INPUTS = [[1, 0, 0, 0], [0, 1, 0, 0]]
OUTPUTS = {"max": [[1, 0], [1, 0]], "every second": [[1, 0], [0, 0]]}
MEANS = {"max": [0.5, 0.5], "every second": [0.5, 0]}


def test_it_says_each_response_and_how_far_it_goes():
    assert shift_view(INPUTS, OUTPUTS, MEANS, 1, "mean").alt == (
        "Shift 1. The mean of max is 0.5, and over all shifts it goes from 0.5 to 0.5. "
        "The mean of every second is 0, and over all shifts it goes from 0 to 0.5."
    )


def test_names_and_responses_stand_beside_their_rows(texts):
    shown = texts(shift_view(INPUTS, OUTPUTS, MEANS, 0, "mean"))
    assert {"input, shift 0", "max", "every second", "mean: 0.5"} <= set(shown)


def test_a_response_may_be_negative_and_one_that_is_zero_throughout_is_drawn():
    assert shift_view(INPUTS, OUTPUTS, {"max": [-1, 0], "every second": [0, 0]}, 0).png()


def test_a_picture_may_move_too(pixels):
    pictures = np.zeros((2, 8, 8))
    pictures[0, 2, 2] = pictures[1, 2, 3] = 1
    first, second = (pixels(shift_view(pictures, OUTPUTS, MEANS, shift)) for shift in (0, 1))
    assert first.shape == second.shape
    assert (first != second).any()


def test_a_shift_out_of_range_is_refused():
    with pytest.raises(ValueError, match="shift=2 must be between 0 and 1"):
        shift_view(INPUTS, OUTPUTS, MEANS, 2)


def test_outputs_and_responses_must_name_the_same():
    with pytest.raises(ValueError, match="must have the same names"):
        shift_view(INPUTS, OUTPUTS, {"max": [1, 1]}, 0)
