"""Hidden cases: the same numbers on every machine."""

from __future__ import annotations

import torch

from course_lib.checking.draw import Draw


def test_the_first_draws_of_a_seed() -> None:
    draw = Draw("down and up")
    assert [draw.integer(1, 6) for _ in range(8)] == [4, 6, 4, 5, 6, 3, 3, 2]
    assert [draw.choice("abc") for _ in range(5)] == list("cabbb")
    assert draw.distinct(2, 3).tolist() == [[2, -2, 1], [-1, 0, -3]]
    assert draw.bytes(4).tolist() == [125, 249, 218, 62]
    assert draw.normal(3, dtype=torch.float64).tolist() == [-0.413, 0.386, -0.775]


def test_another_seed_draws_other_numbers() -> None:
    assert [Draw("a").integer(1, 1000) for _ in range(3)] != [Draw("b").integer(1, 1000) for _ in range(3)]


def test_distinct_holds_each_whole_number_around_zero_once() -> None:
    assert sorted(Draw("a").distinct(2, 3).flatten().tolist()) == [-3, -2, -1, 0, 1, 2]


def test_negative_is_below_zero_everywhere() -> None:
    drawn = Draw("a").negative(2, 3)
    assert sorted(drawn.flatten().tolist()) == [-10, -9, -8, -7, -6, -5]


def test_bytes_are_what_a_picture_has() -> None:
    drawn = Draw("a").bytes(40, 40)
    assert drawn.dtype is torch.uint8
    assert (int(drawn.min()), int(drawn.max())) == (1, 255)


def test_a_dtype_is_kept_and_an_empty_shape_is_fine() -> None:
    assert Draw("a").distinct(3, dtype=torch.int16).dtype is torch.int16
    assert Draw("a").distinct(0, 2).shape == (0, 2)
