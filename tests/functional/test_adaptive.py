"""Adaptive pooling by example, against torch over sizes that divide and don't, its derivatives and its refusals."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import _bins
from course_lib.geometry import adaptive_bins

NAN, INF = math.nan, math.inf
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
NAMES = [f"adaptive_{kind}_pool{n}d" for kind in ("max", "avg") for n in (1, 2, 3)]
SHAPES = {1: (2, 3, 60), 2: (2, 3, 6, 10), 3: (2, 3, 3, 4, 5)}


def axes(name: str) -> int:
    return int(name[-2])


def ties(shape: tuple[int, ...], seed: int = 0, wild: bool = False) -> torch.Tensor:
    """Small whole numbers, so that several entries of a bin are equal; `wild` puts NaN and infinities among them."""
    x = torch.randint(0, 4, shape, generator=torch.Generator().manual_seed(seed)).float()
    return torch.tensor([0.0, NAN, INF, -INF])[x.long()] if wild else x


def pooled(module, name: str, x: torch.Tensor, output_size):
    """The operator's values, with its indices if it has any."""
    options = {"return_indices": True} if "max" in name else {}
    result = getattr(module, name)(x, output_size, **options)
    return result if isinstance(result, tuple) else (result,)


def gradient(module, name: str, x: torch.Tensor, output_size, weights: torch.Tensor) -> torch.Tensor:
    leaf = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    return torch.autograd.grad(getattr(module, name)(leaf, output_size), leaf, weights)[0]


def same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    if ours.dtype is not theirs.dtype or not torch.equal(ours, theirs):
        half = theirs.dtype in (torch.float16, torch.bfloat16)
        torch.testing.assert_close(ours, theirs, equal_nan=True, **({"rtol": 1e-2, "atol": 1e-2} if half else {}))
    if 1 not in theirs.shape and theirs.numel():
        assert ours.stride() == theirs.stride()


def test_bins_share_a_position_where_the_sizes_do_not_divide():
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    assert CF.adaptive_avg_pool1d(x, 2).tolist() == [[2, 4]]
    assert CF.adaptive_max_pool1d(x, 2, return_indices=True)[1].tolist() == [[2, 4]]
    assert CF.adaptive_avg_pool1d(x, 5).tolist() == x.tolist()


def test_more_bins_than_positions_repeat_them():
    assert CF.adaptive_max_pool1d(torch.tensor([[1.0, 2.0, 3.0]]), 5).tolist() == [[1, 2, 2, 3, 3]]
    assert CF.adaptive_avg_pool1d(torch.tensor([[1.0, 2.0, 3.0]]), 5).tolist() == [[1, 1.5, 2, 2.5, 3]]


def test_none_keeps_the_size_of_an_axis():
    x = torch.arange(16.0).reshape(1, 4, 4)
    assert CF.adaptive_max_pool2d(x, (None, 1)).tolist() == [[[3], [7], [11], [15]]]
    assert CF.adaptive_avg_pool2d(x, (None, None)).tolist() == x.tolist()


def test_one_output_is_the_mean_and_the_maximum_of_the_plane():
    x = torch.arange(12.0).reshape(1, 2, 2, 3)
    assert CF.adaptive_avg_pool2d(x, 1).flatten().tolist() == [2.5, 8.5]
    values, indices = CF.adaptive_max_pool2d(x, 1, return_indices=True)
    assert (values.flatten().tolist(), indices.flatten().tolist()) == ([5, 11], [5, 5])


def test_no_outputs_make_an_empty_tensor_with_a_gradient_of_zero():
    for name in NAMES:
        n = axes(name)
        x = torch.ones(SHAPES[n], requires_grad=True)
        y = getattr(CF, name)(x, (0,) * n)
        assert y.shape == (2, 3, *(0,) * n)
        y.sum().backward()
        assert not x.grad.any()


@pytest.mark.parametrize("values", [[NAN, 1, NAN, 0], [1, 1, 1, 1], [-INF] * 4, [INF, NAN, 1, INF]])
def test_of_equals_the_first_wins_and_of_nans_the_last(values):
    x = torch.tensor([[values]]).float()
    for size in (1, 2, 3):
        same(*(f.adaptive_max_pool1d(x, size, return_indices=True)[1] for f in (CF, F)))


@pytest.mark.parametrize("size", range(1, 12))
def test_the_slices_of_all_taps_are_the_bins(size):
    for out in range(1, 25):
        read = {output: [] for output in range(out)}
        for tap, outputs, inputs in _bins.bins_of(-1, size, out).taps():
            pairs = zip(range(out)[outputs], range(size)[inputs], strict=True)
            for output, position in pairs:
                assert len(read[output]) == tap
                read[output].append(position)
        assert tuple(map(tuple, read.values())) == tuple(map(tuple, adaptive_bins(size, out)))


def test_large_axes_need_few_slices():
    assert len(list(_bins.bins_of(-1, 1000, 999).taps())) < 10
    assert len(list(_bins.bins_of(-1, 60, 7).taps())) < 80


GRID = [
    (n, sizes, out)
    for n, shapes, outs in (
        (1, [(1,), (7,), (12,), (31,)], [(o,) for o in range(1, 9)]),
        (2, [(7, 10), (1, 8), (6, 6)], list(itertools.product((1, 2, 3, 5, 7), (1, 2, 4, 9)))),
        (3, [(5, 3, 4)], list(itertools.product((1, 2, 4), repeat=3))),
    )
    for sizes, out in itertools.product(shapes, outs)
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_values_indices_and_gradients_against_torch(kind, channels_last, device):
    compared = 0
    for (n, sizes, out), wild in itertools.product(GRID, (False, True)):
        if channels_last and n == 1:
            continue
        name, x = f"adaptive_{kind}_pool{n}d", ties((2, 3, *sizes), compared, wild).to(device)
        if channels_last:
            x = x.contiguous(memory_format=FORMATS[n + 2])
        ours, theirs = (pooled(f, name, x, out) for f in (CF, F))
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
        same(getattr(CF, name)(x, out), theirs[0])
        weights = torch.randn_like(theirs[0])
        torch.testing.assert_close(*(gradient(f, name, x, out, weights) for f in (CF, F)))
        compared += 1
    assert compared > 150


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.int64, torch.bool])
@pytest.mark.parametrize("name", NAMES)
def test_each_dtype_is_taken_or_refused_as_by_torch(name, dtype, device):
    n = axes(name)
    x = (torch.arange(math.prod(SHAPES[n])) % 7).reshape(SHAPES[n]).to(device, dtype)
    for size in (1, 2):
        try:
            expected = getattr(F, name)(x, size)
        except (NotImplementedError, RuntimeError) as error:
            with pytest.raises(type(error), match=rf"{name}\(\): input.dtype={dtype} must be one of"):
                getattr(CF, name)(x, size)
        else:
            same(getattr(CF, name)(x, size), expected)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data(), name=st.sampled_from(NAMES), seed=st.integers(0, 99))
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(data, name, seed):
    n = axes(name)
    sizes = data.draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    batch = data.draw(st.sampled_from([(1, 1), (2, 3), (3,), (0, 2), (2, 0), (0,), (), (1, 1, 1)]))
    one = st.integers(-1, 12) | st.none() | st.just(2.0)
    out = data.draw(one | st.booleans() | st.lists(one, min_size=max(0, n - 1), max_size=n + 1).map(tuple))
    x = ties((*batch, *sizes), seed)
    try:
        expected = pooled(F, name, x, out)
    except Exception as error:
        with pytest.raises(type(error), match=rf"{name}\(\): "):
            pooled(CF, name, x, out)
    else:
        for one, other in zip(pooled(CF, name, x, out), expected, strict=True):
            same(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_names_argument_value_and_range(name):
    n = axes(name)
    x = torch.ones(SHAPES[n])
    for size, kind, words in (
        (-1, RuntimeError, "output_size=-1 must be at least 0"),
        (2.0, TypeError, "output_size=2.0 must be an int or a sequence of"),
        ((2,) * (n + 1), RuntimeError, f"must be an int or have {n} entries"),
        ((2,) * 7, RuntimeError if n == 1 else ValueError, f"must be an int or have {n} entries"),
    ):
        with pytest.raises(kind, match=words):
            getattr(CF, name)(x, size)
    with pytest.raises(RuntimeError, match=r"input must have . or . axes, \(C, .* its shape is \(3,\)"):
        getattr(CF, name)(torch.ones(3), 2)
    with pytest.raises(TypeError, match="input must be a Tensor, not list"):
        getattr(CF, name)([1.0], 1)
    with pytest.raises(RuntimeError, match="input must have at least 1 entry on every"):
        getattr(CF, name)(torch.ones(2, 3, *(0,) * n), 2)


CALLS = {
    "max, dividing": lambda f, x: f.adaptive_max_pool2d(x, (3, 2)),
    "max, sharing": lambda f, x: f.adaptive_max_pool2d(x, (4, 3)),
    "max, more": lambda f, x: f.adaptive_max_pool2d(x, (8, 5)),
    "max, whole": lambda f, x: f.adaptive_max_pool2d(x, 1),
    "max, three axes": lambda f, x: f.adaptive_max_pool3d(x, 2),
    "avg, sharing": lambda f, x: f.adaptive_avg_pool2d(x, (4, 3)),
    "avg, whole": lambda f, x: f.adaptive_avg_pool2d(x, 1),
    "avg, one axis": lambda f, x: f.adaptive_avg_pool1d(x.flatten(1), 7),
}


def volume(seed: int = 0, device: str = "cpu") -> torch.Tensor:
    """(2, 3, 6, 4), no two entries equal."""
    order = torch.randperm(144, generator=torch.Generator().manual_seed(seed))
    return (order.reshape(2, 3, 6, 4) / 10 - 5.5).to(device, torch.float64)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_first_second_and_forward_derivatives_are_those_of_the_values(call):
    x = volume()[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: call(CF, x), x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: call(CF, x).pow(2), x, fast_mode=True)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_vmap_adds_an_axis_to_values_and_gradients(call):
    batch = torch.stack([volume(seed) for seed in range(3)])

    def energy(x):
        return call(CF, x).pow(2).sum()

    torch.testing.assert_close(torch.func.vmap(lambda x: call(CF, x))(batch), torch.stack([call(F, x) for x in batch]))
    torch.testing.assert_close(
        torch.func.vmap(torch.func.grad(energy))(batch), torch.stack([torch.func.grad(energy)(x) for x in batch])
    )
