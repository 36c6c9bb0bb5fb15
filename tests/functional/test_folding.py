"""Unfold and fold by example, against torch over all arguments, as each other's transpose, and their refusals."""

from __future__ import annotations

import doctest
import inspect
import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib import geometry
from course_lib.functional import folding

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def whole(*shape: int, seed: int = 0, **options) -> torch.Tensor:
    """Whole numbers from -4 to 4: floats add them up without rounding, in whatever order."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float().to(**options)


def same(name: str, *arguments, **options) -> bool:
    """Both give the same answer (True), or both refuse with the same kind of error, ours with its name in it."""
    try:
        expected = getattr(F, name)(*arguments, **options)
    except Exception as error:
        expected = error
    if isinstance(expected, Exception):
        with pytest.raises(type(expected)) as ours:
            getattr(CF, name)(*arguments, **options)
        assert ours.type is type(expected), f"torch: {expected}; ours: {ours.value}"
        assert str(ours.value).startswith(f"{name}(): ")
        return False
    y = getattr(CF, name)(*arguments, **options)
    torch.testing.assert_close(y, expected, rtol=0, atol=0)
    return True


def test_the_documented_examples_run():
    results = doctest.testmod(folding)
    assert results.attempted == 2
    assert results.failed == 0


def test_each_window_becomes_a_column():
    x = torch.arange(9.0).reshape(1, 3, 3)
    assert CF.unfold(x, 2).tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    assert CF.unfold(x, 2, stride=2, padding=1).tolist() == [[0, 0, 0, 4], [0, 0, 3, 5], [0, 1, 0, 7], [0, 2, 6, 8]]
    assert CF.unfold(x, 2, dilation=2).tolist() == [[0], [2], [6], [8]]


def test_channels_come_first_in_a_column():
    x = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    assert CF.unfold(x, (1, 2)).tolist() == [[1], [2], [3], [4]]


def test_fold_counts_how_many_windows_read_each_position():
    ones = CF.unfold(torch.ones(1, 1, 3, 3), 2)
    assert CF.fold(ones, 3, 2).tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


def test_a_convolution_is_a_product_with_columns():
    x, w = whole(2, 3, 6, 5), whole(4, 3, 3, 2, seed=1)
    y = w.flatten(1) @ CF.unfold(x, (3, 2), padding=1, stride=2)
    assert torch.equal(y.unflatten(-1, (3, 3)), CF.conv2d(x, w, stride=2, padding=1))


GRID = list(itertools.product((1, 2, (2, 3)), (1, 2, (1, 2)), (0, 1, (2, 0)), (1, 2, (3, 1))))


@pytest.mark.parametrize("device", DEVICES)
def test_every_argument_against_torch_and_the_transpose(device):
    compared = 0
    x = whole(2, 3, 7, 6, device=device)
    for image in (x, x[0], x[:0], x.mT, x[..., ::2], x.contiguous(memory_format=torch.channels_last)):
        for law in GRID:
            if not same("unfold", image, *law):
                continue
            columns = F.unfold(image, *law)
            assert same("fold", columns, image.shape[-2:], *law)
            c = whole(*columns.shape, seed=1, device=device)
            assert (CF.unfold(image, *law) * c).sum() == (image * CF.fold(c, image.shape[-2:], *law)).sum()
            compared += 1
    assert compared > 300


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128, torch.bool),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    ],
)
def test_each_dtype_is_taken_or_refused_as_by_torch(dtype, device):
    same("unfold", whole(2, 3, 5, 5).to(device, dtype), 3)
    same("fold", whole(2, 9, 9).to(device, dtype), 5, 3)


def one_or_each(low: int, high: int):
    return st.integers(low, high) | st.tuples(st.integers(low, high), st.integers(low, high))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    law=st.tuples(one_or_each(0, 4), one_or_each(0, 3), one_or_each(-1, 2), one_or_each(0, 3)),
    size=st.tuples(st.integers(0, 7), st.integers(1, 7)),
    batch=st.sampled_from([(), (2,), (0,), (1, 1)]),
    channels=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(law, size, batch, channels, seed):
    x = whole(*batch, channels, *size, seed=seed)
    if same("unfold", x, *law):
        columns = CF.unfold(x, *law)
        assert same("fold", columns, size, *law)
        same("fold", columns[..., 1:], size, *law)
        same("fold", columns[..., 1:, :], size, *law)
        same("fold", columns, (size[0] + 1, size[1]), *law)


@pytest.mark.parametrize("name", ["unfold", "fold"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kernel_size": 0}, "kernel_size=0 must be at least 1"),
        ({"kernel_size": (3,)}, r"kernel_size=\(3,\) must be an int or have 2 entries, \(H, W\)"),
        ({"kernel_size": (3, 3, 3)}, "must be an int or have 2 entries"),
        ({"kernel_size": None}, "kernel_size=None must be an int"),
        ({"kernel_size": 2.0}, "kernel_size=2.0 must be an int"),
        ({"dilation": 0}, "dilation=0 must be at least 1"),
        ({"padding": -1}, "padding=-1 must be at least 0"),
        ({"padding": ()}, "must be an int or have 2 entries"),
        ({"stride": 0}, "stride=0 must be at least 1"),
        ({"stride": "2"}, "stride='2' must be an int"),
    ],
)
def test_an_argument_out_of_range_is_named(name, options, words):
    x = {"input": torch.ones(1, 2, 5, 5)} if name == "unfold" else {"input": torch.ones(1, 18, 9), "output_size": 5}
    arguments = {**x, "kernel_size": 3, **options}
    assert not same(name, **arguments)
    with pytest.raises(Exception, match=words):
        getattr(CF, name)(**arguments)


def test_a_shape_that_does_not_fit_is_named():
    for x, words in ((torch.ones(4, 4), "3 or 4 axes"), (torch.ones(1, 0, 4, 4), "no empty one but the batch")):
        assert not same("unfold", x, 2)
        with pytest.raises((IndexError, RuntimeError), match=words):
            CF.unfold(x, 2)
    for shape, size, words in (
        ((1, 18, 8), 5, r"input.shape\[-1\]=8 must be 3 · 3 = 9, the number of windows on output_size=\(5, 5\)"),
        ((1, 17, 9), 5, r"input.shape\[-2\]=17, the entries of a column, must be a multiple of 9"),
        ((1, 18, 9), 2, "no window fits: it spans 3 positions"),
        ((18,), 5, "2 or 3 axes"),
    ):
        assert not same("fold", torch.ones(shape), size, 3)
        with pytest.raises(RuntimeError, match=words):
            CF.fold(torch.ones(shape), size, 3)


@pytest.mark.parametrize("name", ["unfold", "fold"])
@pytest.mark.parametrize("law", [(3, 1, 1, 2), (2, 2, 0, 1), ((1, 3), 1, (0, 1), (2, 1))])
def test_derivatives_of_every_kind(name, law):
    x = torch.arange(60, dtype=torch.float64).reshape(1, 2, 6, 5).sin()
    x, arguments = (x, law) if name == "unfold" else (F.unfold(x, *law).cos(), ((6, 5), *law))
    results = []
    for f in (CF, F):

        def run(x, f=f):
            return getattr(f, name)(x, *arguments)

        each = torch.func.vmap(torch.func.grad(lambda x, run=run: run(x).sin().sum()), 2)(torch.stack([x, 2 * x], 2))
        results.append((torch.func.jvp(run, (x,), (x.cos(),)), each))
    torch.testing.assert_close(*results)
    leaf = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: getattr(CF, name)(x, *arguments), leaf, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: getattr(CF, name)(x, *arguments).sin(), leaf, fast_mode=True)


def test_names_order_and_defaults_are_torchs():
    for name in ("unfold", "fold"):
        ours, theirs = (
            [(p.name, p.default) for p in inspect.signature(getattr(f, name)).parameters.values()] for f in (CF, F)
        )
        assert ours == theirs


def test_the_size_that_a_transposed_convolution_makes():
    for size, kernel_size, stride, padding, dilation in itertools.product((1, 2, 5), (1, 3), (1, 3), (0, 1), (1, 2)):
        if (size - 1) * stride + dilation * (kernel_size - 1) + 1 <= 2 * padding:
            continue
        least = geometry.transposed_size(size, kernel_size, stride, padding, dilation=dilation)
        for more in range(stride):
            assert geometry.output_size(least + more, kernel_size, stride, padding, dilation) == size
            assert geometry.transposed_size(size, kernel_size, stride, padding, more, dilation) == least + more
    for arguments, words in (((0, 3), "size=0"), ((1, 3, 1, 0, -1), "output_padding=-1"), ((1, 3, 1, 2), "padding=2")):
        with pytest.raises(ValueError, match=words):
            geometry.transposed_size(*arguments)
