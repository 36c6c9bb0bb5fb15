from __future__ import annotations

import numpy as np
import pytest
import torch

from course_lib.figures import images
from course_lib.samples import chelsea


def test_sizes_stand_in_the_titles(texts):
    cat = chelsea()
    assert texts(images(cat, cat[:, ::2, ::2], titles=["cat", "half"])) == ["cat", "300 × 451", "half", "150 × 226"]


def test_a_small_picture_is_shown_as_large_as_a_large_one():
    large, small = images(torch.zeros(40, 60), torch.zeros(4, 6)).axes
    np.testing.assert_allclose(large.get_position().size, small.get_position().size)


def test_one_sample_is_one_block_of_equal_pixels(pixels):
    picture = images(torch.tensor([[0.0, 0.2], [0.4, 0.6]]))
    shown = {tuple(pixel) for pixel in pixels(picture)[-300:-100, 100:300].reshape(-1, 3)}
    assert shown == {(level, level, level) for level in (0, 51, 102, 153)}


def test_uint8_and_float_show_the_same_grey(pixels):
    byte = torch.full((1, 4, 4), 128, dtype=torch.uint8)
    assert (pixels(images(byte)) == pixels(images(byte / 255))).all()


def test_values_outside_the_range_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match="values go from 0 to 255; scale it first"):
        images(chelsea().float()[:, :100] * 0 + torch.tensor([0.0, 255.0]).repeat(451)[:451])


def test_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"a shape is \(1, 3, 4, 4\); pick one of a batch, as in x\[0\]"):
        images(torch.zeros(1, 3, 4, 4))
