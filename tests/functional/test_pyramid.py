"""Spatial pyramid pooling: levels side by side, as many features from any size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import course_lib.functional as CF


def test_one_grid_after_the_other_and_the_whole_at_the_end():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert CF.spatial_pyramid_pool(x).tolist() == [[*range(16), 5, 7, 13, 15, 15]]


@pytest.mark.parametrize("size", [(4, 4), (13, 13), (7, 30), (1, 2), (224, 5)])
def test_any_size_makes_twenty_one_features_a_channel(size):
    assert CF.spatial_pyramid_pool(torch.zeros(2, 3, *size)).shape == (2, 63)
    assert CF.spatial_pyramid_pool(torch.zeros(3, *size)).shape == (63,)


@pytest.mark.parametrize("mode", ["max", "avg"])
def test_it_is_torchs_adaptive_pools_in_parallel(mode):
    x = torch.randn(2, 3, 11, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    pool = getattr(F, f"adaptive_{mode}_pool2d")
    expected = torch.cat([pool(x, size).flatten(1) for size in (5, (3, 2), 1)], 1)
    ours = CF.spatial_pyramid_pool(x, (5, (3, 2), 1), mode)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(*(torch.autograd.grad(y.pow(2).sum(), x)[0] for y in (ours, expected)))


def test_one_pool_after_the_other_would_be_global_pooling_alone():
    x = torch.randn(2, 3, 11, 9)
    sequence = CF.adaptive_max_pool2d(CF.adaptive_max_pool2d(CF.adaptive_max_pool2d(x, 4), 2), 1)
    assert torch.equal(sequence.flatten(1), CF.spatial_pyramid_pool(x, (1,)))


def test_vmap_adds_an_axis():
    x = torch.randn(3, 2, 4, 7, 6)
    torch.testing.assert_close(
        torch.func.vmap(CF.spatial_pyramid_pool)(x), torch.stack([CF.spatial_pyramid_pool(each) for each in x])
    )


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"output_sizes": ()}, TypeError, r"output_sizes=\(\) must be a sequence of at least one level"),
        ({"output_sizes": 4}, TypeError, "output_sizes=4 must be a sequence"),
        ({"output_sizes": (4, None)}, TypeError, "must be ints: None would keep the input's size"),
        ({"output_sizes": (-1,)}, RuntimeError, "output_size=-1 must be at least 0"),
        ({"mode": "min"}, ValueError, "mode='min' must be 'max' or 'avg'"),
    ],
)
def test_a_refusal_names_argument_value_and_range(options, kind, words):
    with pytest.raises(kind, match=words):
        CF.spatial_pyramid_pool(torch.zeros(1, 1, 4, 4), **options)
