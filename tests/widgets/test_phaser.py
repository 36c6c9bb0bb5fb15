from __future__ import annotations

import torch

from course_lib.widgets import artifact_explorer, shuffle_explorer


def test_the_channel_and_the_order_can_be_chosen():
    widget = shuffle_explorer(channel=5)
    factor, channels, order, follow = widget.children[0].children
    assert widget.alt.endswith("Channel 5 goes to output channel 1, row 0 and column 1 of every block.")
    order.value = "DCR"
    assert widget.alt.endswith("Channel 5 goes to output channel 1, row 1 and column 0 of every block.")
    follow.value = 6
    assert widget.alt.endswith("Channel 6 goes to output channel 0, row 1 and column 1 of every block.")
    channels.value = 3
    assert (follow.max, follow.value) == (11, 6)
    factor.value = 3
    assert widget.alt.startswith("27 input channels become three.")


def test_a_channel_that_vanishes_gives_way_to_the_last():
    widget = shuffle_explorer(channel=7)
    factor, *_, follow = widget.children[0].children
    factor.value = 1
    assert follow.value == 1
    assert widget.alt.endswith("Channel 1 goes to output channel 1, row 0 and column 0 of every block.")


def test_each_upsampler_and_seed_has_its_picture():
    images = {"a": torch.zeros(2, 4, 4), "b": torch.ones(2, 4, 4)}
    energies = {"a": torch.ones(2, 2, 2), "b": torch.arange(8.0).reshape(2, 2, 2)}
    widget = artifact_explorer(images, energies, {"a": [0.0, 0.0], "b": [0.5, 0.25]}, upsampler="b")
    choice, seed = widget.children[0].children
    assert widget.alt == "The picture of b. Its phases have the energies 0, 1, 2, 3; their unevenness is 0.5."
    seed.value = 1
    assert widget.alt == "The picture of b. Its phases have the energies 4, 5, 6, 7; their unevenness is 0.25."
    choice.value = "a"
    assert widget.alt.startswith("The picture of a.")
