"""Where pooling's gradients go; first, second, batched and forward derivatives."""

from __future__ import annotations

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import _folds

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

# One call of each kind; the windows overlap, hang over and leave gaps.
CALLS = {
    "max": (lambda f, x: f.max_pool2d(x, 3, 2, 1)),
    "max, dilated, ceil_mode": (lambda f, x: f.max_pool2d(x, 2, 3, 1, 2, True)),
    "max, one axis": (lambda f, x: f.max_pool1d(x.flatten(1), 3, 2, 1)),
    "max, three axes": (lambda f, x: f.max_pool3d(x, 2, 1)),
    "avg": (lambda f, x: f.avg_pool2d(x, 3, 2, 1, True, False)),
    "avg, divisor": (lambda f, x: f.avg_pool2d(x, (2, 3), 1, (1, 0), divisor_override=5)),
    "avg, three axes": (lambda f, x: f.avg_pool3d(x, 2, 1, 1)),
    "lp": (lambda f, x: f.lp_pool2d(x, 2, 2, 1)),
    "lp, infinite": (lambda f, x: f.lp_pool2d(x, float("inf"), 2)),
}


def volume(seed: int = 0, **options) -> torch.Tensor:
    """(2, 3, 5, 4): a batch for two axes, one volume for three. No two entries are equal."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randperm(120, generator=generator).reshape(2, 3, 5, 4) / 10 - 5.5).to(torch.float64).to(**options)


def gradient(pool, x, *arguments, **options):
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = pool(x, *arguments, **options)
    weights = torch.arange(1, 1 + y.numel(), dtype=y.dtype, device=y.device).reshape(y.shape)
    return torch.autograd.grad(y, x, weights)[0]


def test_the_whole_gradient_goes_to_the_first_of_equals():
    x = torch.zeros(1, 2, 4)
    assert gradient(CF.max_pool2d, x, 2).tolist() == [[[1, 0, 2, 0], [0, 0, 0, 0]]]
    assert gradient(CF.min_pool2d, x, 2).tolist() == [[[1, 0, 2, 0], [0, 0, 0, 0]]]


def test_where_windows_overlap_gradients_add_up():
    x = torch.tensor([[0.0, 9.0, 1.0, 2.0]])
    assert gradient(CF.max_pool1d, x, 3, 1).tolist() == [[0, 3, 0, 0]]
    assert gradient(CF.avg_pool1d, x, 2, 1).tolist() == [[0.5, 1.5, 2.5, 1.5]]


def test_positions_that_no_window_reads_have_no_gradient():
    assert gradient(CF.avg_pool1d, torch.ones(1, 5), 2).tolist() == [[0.5, 0.5, 1, 1, 0]]


def test_an_infinite_gradient_stays_where_it_belongs():
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    y = CF.max_pool1d(x, 2)
    y.backward(torch.tensor([[float("inf"), 1.0]]))
    assert x.grad.tolist() == [[0, float("inf"), 0, 1]]


def test_a_sum_of_zero_has_no_gradient_in_a_p_norm():
    x = torch.zeros(1, 4)
    assert gradient(CF.lp_pool1d, x, 2, 2).tolist() == gradient(F.lp_pool1d, x, 2, 2).tolist() == [[0, 0, 0, 0]]


def test_padding_alone_passes_no_gradient_on():
    assert gradient(CF.max_pool1d, torch.tensor([[5.0, 7.0]]), 2, 1, 1, 3).tolist() == [[0, 0]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_gradients_of_ties_and_nans_against_torch(channels_last, device):
    compared = 0
    for seed, kernel_size, stride, ceil_mode in itertools.product(range(4), (2, 3, 4), (1, 2, 3), (False, True)):
        x = torch.randint(0, 3, (2, 3, 7, 6), generator=torch.Generator().manual_seed(seed), device="cpu").float()
        x = x.masked_fill(x == seed - 1, float("nan")).to(device)
        x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
        law = (kernel_size, stride, kernel_size // 2, 1, ceil_mode)
        ours, theirs = (gradient(f.max_pool2d, x, *law) for f in (CF, F))
        beside_indices = gradient(lambda x, law=law: CF.max_pool2d(x, *law, return_indices=True)[0], x)
        assert torch.equal(ours, theirs)
        assert torch.equal(beside_indices, theirs)
        assert ours.stride() == theirs.stride()
        compared += 1
    assert compared == 72


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_first_derivatives_against_torch(call, device):
    x = volume(device=device)
    ours, theirs = (gradient(lambda x, f=f: call(f, x), x) for f in (CF, F))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_first_second_and_forward_derivatives_are_those_of_the_values(call):
    x = volume()[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: call(CF, x), x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: call(CF, x), x, fast_mode=True)


def test_min_pool_is_differentiated_twice_too():
    x = volume()[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: CF.min_pool2d(x, 3, 2, 1), x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: CF.min_pool2d(x, 3, 2, 1), x, fast_mode=True)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_vmap_adds_an_axis_to_values_and_gradients(call):
    batch = torch.stack([volume(seed) for seed in range(3)])

    def energy(x):
        return call(CF, x).pow(2).sum()

    torch.testing.assert_close(torch.func.vmap(lambda x: call(CF, x))(batch), torch.stack([call(F, x) for x in batch]))
    torch.testing.assert_close(
        torch.func.vmap(torch.func.grad(energy))(batch), torch.stack([torch.func.grad(energy)(x) for x in batch])
    )


def test_changing_the_input_in_place_before_backward_is_noticed():
    x = torch.ones(1, 4, requires_grad=True)
    z = x * 2
    y = CF.max_pool1d(z, 2)
    z.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_zero_and_minus_zero_are_equals():
    assert gradient(CF.max_pool1d, torch.tensor([[-0.0, 0.0, 0.0, -0.0]]), 2).tolist() == [[1, 0, 2, 0]]


@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("channels_last", [False, True])
def test_planes_are_worked_on_block_by_block(monkeypatch, channels_last, nan):
    monkeypatch.setattr(_folds, "PIECE", 50)
    x = volume().float()
    if nan:  # in the last block, after the others have been done
        x[-1, -1, 2, 2] = float("nan")
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    assert torch.equal(*(gradient(f.max_pool2d, x, 2) for f in (CF, F)))


@functools.cache
def one_or_each(n: int, low: int, high: int):
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * n)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3), seed=st.integers(0, 99))
def test_any_arguments_have_torchs_gradient(data, n, seed):
    def drawn(low, high):
        return data.draw(one_or_each(n, low, high))

    sizes = data.draw(st.lists(st.integers(1, 8), min_size=n, max_size=n))
    batch = data.draw(st.sampled_from([(2, 3), (3,), (0, 2)]))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(-2, 2, (*batch, *sizes), generator=generator).to(data.draw(st.sampled_from(FLOATS)))
    law = (drawn(1, 4), drawn(1, 4), drawn(0, 2))
    # torch writes outside of its memory for a window of padding alone, so no dilation beside padding
    dilation = drawn(1, 3) if law[2] in (0, (0,) * n) else 1
    ceil_mode, include = data.draw(st.booleans()), data.draw(st.booleans())
    for name, rest in ((f"max_pool{n}d", (dilation, ceil_mode)), (f"avg_pool{n}d", (ceil_mode, include))):
        try:
            theirs = gradient(getattr(F, name), x, *law, *rest)
        except RuntimeError:
            continue
        torch.testing.assert_close(gradient(getattr(CF, name), x, *law, *rest), theirs, rtol=2e-2, atol=1e-2)
