from __future__ import annotations

import pytest
import torch

from course_lib.widgets import field_explorer

STACKS = {"pools": [(2, 2, 0), (2, 2, 0)], "wide": [(3, 1, 1)], "dilated": [(3, 1, 0, 2)]}
calls: list[tuple] = []


def law(layers):
    size, jump, centre = 1, 1, 0.0
    for kernel_size, stride, padding, *dilation in layers:
        reach = (dilation or [1])[0] * (kernel_size - 1)
        size, centre, jump = size + reach * jump, centre + (reach / 2 - padding) * jump, jump * stride
    return size, jump, centre


def gradient(layers, size, index, random):
    calls.append((list(layers), size, index, random))
    field, jump, centre = law(layers)
    first = round(centre - (field - 1) / 2) + index * jump
    return torch.tensor([float(first <= place < first + field) for place in range(size)])


@pytest.fixture
def widget():
    calls.clear()
    return field_explorer(law, gradient, STACKS, size=16)


def controls(widget):
    return {control.description: control for control in widget.children[0].children}


def test_it_begins_with_the_first_stack_and_the_output_in_the_middle(widget):
    named = controls(widget)
    assert named["layers"].value == "[(2, 2, 0), (2, 2, 0)]"
    assert (named["output"].value, named["output"].max) == (2, 3)
    assert widget.alt.startswith(
        "By the law, output 2 has a field of 4, positions 8 to 11; the next one lies 4 further."
    )
    assert calls[-1] == ([(2, 2, 0), (2, 2, 0)], 16, 2, False)


def test_the_output_moves_the_field_by_its_jump(widget):
    controls(widget)["output"].value = 3
    assert "positions 12 to 15" in widget.alt


def test_another_stack_is_chosen(widget):
    named = controls(widget)
    named["stack"].value = "dilated"
    assert named["layers"].value == "[(3, 1, 0, 2)]"
    assert named["output"].max == 11
    assert "has a field of 5" in widget.alt


def test_a_stack_is_edited_by_hand_and_by_buttons(widget):
    named = controls(widget)
    named["layers"].value = "[(3, 1, 1)]"
    assert "has a field of 3" in widget.alt
    named["add (3, 2, 1)"].click()
    named["add (2, 2, 0)"].click()
    assert named["layers"].value == "[(3, 1, 1), (3, 2, 1), (2, 2, 0)]"
    assert "has a field of 7" in widget.alt
    assert named["stack"].value is None
    named["stack"].value = "pools"
    assert named["layers"].value == "[(2, 2, 0), (2, 2, 0)]"
    named["layers"].value = "[(3, 1, 1), (3, 2, 1), (2, 2, 0)]"
    named["remove the last"].click()
    named["remove the last"].click()
    assert named["layers"].value == "[(3, 1, 1)]"


def test_random_weights_are_asked_for(widget):
    controls(widget)["weights"].value = True
    assert calls[-1][3] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[(3, 1, 1", "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)]."),
        ("[(3, 1)]", "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)]."),
        ("[(3.0, 1, 1)]", "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)]."),
        ("7", "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)]."),
        (
            "[(1, 1, 0)] + [(1, 1, 0)]",
            "Write a list of layers, each with 3 or 4 whole numbers: [(3, 1, 1), (2, 2, 0)].",
        ),
        (str([(1, 1, 0)] * 9), "The picture has room for 8 layers, but there are 9."),
        ("[(3, 0, 1)]", "This stack cannot be drawn: stride=0 must be at least 1."),
    ],
)
def test_what_cannot_be_drawn_is_answered_by_a_sentence(widget, text, sentence):
    controls(widget)["layers"].value = text
    assert widget.alt == sentence


def test_after_what_cannot_be_drawn_the_next_stack_is(widget):
    controls(widget)["layers"].value = "[(3, 1)]"
    controls(widget)["layers"].value = "[(3, 1, 1)]"
    assert "has a field of 3" in widget.alt


def test_no_layer_is_a_stack_too(widget):
    controls(widget)["layers"].value = "[]"
    assert widget.alt.startswith(
        "By the law, output 8 has a field of 1, positions 8 to 8; the next one lies 1 further."
    )


def test_a_law_that_is_not_written_yet_is_waited_for():
    def mine(layers):
        raise NotImplementedError

    assert field_explorer(mine, gradient, STACKS).alt == "The law is not written yet: solve the exercise first."


def test_a_law_that_raises_is_quoted():
    widget = field_explorer(lambda layers: layers[99], gradient, STACKS)
    assert widget.alt == "The law raised IndexError: list index out of range."
