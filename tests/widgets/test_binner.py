from __future__ import annotations

from course_lib.widgets import bin_explorer


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_there_is_a_labelled_slider_for_each_argument():
    assert {name: control.value for name, control in controls(bin_explorer()).items()} == {"size": 5, "output_size": 2}


def test_both_sliders_change_the_picture_and_its_sentence():
    widget = bin_explorer()
    before = widget.image.value
    controls(widget)["size"].value = 6
    assert widget.image.value != before
    assert widget.alt == (
        "Adaptive bins, 2 over 6 positions: 0…2, 3…5. The bins lie side by side: every position is read by one of them."
    )
    controls(widget)["output_size"].value = 4
    assert widget.alt.startswith("Adaptive bins, 4 over 6 positions: 0…1, 1…2, 3…4, 4…5.")


def test_a_start_beyond_the_usual_range_widens_the_slider():
    assert controls(bin_explorer(size=16))["size"].value == 16
