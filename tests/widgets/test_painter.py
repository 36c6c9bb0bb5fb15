from __future__ import annotations

import torch

from course_lib.widgets import kernel_painter

X = torch.tensor([[2, 3]])
APART = torch.tensor([[[[2, 2, 0, 0]], [[0, 0, 3, 3]]]])
TOGETHER = torch.tensor([[[[2, 2, 0]], [[0, 3, 3]]]])


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_the_slider_paints_one_stroke_after_the_other_with_the_chosen_layer():
    widget = kernel_painter(X, {"stride 2": APART, "stride 1": TOGETHER})
    named = controls(widget)
    assert (named["step"].min, named["step"].max, named["play"].max) == (1, 2, 2)
    assert widget.alt.startswith("Step 1 of 2")
    named["step"].value = 2
    assert widget.alt.endswith("none of which has been painted before.")
    named["layer"].value = "stride 1"
    assert widget.alt.endswith("1 of which has been painted before.")


def test_it_may_begin_at_a_later_step():
    assert kernel_painter(X, {"stride 2": APART}, step=2).alt.startswith("Step 2 of 2")
