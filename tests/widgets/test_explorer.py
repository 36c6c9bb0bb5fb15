from __future__ import annotations

import pytest

from course_lib.widgets import window_explorer


@pytest.fixture
def explorer():
    widget = window_explorer()
    return widget, {control.description: control for control in widget.children[0].children}


def test_there_is_a_labelled_control_for_each_argument(explorer):
    _, controls = explorer
    assert {name: control.value for name, control in controls.items()} == {
        "size": 7,
        "kernel_size": 2,
        "stride": 2,
        "padding": 0,
        "dilation": 1,
        "ceil_mode": False,
    }


def test_every_control_changes_the_picture(explorer):
    widget, controls = explorer
    for name, value in (("size", 9), ("stride", 3), ("padding", 1), ("dilation", 2), ("ceil_mode", True)):
        before = widget.image.value
        controls[name].value = value
        assert widget.image.value != before, name


def test_the_sentence_follows_the_sliders(explorer):
    widget, controls = explorer
    assert widget.alt.endswith("No window reads position 6.")
    controls["ceil_mode"].value = True
    assert widget.alt.endswith("Every position is read.")


def test_too_much_padding_shows_the_rule_of_torch_in_place_of_the_picture(explorer):
    widget, controls = explorer
    controls["padding"].value = 2
    assert widget.alt.startswith("torch refuses padding=2 with kernel_size=2: the padding of a pooling window is")
    controls["padding"].value = 1
    assert widget.alt.startswith("On an axis of size 7, kernel_size 2 and stride 2 give output size 4.")


def test_a_window_that_does_not_fit_is_a_sentence_too(explorer):
    widget, controls = explorer
    controls["size"].value = 1
    assert widget.alt.startswith("torch refuses this: no window fits: it spans 2 positions")


def test_a_start_beyond_the_usual_range_widens_the_slider():
    assert window_explorer(size=16).children[0].children[0].value == 16
