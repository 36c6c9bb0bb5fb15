from __future__ import annotations

import torch

from course_lib.widgets import gradient_router

X = torch.tensor([[3, 7, 1], [1, 2, 5]])
SENT = torch.tensor([[10, 20]])
MAX = torch.zeros(1, 2, 2, 3)
MAX[0, :, 0, 1] = 1
MEAN = torch.zeros(1, 2, 2, 3)
MEAN[0, 0, :, :2] = MEAN[0, 1, :, 1:] = 0.25


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_the_slider_steps_through_the_outputs_of_the_chosen_operator():
    widget = gradient_router(X, SENT, {"max": MAX, "mean": MEAN}, kernel_size=2, stride=1)
    named = controls(widget)
    assert (named["step"].min, named["step"].max, named["play"].max) == (1, 2, 2)
    assert widget.alt == "Step 1 of 2: grad_output[0, 0] = 10. All of it goes to x[0, 1]."
    named["step"].value = 2
    named["operator"].value = "mean"
    assert widget.alt == "Step 2 of 2: grad_output[0, 1] = 20. Each of 4 inputs gets 5."


def test_it_may_begin_at_a_later_step():
    widget = gradient_router(X, SENT, {"max": MAX}, kernel_size=2, stride=1, step=2)
    assert widget.alt.startswith("Step 2 of 2")
