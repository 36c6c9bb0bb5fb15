"""Our modules beside torch's: the same arguments, names, parameters and values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import course_lib.nn as cnn

SIZES = {1: (9,), 2: (7, 6), 3: (4, 5, 6)}
BUILDS = {
    "MaxPool": [(2,), (3, 2, 1), (2, 1, 0, 2, True, True)],
    "AvgPool": [(2,), (3, 2, 1, True, False)],
    "LPPool": [(2, 2), (4, 2, 1)],
    "AdaptiveMaxPool": [(2,), (3, True)],
    "AdaptiveAvgPool": [(1,), (3,)],
}
POOLS = [(f"{kind}{n}d", arguments) for kind, builds in BUILDS.items() for arguments in builds for n in (1, 2, 3)]


def grid(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def close(ours, theirs) -> None:
    if isinstance(theirs, tuple):
        for one, other in zip(ours, theirs, strict=True):
            close(one, other)
    else:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "arguments"), POOLS)
def test_pooling_is_torchs(name, arguments):
    ours, theirs = (getattr(module, name)(*arguments) for module in (cnn, nn))
    assert repr(ours) == repr(theirs)
    assert isinstance(ours, getattr(nn, name))
    x = grid(2, 3, *SIZES[int(name[-2])])
    close(ours(x), theirs(x))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_min_pooling_has_max_poolings_arguments(n):
    ours, theirs = getattr(cnn, f"MinPool{n}d")(3, 2, 1, return_indices=True), getattr(nn, f"MaxPool{n}d")(3, 2, 1)
    assert repr(ours).replace("Min", "Max") == repr(theirs)
    x = grid(2, 3, *SIZES[n])
    close(ours(x)[0], -theirs(-x))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_unpooling_is_torchs(n):
    x = grid(2, 3, *SIZES[n])
    y, indices = getattr(cnn, f"MaxPool{n}d")(2, return_indices=True)(x)
    ours, theirs = (getattr(module, f"MaxUnpool{n}d")(2) for module in (cnn, nn))
    assert repr(ours) == repr(theirs)
    close(ours(y, indices, x.shape), theirs(y, indices, x.shape))


def test_average_unpooling_and_pooling():
    x = grid(2, 3, 5, 4)
    pool = cnn.AvgPool2d(2)
    close(pool(cnn.AvgUnpool2d(2)(x)), x)
    y = grid(2, 3, 2, 2, seed=1)
    close((pool(x) * y).sum(), (x * cnn.AvgUnpool2d(2, convention="adjoint")(y, x.shape[2:])).sum())
    with pytest.raises(ValueError, match="convention='mean' must be 'copy' or 'adjoint'"):
        cnn.AvgUnpool2d(2, convention="mean")


def test_blur_pooling():
    x = grid(2, 3, 7, 6)
    assert cnn.BlurPool2d(4, 3)(x).shape == (2, 3, 3, 2)
    with pytest.raises(ValueError, match="stride=0 must be at least 1"):
        cnn.BlurPool2d(stride=0)


@pytest.mark.parametrize("size", [(4, 4), (13, 9), (1, 30)])
def test_a_pyramid_feeds_a_linear_layer_from_any_size(size):
    pyramid = cnn.SpatialPyramidPooling()
    head = nn.Linear(pyramid.features(3), 5)
    assert head(pyramid(grid(2, 3, *size))).shape == (2, 5)


def test_a_pyramid_refuses_when_it_is_built():
    assert repr(cnn.SpatialPyramidPooling((2, 1))) == "SpatialPyramidPooling(output_sizes=(2, 1), mode='max')"
    with pytest.raises(ValueError, match="mode='min' must be 'max' or 'avg'"):
        cnn.SpatialPyramidPooling(mode="min")


LAYERS = {
    "Conv2d": [(3, 4, 3, 2, 1), (3, 6, (3, 2), 1, "same", 2, 3), (3, 4, 3, 1, 1, 1, 1, True, "reflect")],
    "ConvTranspose2d": [(3, 4, 3, 2, 1, 1), (3, 6, 2, 2, 0, 0, 3, False)],
    "BatchNorm2d": [(3,), (3, 1e-3, None), (3, 1e-5, 0.1, False, False)],
    "ReLU": [(), (True,)],
    "PixelShuffle": [(1,)],
}


@pytest.mark.parametrize(("name", "arguments"), [(n, a) for n, builds in LAYERS.items() for a in builds])
def test_layers_have_torchs_parameters_values_and_gradients(name, arguments):
    ours, theirs = (getattr(module, name)(*arguments) for module in (cnn, nn))
    assert repr(ours) == repr(theirs)
    ours.load_state_dict(theirs.state_dict())
    for step in range(4):
        if step == 3:
            ours.eval(), theirs.eval()
        results = []
        for module in (ours, theirs):
            x = grid(2, 3, 6, 5, seed=step).requires_grad_()
            module.zero_grad()
            y = module(x * 1)
            (y * grid(*y.shape, seed=9)).sum().backward()
            results.append((y, x.grad, *(p.grad for p in module.parameters()), *module.buffers()))
        close(tuple(results[0]), tuple(results[1]))


def test_a_transposed_convolution_takes_the_size_to_go_back_to():
    x = grid(1, 3, 5, 4)
    ours, theirs = (module.ConvTranspose2d(3, 2, 3, 2, 1) for module in (cnn, nn))
    ours.load_state_dict(theirs.state_dict())
    close(ours(x, [10, 7]), theirs(x, [10, 7]))
