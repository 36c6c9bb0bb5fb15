"""Blocks and networks: what comes out, what is learned, and what the untrained ones do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import course_lib.nn as cnn


def grid(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def learns_everywhere(module: nn.Module, y: torch.Tensor) -> bool:
    """Does a gradient reach every parameter?"""
    (y * grid(*y.shape, seed=7)).sum().backward()
    return all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize("inplace", [False, True])
def test_a_block_is_torchs_four_layers(inplace):
    ours = cnn.ConvBlock(3, 8, kernel_size=5, pool=2, inplace=inplace)
    theirs = nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace), nn.MaxPool2d(2)
    )
    assert list(dict(ours.named_children())) == ["conv", "bn", "relu", "pool"]
    for mine, other in zip(ours, theirs, strict=True):
        mine.load_state_dict(other.state_dict())
    x = grid(2, 3, 9, 7)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert learns_everywhere(ours, ours(x))
    assert cnn.ConvBlock(3, 8, pool=None)(x).shape == (2, 8, 9, 7)


def test_an_up_projection_puts_maxima_back_where_the_encoder_found_them():
    x = grid(2, 4, 9, 6)
    y, indices = cnn.MaxPool2d(2, return_indices=True)(x)
    up = cnn.UpProjection(4, 3)
    back = up(y, indices, x.shape[2:])
    assert back.shape == (2, 3, 9, 6)
    assert back.min() >= 0
    assert learns_everywhere(up, back)
    assert up(y).shape == (2, 3, 8, 6)
    assert up(y, output_size=(9, 7)).shape == (2, 3, 9, 7)


def test_without_indices_each_number_stands_in_the_upper_left_of_its_four():
    up = cnn.UpProjection(1, 1)
    seen = []
    up.projection.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    up(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), output_size=(4, 5))
    assert seen[0].tolist() == [[[[1, 0, 2, 0, 0], [0, 0, 0, 0, 0], [3, 0, 4, 0, 0], [0, 0, 0, 0, 0]]]]


def test_each_way_of_an_up_projection_counts_its_own_batches():
    up = cnn.UpProjection(2, 2)
    up(grid(2, 2, 3, 3))
    assert [m.num_batches_tracked.item() for m in up.modules() if isinstance(m, nn.BatchNorm2d)] == [1, 1, 1]


@pytest.mark.parametrize("r", [1, 2, 3])
def test_an_untrained_sub_pixel_convolution_shows_no_checkerboard(r):
    layer = cnn.SubPixelConv2d(4, 3, r)
    y = layer(grid(2, 4, 5, 6))
    assert y.shape == (2, 3, 5 * r, 6 * r)
    blocks = y.unfold(2, r, r).unfold(3, r, r)
    torch.testing.assert_close(blocks, blocks[..., :1, :1].expand(blocks.shape))
    assert y.std() > 0.1
    assert learns_everywhere(layer, y)


def test_icnr_repeats_each_filter_and_refuses_what_it_cannot_part():
    weight = torch.zeros(12, 2, 3, 3)
    assert cnn.icnr_(weight, 2) is weight
    groups = weight.unflatten(0, (3, 4))
    assert torch.equal(groups, groups[:, :1].expand(groups.shape))
    assert len(groups[:, 0].unique()) == 3 * 2 * 9
    with pytest.raises(ValueError, match=r"multiple of 9 outputs, upscale_factor=3 squared, .* \(12, 2, 3, 3\)"):
        cnn.icnr_(weight, 3)


def test_fitting_adds_or_cuts_at_the_lower_right():
    x = torch.ones(1, 1, 2, 3)
    assert cnn.fit(x, 3, 2).tolist() == [[[[1, 1], [1, 1], [0, 0]]]]
    assert torch.equal(cnn.fit(x, 2, 3), x)
    with pytest.raises(ValueError, match="height=0 must be at least 1"):
        cnn.fit(x, 0, 3)


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (13, 10), (31, 8)])
def test_a_u_net_gives_back_the_size_that_it_was_given(size):
    net = cnn.UNet(3, 2, width=4, depth=3)
    assert net(grid(2, 3, *size)).shape == (2, 2, *size)
    cropped = cnn.UNet(3, 2, width=4, depth=3, align="crop")(grid(2, 3, *size))
    assert cropped.shape == (2, 2, *(side // 8 * 8 for side in size))


def test_a_u_net_learns_in_all_its_parts_and_sees_fine_detail_through_its_skips():
    torch.manual_seed(0)
    net = cnn.UNet(1, 1, width=4, depth=2)
    assert learns_everywhere(net, net(grid(2, 1, 12, 13)))
    net.eval()
    x = grid(1, 1, 12, 13).requires_grad_()
    net(x)[0, 0, 5, 5].backward()
    assert x.grad[0, 0, 5, 5] != 0


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: cnn.UNet(3, 1, depth=0), "depth=0 must be at least 1"),
        (lambda: cnn.UNet(3, 1, width=0), "width=0 must be at least 1"),
        (lambda: cnn.UNet(3, 1, align="resize"), "align='resize' must be 'pad' or 'crop'"),
        (lambda: cnn.UNet(3, 1, depth=3)(torch.zeros(1, 3, 7, 64)), "H and W at least 8, 2 for each step down"),
        (lambda: cnn.ConvBlock(3, 8, kernel_size=4), "kernel_size=4 must be odd"),
        (lambda: cnn.SubPixelConv2d(3, 8, 0), "upscale_factor=0 must be at least 1"),
    ],
)
def test_a_refusal_names_argument_value_and_range(build, words):
    with pytest.raises(ValueError, match=words):
        build()
