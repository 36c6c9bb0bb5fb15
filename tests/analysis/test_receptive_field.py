"""What an output sees: by the law, by the gradient, and both the same."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from course_lib.analysis.receptive_field import (
    Field,
    Layer,
    conv_stack,
    gradient_field,
    layers_of,
    measured_field,
    reach,
    receptive_field,
)


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([], Field(1, 1, 0.0)),
        ([(3,)], Field(3, 1, 1.0)),
        ([(3, 1, 1)], Field(3, 1, 0.0)),
        ([(2, 2), (2, 2)], Field(4, 4, 1.5)),
        ([(3, 2, 1), (3, 2, 1)], Field(7, 4, 0.0)),
        ([(3, 1, 0, 4)], Field(9, 1, 4.0)),
        # A pooling widens little itself; every layer behind it reaches twice as far.
        ([(3, 1, 1), (2, 2), (3, 1, 1)], Field(8, 2, 0.5)),
        # wav2vec 2.0 (A. Baevski et al., 2020), figure 1 and section 4.2: 25 ms and 20 ms at 16 kHz.
        ([(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)], Field(400, 320, 199.5)),
    ],
)
def test_size_jump_and_centre_typed_out(layers, field):
    assert receptive_field(layers) == field


def test_the_field_of_an_output_is_a_range_of_positions():
    field = receptive_field([(3, 2, 1), (2, 2)])
    assert field == Field(5, 4, 1.0)
    assert [list(field.of(index)) for index in (0, 1)] == [[-1, 0, 1, 2, 3], [3, 4, 5, 6, 7]]


def stacks(count: int) -> list[list[Layer]]:
    rng = random.Random(0)
    return [
        [
            Layer(rng.randint(1, 4), rng.randint(1, 3), rng.randint(0, 3), rng.randint(1, 3))
            for _ in range(rng.randint(1, 4))
        ]
        for _ in range(count)
    ]


def test_the_gradient_of_a_stack_shows_the_same_field():
    seen = 0
    for layers in stacks(30):
        field = receptive_field(layers)
        size = 4 * field.size + 8 * field.jump
        assert measured_field(conv_stack(layers), torch.zeros(1, 1, size)) == (field,), layers
        seen += 1
    assert seen == 30


def test_each_axis_has_its_own_field():
    module = nn.Sequential(nn.Conv2d(2, 3, (3, 5), (1, 2), (1, 0)), nn.ReLU(), nn.AvgPool2d((2, 3), (2, 1)))
    rows, columns = (receptive_field(layers_of(module, axis)) for axis in (0, 1))
    torch.manual_seed(0)
    assert measured_field(module, torch.randn(16, 2, 24, 30)) == (rows, columns)
    assert (rows, columns) == (Field(4, 2, 0.5), Field(9, 2, 4.0))


def test_many_pictures_show_all_that_max_pooling_may_pass_on():
    module = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 3))
    torch.manual_seed(0)
    assert measured_field(module, torch.randn(64, 1, 40)) == (receptive_field(layers_of(module)),)


def test_with_weights_of_one_the_gradient_counts_the_ways():
    two = gradient_field(conv_stack([(3,), (3,)]), torch.zeros(1, 1, 9), [2])
    assert two.tolist() == [0, 0, 1, 2, 3, 2, 1, 0, 0]
    assert reach(two) == (range(2, 7),)


def test_dilation_leaves_holes_inside_the_field():
    holes = gradient_field(conv_stack([(3, 1, 0, 2)]), torch.zeros(1, 1, 7), [1])
    assert holes.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert reach(holes) == (range(1, 6),)


def test_nothing_is_reached_where_the_output_sees_only_padding():
    assert reach(gradient_field(conv_stack([(1, 1, 2)]), torch.zeros(1, 1, 3), [0])) == (range(0),)


def test_random_stacks_are_the_same_for_the_same_seed():
    x = torch.zeros(1, 8, 9)
    one, again, other = (gradient_field(conv_stack([(3,), (3,)], True, 8, seed), x) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_the_module_is_left_as_it_was():
    module = nn.Conv1d(1, 1, 3)
    x = torch.randn(1, 1, 8)
    gradient_field(module, x)
    assert module.weight.grad is None
    assert not x.requires_grad
    assert x.grad is None


def test_layers_are_read_from_a_module_in_order():
    module = nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2)
    )
    assert layers_of(module) == (Layer(7, 2, 3), Layer(3, 2, 1), Layer(2, 2))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Conv1d(1, 1, 3), nn.Linear(4, 4)), "the field of 1, Linear, isn't known"),
        (nn.ConvTranspose1d(1, 1, 2), "the field of the module, ConvTranspose1d, isn't known"),
        (nn.Conv1d(1, 1, 3, padding="same"), "padding='same' must be given in numbers"),
    ],
)
def test_a_part_whose_field_is_not_known_is_named(module, words):
    with pytest.raises(ValueError, match=words):
        layers_of(module)


@pytest.mark.parametrize("layer", [(0,), (3, 0), (3, 1, -1), (3, 1, 0, 0)])
def test_a_number_out_of_range_is_refused(layer):
    with pytest.raises(ValueError, match="must be at least"):
        receptive_field([(3,), layer])
