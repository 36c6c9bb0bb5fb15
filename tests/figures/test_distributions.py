from __future__ import annotations

import pytest
import torch

from course_lib.figures import histograms


def test_means_are_named_and_marked(texts):
    picture = histograms(torch.tensor([0.0, 1.0]), torch.tensor([[1.0, 1.0]]), titles=["before", "after"])
    assert "before, mean 0.50, std 0.50" in texts(picture)
    assert "after, mean 1.00, std 0.00" in texts(picture)
    assert [axes.lines[0].get_xdata()[0] for axes in picture.axes] == [0.5, 1.0]


def test_each_histogram_has_area_one_on_common_bins():
    first, second = histograms(torch.arange(100.0), torch.arange(10.0) * 5, bins=20).axes
    for axes in (first, second):
        assert sum(bar.get_height() * bar.get_width() for bar in axes.patches) == pytest.approx(1)
    assert [bar.get_x() for bar in first.patches] == [bar.get_x() for bar in second.patches]


def test_a_mean_that_rounds_to_zero_has_no_minus(texts):
    assert "mean 0.00, std 0.00" in texts(histograms(torch.tensor([-0.001, 0.0])))[0]
