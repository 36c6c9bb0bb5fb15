from __future__ import annotations

import pytest
import torch

from course_lib.figures import grids


def test_every_number_is_written_once(texts):
    assert sorted(texts(grids(torch.arange(4).reshape(2, 2)))) == ["(2, 2)", "0", "1", "2", "3"]


def test_titles_come_with_the_shape(texts):
    shown = texts(grids(torch.zeros(1, 1, 2, 3), torch.ones(2), titles=["input", "bias"]))
    assert "input (1, 1, 2, 3)" in shown
    assert "bias (2,)" in shown


def test_all_grids_share_one_colour_scale():
    low_high, middle = (axes.collections[0].get_facecolor() for axes in grids([[0, 4]], [[2, 2]]).axes)
    assert not (middle == low_high[0]).all()
    assert not (middle == low_high[1]).all()
    assert (low_high[0] == [1, 1, 1, 1]).all()


def test_infinities_keep_the_scale_of_the_finite_numbers(texts):
    assert "−∞" in texts(grids([[float("-inf"), 1, 2]]))


def test_a_batch_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\); pick one sample and one channel, as in x\[0, 0\]"):
        grids(torch.zeros(2, 3, 4, 4))


def test_a_missing_title_is_refused():
    with pytest.raises(ValueError, match="titles must have an entry for each of the 2 tensors, but has 1"):
        grids([[1]], [[2]], titles=["one"])
