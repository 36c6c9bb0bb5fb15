"""Blur pooling by example, against a depthwise convolution, and its laws."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

import course_lib.functional as CF

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SIZES = {1: (9,), 2: (7, 6), 3: (4, 5, 3)}


def grid(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_convolution(x: torch.Tensor, n: int, kernel_size: int, stride: int) -> torch.Tensor:
    """The law, written as one convolution with the outer product of the rows."""
    row = torch.tensor([math.comb(kernel_size - 1, i) for i in range(kernel_size)], dtype=x.dtype) / 2 ** (
        kernel_size - 1
    )
    kernel = row
    for _ in range(n - 1):
        kernel = kernel[..., None] * row
    padded = F.pad(x, [(kernel_size - 1) // 2, kernel_size // 2] * n, mode="replicate")
    channels = x.shape[1]
    return getattr(F, f"conv{n}d")(padded, kernel.expand(channels, 1, *kernel.shape), stride=stride, groups=channels)


def test_an_impulse_shows_the_weights():
    impulse = torch.zeros(1, 5, 5)
    impulse[0, 2, 2] = 16
    blurred = CF.blur_pool2d(impulse, stride=1)[0]
    assert blurred[1:4, 1:4].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert CF.blur_pool2d(impulse).tolist() == [[[0, 0, 0], [0, 4, 0], [0, 0, 0]]]


def test_a_constant_stays_a_constant_however_small_the_picture():
    for size, kernel_size, stride in itertools.product((1, 2, 3, 8), range(1, 8), (1, 2, 3)):
        y = CF.blur_pool2d(torch.full((1, 1, size, 1), 7.0), kernel_size, stride)
        assert y.shape == (1, 1, -(-size // stride), 1)
        torch.testing.assert_close(y, torch.full_like(y, 7.0))


def test_an_even_window_begins_at_its_own_place():
    assert CF.blur_pool1d(torch.tensor([[2.0, 4.0, 8.0, 16.0]]), 2).tolist() == [[3, 12]]


def test_blurring_makes_halving_steadier_under_a_shift():
    x = torch.tensor([[0.0, 0, 1, 1, 0, 0, 1, 1]]).repeat(1, 4)
    dense = CF.max_pool1d(x, 2, stride=1)
    change = {
        name: (pool(dense) - pool(dense.roll(1, -1)))[..., 1:-1].abs().max().item()
        for name, pool in {"strided": lambda t: t[..., ::2], "blurred": CF.blur_pool1d}.items()
    }
    assert change["blurred"] < change["strided"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_it_is_a_convolution_with_a_repeated_border(n):
    x = grid((2, 3, *SIZES[n]))
    pool = getattr(CF, f"blur_pool{n}d")
    for kernel_size, stride in itertools.product(range(1, 8), (1, 2, 3)):
        leaf = x.clone().requires_grad_()
        ours, expected = pool(leaf, kernel_size, stride), by_convolution(leaf, n, kernel_size, stride)
        torch.testing.assert_close(ours, expected)
        weights = grid(ours.shape, seed=1)
        torch.testing.assert_close(*(torch.autograd.grad(y, leaf, weights)[0] for y in (ours, expected)))
        torch.testing.assert_close(pool(x[0], kernel_size, stride), expected[0])


def test_each_axis_may_have_its_own_kernel_and_stride():
    x = grid((1, 1, 6, 7))
    expected = by_convolution(x[:, 0], 1, 5, 3)  # along W alone
    torch.testing.assert_close(CF.blur_pool2d(x, (1, 5), (1, 3))[:, 0], expected)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtype_device_and_memory_format_stay(dtype, device):
    x = grid((2, 3, 6, 8)).to(device, dtype).contiguous(memory_format=torch.channels_last)
    y = CF.blur_pool2d(x)
    assert (y.dtype, y.device) == (dtype, x.device)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y.double(), CF.blur_pool2d(x.double()), rtol=1e-2, atol=1e-2)
    assert CF.blur_pool2d(x[:0]).shape == (0, 3, 3, 4)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_derivatives_and_vmap(n):
    def call(x):
        return getattr(CF, f"blur_pool{n}d")(x, 4, 2)

    x = grid((1, 2, *SIZES[n])).requires_grad_()
    assert torch.autograd.gradcheck(call, x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: call(x).pow(2), x, fast_mode=True)
    batch = torch.stack([grid((1, 2, *SIZES[n]), seed) for seed in range(3)])
    torch.testing.assert_close(torch.func.vmap(call)(batch), torch.stack([call(x) for x in batch]))


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ((torch.ones(1, 4, 4), 0), RuntimeError, "kernel_size=0 must be at least 1"),
        ((torch.ones(1, 4, 4), 3, 0), RuntimeError, "stride=0 must be at least 1"),
        ((torch.ones(1, 4, 4), (3, 3, 3)), RuntimeError, "must have 1 or 2 entries"),
        ((torch.ones(1, 4, 4), 1.5), TypeError, "kernel_size=1.5 must be an int"),
        ((torch.ones(4, 4),), RuntimeError, r"input must have 3 or 4 axes, .* its shape is \(4, 4\)"),
        ((torch.ones(1, 4, 0),), RuntimeError, "at least 1 entry on every spatial one"),
        ((torch.ones(1, 4, 4).long(),), NotImplementedError, "input.dtype=torch.int64 must be one of"),
        (([1.0],), TypeError, "input must be a Tensor, not list"),
    ],
)
def test_a_refusal_names_argument_value_and_range(arguments, kind, words):
    with pytest.raises(kind, match=words):
        CF.blur_pool2d(*arguments)
