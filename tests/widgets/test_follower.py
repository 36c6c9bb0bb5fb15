from __future__ import annotations

import torch

from course_lib.widgets import index_follower

X = torch.tensor([[3, 1, 4], [1, 5, 9], [2, 6, 5]])
Y = torch.tensor([[5, 9], [6, 9]])
INDICES = torch.tensor([[4, 5], [7, 5]])


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_the_slider_follows_one_number_after_the_other_to_a_map_of_the_chosen_size():
    widget = index_follower(X, Y, INDICES, stride=1, output_sizes=[(3, 3), (3, 2)])
    named = controls(widget)
    assert (named["step"].min, named["step"].max, named["play"].max) == (1, 4, 4)
    assert widget.alt == "Step 1 of 4: y[0, 0] = 5 has the index 4 = 1 · 3 + 1: row 1, column 1."
    named["step"].value = 3
    named["size"].value = (3, 2)
    assert widget.alt == "Step 3 of 4: y[1, 0] = 6 has the index 7, but the map has 6 positions only."


def test_without_sizes_the_map_is_as_large_as_before():
    assert controls(index_follower(X, Y, INDICES, stride=1))["size"].options == (("3 × 3", (3, 3)),)
