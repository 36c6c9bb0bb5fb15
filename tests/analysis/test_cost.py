"""What a forward pass costs, worked out by hand and measured."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.analysis.cost import Cost, cost, layer_costs

X = torch.empty(2, 3, 8, 8, device="meta")
FLOAT = 4  # bytes


def test_a_convolution_multiplies_for_each_output_every_weight_of_its_filter():
    found = cost(nn.Conv2d(3, 5, 3, padding=1), X)
    assert found.multiply_adds == (2 * 5 * 8 * 8) * (3 * 3 * 3)
    assert found.parameters == 5 * 3 * 3 * 3 + 5
    assert found.activation_bytes == 2 * 5 * 8 * 8 * FLOAT
    assert found.saved_bytes == 2 * 3 * 8 * 8 * FLOAT


@pytest.mark.parametrize(
    ("layer", "multiply_adds"),
    [
        (nn.Conv2d(3, 6, 3, stride=2, padding=1), 2 * 6 * 4 * 4 * 27),
        (nn.Conv2d(3, 6, 3, padding=1, groups=3), 2 * 6 * 8 * 8 * 9),
        (nn.Conv2d(3, 6, 3, padding=2, dilation=2, bias=False), 2 * 6 * 8 * 8 * 27),
        (nn.ConvTranspose2d(3, 6, 2, stride=2), 2 * 3 * 8 * 8 * 6 * 4),
        (nn.Linear(8, 10), 2 * 3 * 8 * 10 * 8),
        (nn.MaxPool2d(2), 0),
        (nn.AvgPool2d(2), 0),
        (nn.ReLU(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_multiply_adds_by_hand(layer, multiply_adds):
    assert cost(layer, X).multiply_adds == multiply_adds


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_a_convolution_makes_the_shape_that_torch_makes(dims, transposed):
    made = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]
    conv, more = made[3 * transposed + dims - 1], {"output_padding": 1} if transposed else {}
    net = conv(4, 6, 3, stride=2, padding=1, dilation=2, groups=2, **more)
    x = torch.empty(2, 4, *[9, 8, 7][:dims])
    assert cost(net, x).activation_bytes == net(x).numel() * FLOAT
    assert cost(net, x[0]).activation_bytes == net(x[0]).numel() * FLOAT


@pytest.mark.parametrize("how", [{}, {"stride": 1}, {"padding": (1, 0)}, {"dilation": 2}, {"ceil_mode": True}], ids=str)
def test_a_max_pooling_makes_the_shape_that_torch_makes(how):
    net, x = nn.MaxPool2d((3, 2), **how), torch.zeros(2, 3, 9, 8)
    assert cost(net, x).activation_bytes == net(x).numel() * FLOAT
    assert cost(net, x[0]).activation_bytes == net(x[0]).numel() * FLOAT


def test_a_first_call_waits_for_no_import_of_sympy():
    code = """
import sys, torch
from course_lib.analysis.cost import cost
cost(torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.MaxPool2d(2)), torch.ones(1, 3, 8, 8))
sys.exit("sympy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Conv2d(4, 5, 3), "Invalid channel dimensions"),
        (nn.Conv2d(3, 5, 9), "Kernel size can't be greater than actual input size"),
        (nn.MaxPool2d(9), "Output size is too small"),
        (nn.MaxPool2d(2, padding=2), "pad should be at most half of effective kernel size"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_size_is_said_by_torch(net, message):
    with pytest.raises(RuntimeError, match=message):
        cost(net, X)


def test_a_view_and_an_in_place_result_take_no_new_memory():
    out = 2 * 3 * 8 * 8 * FLOAT
    assert cost(nn.Sequential(nn.Identity(), nn.Flatten()), X).activation_bytes == 0
    assert cost(nn.ReLU(), X).activation_bytes == out
    assert cost(nn.ReLU(inplace=True), X).activation_bytes == 0


def test_what_autograd_keeps_is_counted_once():
    conv = nn.Conv2d(3, 3, 3, padding=1)
    size = 2 * 3 * 8 * 8 * FLOAT
    # The convolution keeps its input, ReLU its result, and the second convolution keeps that same result.
    assert cost(nn.Sequential(conv, nn.ReLU(), conv), X).saved_bytes == 2 * size
    # Max pooling keeps its input and where each maximum stood, as int64.
    assert cost(nn.Sequential(conv, nn.MaxPool2d(2)), X).saved_bytes == 2 * size + 2 * 3 * 4 * 4 * 8
    assert cost(nn.MaxPool2d(2), X).saved_bytes == 0


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return F.avg_pool2d(self.conv(x) + self.conv(x), 2)


def test_leaves_have_rows_and_the_whole_counts_the_rest_too():
    module = Functional()
    (row,) = layer_costs(module, X).items()
    once = cost(module.conv, X)
    assert row == ("conv", Cost(2 * once.multiply_adds, once.parameters, 2 * once.activation_bytes, once.saved_bytes))
    outside = cost(module, X) - row[1]
    # The sum and the pooled sum are made; average pooling keeps its input.
    assert outside == Cost(activation_bytes=2 * 4 * (8 * 8 + 4 * 4) * FLOAT, saved_bytes=2 * 4 * 8 * 8 * FLOAT)


def test_rows_add_up_to_the_whole():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)
    )
    rows = layer_costs(net, X)
    assert list(rows) == ["0", "1", "2", "3", "4", "5"]
    assert sum(rows.values(), Cost()) == cost(net, X)


def test_measuring_changes_nothing():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    x = torch.randn(2, 3, 8, 8)
    kept = x.clone()
    assert cost(net, x) == cost(net, X)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(x, kept)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_a_module_of_any_size_takes_no_memory():
    with torch.device("meta"):
        huge = nn.Conv2d(4096, 4096, 3, padding=1)
    x = torch.empty(64, 4096, 1024, 1024, device="meta")
    assert cost(huge, x).multiply_adds == 64 * 1024 * 1024 * 4096 * 4096 * 9


def test_half_precision_takes_half_the_bytes():
    conv = nn.Conv2d(3, 4, 1)
    assert 2 * cost(conv.half(), X.half()).activation_bytes == cost(conv.float(), X).activation_bytes
