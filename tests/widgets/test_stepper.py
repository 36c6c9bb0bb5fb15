from __future__ import annotations

import pytest
import torch

from course_lib.widgets import pooling_stepper

X = torch.tensor([[3, 7, 1, 0], [1, 2, 5, 8], [0, 4, 6, 2], [9, 1, 3, 3]])
MAX = torch.tensor([[7, 8], [9, 6]])


def controls(widget):
    return {control.description: control for control in widget.children[0].children if hasattr(control, "description")}


def test_the_slider_steps_through_the_outputs():
    widget = pooling_stepper(X, MAX)
    step = controls(widget)["step"]
    assert (step.min, step.max) == (1, 4)
    lines = []
    for step.value in range(1, 5):
        lines.append(widget.alt)
    assert lines == [
        "Step 1 of 4: output[0, 0] = max(3, 7, 1, 2) = 7.",
        "Step 2 of 4: output[0, 1] = max(1, 0, 5, 8) = 8.",
        "Step 3 of 4: output[1, 0] = max(0, 4, 9, 1) = 9.",
        "Step 4 of 4: output[1, 1] = max(6, 2, 3, 3) = 6.",
    ]


def test_previous_and_next_move_one_step_and_stop_at_the_ends():
    named = controls(pooling_stepper(X, MAX))
    named["previous"].click()
    assert named["step"].value == 1
    for _ in range(5):
        named["next"].click()
    assert named["step"].value == 4


def test_play_covers_every_step():
    play = controls(pooling_stepper(X, MAX))["play"]
    assert (play.min, play.max) == (1, 4)


def test_yours_may_be_a_function_that_is_called_once():
    calls = []

    def max_pool(x):
        calls.append(x)
        return torch.zeros(2, 2)

    widget = pooling_stepper(X, MAX, yours=max_pool)
    alone = pooling_stepper(X, MAX)
    controls(widget)["step"].value = 3
    assert len(calls) == 1
    assert widget.image.value != alone.image.value


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (NotImplementedError(), "max_pool is not written yet, so you see the target alone."),
        (KeyError("k"), "max_pool raised KeyError: 'k'. You see the target alone."),
    ],
)
def test_a_function_that_raises_leaves_a_note_and_the_target(error, note):
    def max_pool(x):
        raise error

    widget = pooling_stepper(X, MAX, yours=max_pool)
    assert widget.children[0].children[-1].value == note
    assert widget.alt.endswith("= 7.")


def test_a_function_that_returns_nothing_leaves_a_note():
    widget = pooling_stepper(X, MAX, yours=lambda x: None)
    note = "yours raised TypeError: it returned NoneType, not a tensor. You see the target alone."
    assert widget.children[0].children[-1].value == note


def test_a_signal_has_one_axis():
    widget = pooling_stepper(torch.tensor([1.0, 5, 2, 4]), torch.tensor([5.0, 4]))
    assert widget.alt == "Step 1 of 2: output[0] = max(1, 5) = 5."
