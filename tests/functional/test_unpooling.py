"""Unpooling by example, max unpooling against torch, average unpooling against its laws."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
SIZES = {1: (9,), 2: (7, 6), 3: (4, 5, 6)}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def grid(shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64, device="cpu") -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(device, dtype)


def max_pooled(n: int, seed: int = 0, kernel_size=2, stride=None, padding=0, **options):
    x = grid((2, 3, *SIZES[n]), seed, **options)
    return x, *getattr(F, f"max_pool{n}d")(x, kernel_size, stride, padding, return_indices=True)


def test_each_maximum_returns_to_where_it_was():
    x = torch.tensor([[[1.0, 5.0, 2.0], [3.0, 4.0, 9.0]]])
    y, indices = CF.max_pool2d(x, 2, return_indices=True)
    assert CF.max_unpool2d(y, indices, 2, output_size=(2, 3)).tolist() == [[[0, 5, 0], [0, 0, 0]]]
    assert CF.max_unpool2d(y, indices, 2, output_size=x.shape[1:][-2:]).shape == x.shape


def test_pooling_what_was_unpooled_gives_it_back():
    y = grid((2, 3, 4, 3)).abs()
    indices = F.max_pool2d(grid((2, 3, 8, 6), seed=1), 2, return_indices=True)[1]
    assert torch.equal(CF.max_pool2d(CF.max_unpool2d(y, indices, 2), 2), y)
    assert torch.equal(CF.avg_pool2d(CF.avg_unpool2d(y, 2), 2), y)
    assert not torch.equal(CF.avg_pool2d(CF.avg_unpool2d(y, 2, convention="adjoint"), 2), y)


def test_an_odd_size_needs_output_size():
    x, y, indices = max_pooled(2)
    assert x.shape[-2:] == (7, 6)
    assert CF.max_unpool2d(y, indices, 2).shape[-2:] == (6, 6)  # and every second row has slipped
    assert torch.equal(CF.max_unpool2d(y, indices, 2, output_size=x.shape).amax((2, 3)), x[:, :, :6].amax((2, 3)))


def test_of_several_at_one_index_the_last_stays():
    y, indices = torch.tensor([[1.0, 2.0]]), torch.tensor([[3, 3]])
    for f in (CF, F):
        assert f.max_unpool1d(y, indices, 2).tolist() == [[0, 0, 0, 2]]


def test_the_gradient_is_gathered_from_the_indices():
    y, indices = torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[3, 0]])
    CF.max_unpool1d(y, indices, 2).backward(torch.tensor([[4.0, 5.0, 6.0, 7.0]]))
    assert y.grad.tolist() == [[7, 4]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_unpooling_against_torch(n, dtype, device):
    name, compared = f"max_unpool{n}d", 0
    for seed, (kernel_size, stride, padding) in enumerate([(2, None, 0), (3, 2, 1), (2, 1, 0), (3, 3, 0), (3, 1, 1)]):
        x, y, indices = max_pooled(n, seed, kernel_size, stride, padding, dtype=dtype, device=device)
        for channels_last in (False, True) if n > 1 else (False,):
            if channels_last:
                y, indices = (t.contiguous(memory_format=FORMATS[n + 2]) for t in (y, indices))
            arguments = (indices, kernel_size, stride, padding, x.shape[2:])
            ours, theirs = (getattr(f, name)(y, *arguments) for f in (CF, F))
            assert torch.equal(ours, theirs)
            assert ours.dtype is dtype
            assert device == "cuda" or ours.stride() == theirs.stride()  # torch's are contiguous there
            leaf = y.clone(memory_format=torch.preserve_format).requires_grad_()
            weights = grid(ours.shape, seed, dtype=dtype, device=device)
            one, other = (torch.autograd.grad(getattr(f, name)(leaf, *arguments), leaf, weights)[0] for f in (CF, F))
            assert torch.equal(one, other)
            compared += 1
        unbatched = (indices[0], kernel_size, stride, padding, x.shape[2:])
        assert torch.equal(*(getattr(f, name)(y[0], *unbatched) for f in (CF, F)))
    assert compared >= 5


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3))
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(data, n):
    name = f"max_unpool{n}d"
    batch = data.draw(st.sampled_from([(1, 1), (2, 3), (3,), (0, 2), (2, 0), (1, 1, 1)]))
    shape = (*batch, *data.draw(st.lists(st.integers(1, 4), min_size=n, max_size=n)))

    def numbers(low: int, high: int):
        return data.draw(st.integers(low, high) | st.lists(st.integers(low, high), min_size=n, max_size=n).map(tuple))

    kernel_size, stride, padding = numbers(1, 3), data.draw(st.none()) or numbers(1, 3), numbers(0, 2)
    size = data.draw(st.none() | st.lists(st.integers(1, 12), min_size=max(1, n - 1), max_size=n + 2))
    indices = torch.randint(0, data.draw(st.sampled_from([1, 2, 6])), shape, generator=torch.Generator().manual_seed(0))
    x = torch.arange(indices.numel()).reshape(shape).float()
    arguments = (x, indices, kernel_size, stride, padding, size)
    try:
        expected = getattr(F, name)(*arguments)
    except Exception as error:
        with pytest.raises(type(error), match=rf"{name}\(\): "):
            getattr(CF, name)(*arguments)
    else:
        assert torch.equal(getattr(CF, name)(*arguments), expected)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_refusal_is_of_torchs_kind_and_says_what_is_permitted(n):
    name = f"max_unpool{n}d"
    x, y, indices = max_pooled(n)
    whole = x.shape[2:]
    for words, *arguments in (
        (
            f"indices must be between 0 and {4**n - 1}",
            torch.ones(1, 1, *(2,) * n),
            torch.full((1, 1, *(2,) * n), 4**n),
            2,
        ),
        ("but -1 is among them", torch.ones(1, 1, *(2,) * n), torch.full((1, 1, *(2,) * n), -1), 2),
        ("indices.dtype=torch.int32 must be torch.int64", y, indices.int(), 2),
        ("indices must have the shape of the input", y, indices[:1], 2),
        ("must be between . and . on axis 0: less than a stride", y, indices, 2, None, 0, (50,) * n),
        (f"must have {n} entries, or {n + 2} with N and C", y, indices, 2, None, 0, (5,) * (n + 1)),
        ("output_size=5 must be a sequence", y, indices, 2, None, 0, 5),
        ("kernel_size=2.0 must be an int", y, indices, 2.0),
        ("input.dtype=torch.int64 must be one of", y.long(), indices, 2, None, 0, whole),
        (r"input must have . or . axes, .* its shape is \(1,", torch.ones((1,) * (n + 3)), indices, 2),
        ("input must have at least 1 entry", torch.ones(2, 0, *(2,) * n), indices, 2),
    ):
        with pytest.raises(Exception) as theirs:  # noqa: PT011 - which kind it is, torch decides
            getattr(F, name)(*arguments)
        with pytest.raises(Exception, match=words) as ours:
            getattr(CF, name)(*arguments)
        assert ours.type is theirs.type, words
    with pytest.raises(TypeError, match="indices must be a Tensor, not list"):
        getattr(CF, name)(y, [1], 2)


ADJOINT = [
    (n, kernel_size, stride, padding)
    for n in (1, 2, 3)
    for kernel_size, stride, padding in ((2, None, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (4, 2, 2))
]


@pytest.mark.parametrize(("n", "kernel_size", "stride", "padding"), ADJOINT)
def test_the_adjoint_convention_is_the_transpose_of_average_pooling(n, kernel_size, stride, padding):
    pool, unpool = (getattr(CF, f"avg_{kind}{n}d") for kind in ("pool", "unpool"))
    x = grid((2, 3, *SIZES[n]))
    y = pool(x, kernel_size, stride, padding)
    z = grid(y.shape, seed=1)
    back = unpool(z, kernel_size, stride, padding, x.shape[2:], convention="adjoint")
    torch.testing.assert_close((y * z).sum(), (x * back).sum())
    leaf = x.clone().requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(pool(leaf, kernel_size, stride, padding), leaf, z)[0], back)
    copies = unpool(z, kernel_size, stride, padding, x.shape[2:])
    torch.testing.assert_close(copies, back * kernel_size**n)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_copies_are_a_right_inverse_where_windows_touch_or_leave_gaps(n):
    pool, unpool = (getattr(CF, f"avg_{kind}{n}d") for kind in ("pool", "unpool"))
    z = grid((2, 3, *(3, 2, 4)[:n]))
    for kernel_size, stride in itertools.product((1, 2, 3), (3, 4)):
        torch.testing.assert_close(pool(unpool(z, kernel_size, stride), kernel_size, stride), z)


def test_where_windows_overlap_copies_add_up():
    assert CF.avg_unpool1d(torch.tensor([[1.0, 10.0]]), 3, 2).tolist() == [[1, 1, 11, 10, 10]]


def test_the_result_shares_no_memory_with_the_input():
    x = grid((2, 3, 1, 1))
    for y in (CF.avg_unpool2d(x, 1), CF.avg_unpool2d(x, 1, 2), CF.max_unpool2d(x, torch.zeros_like(x).long(), 1)):
        assert torch.equal(y, x)
        assert y.data_ptr() != x.data_ptr()


def test_copies_equal_nearest_interpolation():
    x = grid((2, 3, 4, 5))
    assert torch.equal(CF.avg_unpool2d(x, 3), F.interpolate(x, scale_factor=3))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("convention", ["copy", "adjoint"])
def test_average_unpooling_keeps_dtype_and_memory_format(convention, dtype, device):
    x = grid((2, 3, 4, 5), dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)
    y = CF.avg_unpool2d(x, 3, 2, convention=convention)
    assert y.dtype is dtype
    assert y.is_contiguous(memory_format=torch.channels_last)
    exact = CF.avg_unpool2d(x.double(), 3, 2, convention=convention)
    torch.testing.assert_close(y.double(), exact, rtol=1e-2, atol=1e-2)
    assert CF.avg_unpool2d(x[:0], 3, 2).shape == (0, 3, 9, 11)


def test_average_unpooling_refuses_what_no_pooling_makes():
    y = torch.ones(1, 1, 2, 2)
    for kind, words, arguments in (
        (ValueError, "convention='nearest' must be 'copy' or 'adjoint'", (2, None, 0, None, "nearest")),
        (ValueError, r"output_size=\(6, 6\) must be between 4 and 5 on axis 0", (2, None, 0, (6, 6))),
        (ValueError, "padding=2 must be between 0 and 1, half of kernel_size=2", (2, 4, 2)),
        (ValueError, "kernel_size=0 must be at least 1", (0,)),
        (TypeError, "stride='2' must be an int", (2, "2")),
    ):
        with pytest.raises(kind, match=words):
            CF.avg_unpool2d(y, *arguments)
    with pytest.raises(NotImplementedError, match="input.dtype=torch.int64 must be one of"):
        CF.avg_unpool2d(y.long(), 2)
    with pytest.raises(RuntimeError, match="input must have 3 or 4 axes"):
        CF.avg_unpool2d(torch.ones(3), 2)


CALLS = {
    "max": lambda x: CF.max_unpool2d(x, (torch.arange(x.numel()).reshape(x.shape) * 7) % 20, 2, 2, 0),
    "avg, copy": lambda x: CF.avg_unpool2d(x, 3, 2, 1),
    "avg, adjoint": lambda x: CF.avg_unpool2d(x, 2, output_size=(5, 6), convention="adjoint"),
    "avg, three axes": lambda x: CF.avg_unpool3d(x, 2),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_derivatives_and_vmap(call):
    x = grid((2, 1, 2, 3)).requires_grad_()
    assert torch.autograd.gradcheck(call, x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: call(x).pow(2), x, fast_mode=True)
    batch = torch.stack([grid((2, 1, 2, 3), seed) for seed in range(3)])
    torch.testing.assert_close(torch.func.vmap(call)(batch), torch.stack([call(x) for x in batch]))
