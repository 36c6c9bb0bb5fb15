from __future__ import annotations

import torch

from course_lib.widgets import pixel_ruler, ramp_explorer


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_both_sliders_and_the_choice_change_the_rulers():
    widget = pixel_ruler(size=8, output_size=4)
    assert widget.alt.startswith("From 8 pixels to 4. nearest: 0, 2, 4, 6. nearest-exact: 1, 3, 5, 7.")
    before = widget.image.value
    controls(widget)["output_size"].value = 2
    assert widget.alt.startswith("From 8 pixels to 2. nearest: 0, 4.")
    controls(widget)["show"].value = "align_corners"
    assert widget.alt == "From 8 pixels to 2. align_corners: 0, 7."
    assert widget.image.value != before


def test_a_start_beyond_the_usual_range_widens_the_slider():
    assert controls(pixel_ruler(size=16))["size"].value == 16


def test_the_ramp_is_measured_by_the_function_that_is_given():
    asked = []

    def measure(encoder, size, align_corners):
        asked.append((encoder, size, align_corners))
        return torch.arange(size // 2) * 2, torch.full((size,), -0.5)

    widget = ramp_explorer(measure, ["average", "convolution"], size=16)
    assert widget.alt.endswith("In the middle half the error is −0.5 pixels.")
    controls(widget)["align_corners"].value = True
    controls(widget)["size"].value = 17
    controls(widget)["encoder"].value = "convolution"
    assert asked[0] == ("average", 16, False)
    assert asked[-1] == ("convolution", 17, True)
