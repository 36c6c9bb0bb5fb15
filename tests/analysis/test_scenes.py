from __future__ import annotations

import pytest
import torch

from course_lib import samples
from course_lib.analysis.scenes import SIDES, SIZE, make

GREY = [torch.full((1, 64, 48), 0.3)]


def test_a_scene_holds_one_digit_of_each_side_and_its_mask_is_where_the_ink_went() -> None:
    scenes = make(20, GREY, samples.digits()[0], seed=3)
    assert scenes.pictures.shape == scenes.sides.shape == (20, 1, SIZE, SIZE)
    for sides in scenes.sides:
        assert sides.unique().tolist() == [0, *SIDES]
    # The ground is flat, so whatever is brighter than it is ink: more than half of it where the mask is.
    half = (0.5 + 0.95) / 2
    decided = (scenes.pictures - half).abs() > 1e-3
    assert torch.equal(scenes.masks[decided], scenes.pictures[decided] > half)


def test_a_digit_stays_within_its_square_and_digits_do_not_overlap() -> None:
    solid = torch.ones(1, 1, 32, 32)
    scenes = make(20, GREY, solid, seed=4)
    for side in SIDES:
        assert ((scenes.sides == side).flatten(1).sum(1) == side**2).all()


def test_every_texture_is_as_bright_as_the_others_on_average() -> None:
    black = torch.zeros(1, 1, 32, 32)
    bright, dark = (make(3, [torch.rand(1, 60, 60) * 0.2 + add], black, seed=0).pictures for add in (0.8, 0.0))
    torch.testing.assert_close(bright.mean(), torch.tensor(0.5))
    torch.testing.assert_close(dark.mean(), torch.tensor(0.5))


def test_the_seed_decides() -> None:
    digits = samples.digits()[0][:50]
    one, again, other = (make(4, GREY, digits, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.sides, again.sides)
    assert not torch.equal(one.sides, other.sides)


@pytest.mark.parametrize("sides", [[5], [7, 11, 18] * 4])
def test_other_sizes_and_numbers(sides: list[int]) -> None:
    scenes = make(2, [torch.rand(1, 80, 80)], samples.digits()[0], size=80, sides=sides)
    assert scenes.pictures.shape == (2, 1, 80, 80)
    assert scenes.sides[0].unique().tolist() == [0, *sorted(set(sides))]
