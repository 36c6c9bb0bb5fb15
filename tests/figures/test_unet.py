from __future__ import annotations

import pytest
import torch

from course_lib.figures import unet_flow, unet_sizes
from course_lib.figures.unet import ledger


def test_an_odd_size_loses_a_row_at_every_level() -> None:
    down, steps = ledger(15, 8, depth=3, align="pad")
    assert down == [(15, 8), (7, 4), (3, 2), (1, 1)]
    assert [(step.below, step.skip, step.out) for step in steps] == [
        ((2, 2), (3, 2), (3, 2)),
        ((6, 4), (7, 4), (7, 4)),
        ((14, 8), (15, 8), (15, 8)),
    ]


def test_cropping_makes_the_output_smaller() -> None:
    assert ledger(15, 8, depth=3, align="crop")[1][-1].out == (8, 8)


def test_without_either_the_way_up_ends_at_the_first_misfit() -> None:
    _, steps = ledger(10, 8, depth=2, align="none")
    assert [(step.below, step.out) for step in steps] == [((4, 4), None)]


def test_what_the_picture_says(texts) -> None:
    shown = texts(unet_sizes(10, 8, depth=2))
    assert {"6 × 10 × 8", "12 × 5 × 4", "24 × 2 × 2", "4 × 4 arrives"} <= set(shown)
    assert unet_sizes(8, 8, depth=2).alt == (
        "A U-Net on 8 × 8: down to 4 × 4, 2 × 2, up to 4 × 4, 8 × 8. Every map from below is as large as its skip."
    )
    assert unet_sizes(10, 8, depth=2, align="none").alt.endswith("up to nothing. torch.cat raises: 4 × 4 beside 5 × 4.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((7, 8, 3, "pad"), "height=7 and width=8 must be at least 8, 2 for each of depth=3"),
        ((8, 8, 0, "pad"), "depth=0"),
        ((8, 8, 1, "stretch"), "align='stretch' must be one of 'pad', 'crop', 'none'"),
    ],
)
def test_what_cannot_be_built(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        unet_sizes(*arguments)


def test_the_maps_stand_in_the_order_of_the_network() -> None:
    down, bottom, up = [torch.rand(8, 6), torch.rand(4, 3)], torch.rand(2, 1), [torch.rand(4, 3), torch.rand(8, 6)]
    picture = unet_flow(down, bottom, up, "scene 0")
    assert picture.alt == "The maps of a U-Net: down 8 × 6, 4 × 3, bottom 2 × 1, up 4 × 3, 8 × 6."
    [axes] = picture.axes
    shapes = [image.get_array().shape for image in axes.images]
    assert shapes == [(8, 6), (4, 3), (2, 1), (4, 3), (8, 6)]
    tops = [image.get_extent()[3] for image in axes.images]
    assert tops[0] == tops[4] < tops[1] == tops[3] < tops[2]


def test_both_arms_are_equally_long() -> None:
    with pytest.raises(ValueError, match="not 1 and 0"):
        unet_flow([torch.zeros(2, 2)], torch.zeros(1, 1), [])
