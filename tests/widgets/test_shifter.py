from __future__ import annotations

import torch

from course_lib.widgets import shift_slider

INPUTS = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0]])


def test_the_slider_moves_the_input():
    widget = shift_slider(INPUTS, {"every second": INPUTS[:, ::2]}, {"every second": [0.5, 0]}, "mean")
    slider, play = widget.children[0].children
    assert (slider.description, slider.min, slider.max, play.max) == ("shift", 0, 1, 1)
    assert widget.alt.startswith("Shift 0. The mean of every second is 0.5,")
    slider.value = 1
    assert widget.alt.startswith("Shift 1. The mean of every second is 0,")
