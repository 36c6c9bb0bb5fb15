from __future__ import annotations

import torch

from course_lib.widgets import flow_chooser, unet_explorer


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_every_control_changes_the_picture_and_its_sentence() -> None:
    widget = unet_explorer(15, 8, 3)
    assert list(controls(widget)) == ["height", "width", "depth", "misfits"]
    assert "2 × 2 beside 3 × 2, 6 × 4 beside 7 × 4, 14 × 8 beside 15 × 8" in widget.alt
    controls(widget)["height"].value = 16
    assert widget.alt.endswith("Every map from below is as large as its skip.")
    controls(widget)["width"].value = 9
    controls(widget)["misfits"].value = "none"
    assert widget.alt.endswith("torch.cat raises: 16 × 8 beside 16 × 9.")
    controls(widget)["depth"].value = 1
    assert widget.alt.startswith("A U-Net on 16 × 9: down to 8 × 4,")


def test_a_picture_that_is_too_small_is_said_to_be() -> None:
    widget = unet_explorer(4, 4, 2)
    controls(widget)["depth"].value = 3
    assert widget.alt == (
        "This network cannot be built: height=4 and width=4 must be at least 8, 2 for each of depth=3."
    )


def test_a_flow_is_chosen_by_its_name() -> None:
    flows = {name: ([torch.rand(4, 4)], torch.rand(2, 2), [torch.rand(4, 4)]) for name in ("one", "two")}
    widget = flow_chooser(flows, kind="flow of")
    before = widget.image.value
    controls(widget)["flow of"].value = "two"
    assert widget.image.value != before
