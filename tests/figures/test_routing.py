from __future__ import annotations

import pytest
import torch

from course_lib.figures import gradient_step

X = [[3, 7, 1], [1, 2, 5]]
SENT = [[10, 20]]
# Windows of 2 × 2 with stride 1: the 7 wins in both.
MAX = torch.zeros(1, 2, 2, 3)
MAX[0, :, 0, 1] = 1
MEAN = torch.zeros(1, 2, 2, 3)
MEAN[0, 0, :, :2] = MEAN[0, 1, :, 1:] = 0.25


@pytest.mark.parametrize(
    ("shares", "index", "alt"),
    [
        (MAX, 0, "Step 1 of 2: grad_output[0, 0] = 10. All of it goes to x[0, 1]."),
        (MAX, 1, "Step 2 of 2: grad_output[0, 1] = 20. All of it goes to x[0, 1]."),
        (MEAN, 1, "Step 2 of 2: grad_output[0, 1] = 20. Each of 4 inputs gets 5."),
        (MAX * 0, 0, "Step 1 of 2: grad_output[0, 0] = 10. It goes nowhere."),
        (
            MEAN * torch.arange(3),
            1,
            "Step 2 of 2: grad_output[0, 1] = 20. It is spread over 4 inputs, each with a share of its own.",
        ),
    ],
)
def test_the_line_says_who_gets_the_gradient(shares, index, alt, texts):
    picture = gradient_step(X, SENT, shares, index, kernel_size=2, stride=1)
    assert picture.alt == alt
    assert alt in texts(picture)


@pytest.mark.parametrize(("index", "arrived"), [(0, ["0", "10", "0"]), (1, ["0", "30", "0"])])
def test_what_has_arrived_adds_up(index, arrived):
    *_, panel = gradient_step(X, SENT, MAX, index, kernel_size=2, stride=1).axes
    assert [text.get_text() for text in panel.texts][:3] == arrived


def test_shares_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shares must have the shape \(1, 2, 2, 3\), but has \(2, 3\)"):
        gradient_step(X, SENT, [[1, 2, 3], [4, 5, 6]], 0)


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match=f"index={index} must be between 0 and 1"):
        gradient_step(X, SENT, MAX, index)
