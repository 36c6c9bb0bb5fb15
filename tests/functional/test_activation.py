"""ReLU by example, against torch, its derivatives, and its refusals."""

from __future__ import annotations

import doctest
import inspect
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF
from course_lib.functional import activation

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
NAN, INF = math.nan, math.inf


def bits_equal(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)
    assert ours.stride() == theirs.stride()
    if theirs.is_floating_point():
        assert torch.equal(torch.signbit(ours)[~theirs.isnan()], torch.signbit(theirs)[~theirs.isnan()])


def test_the_documented_example_runs():
    results = doctest.testmod(activation)
    assert results.attempted == 1
    assert results.failed == 0


def test_what_is_below_zero_becomes_zero():
    assert CF.relu(torch.tensor([-2.0, -0.5, 0.0, 3.0])).tolist() == [0, 0, 0, 3]


def test_in_place_writes_over_the_input():
    x = torch.tensor([-1, 2])
    assert CF.relu(x, inplace=True) is x
    assert x.tolist() == [0, 2]
    y = torch.tensor([-1, 2])
    CF.relu(y)
    assert y.tolist() == [-1, 2]


def test_the_gradient_at_zero_is_zero_and_of_nan_one():
    x = torch.tensor([-1.0, -0.0, 0.0, 2.0, NAN, INF], requires_grad=True)
    CF.relu(x).backward(torch.full((6,), 7.0))
    assert x.grad.tolist() == [0, 0, 0, 7, 7, 7]


def test_no_infinite_gradient_passes_a_closed_gate():
    x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    CF.relu(x).backward(torch.tensor([INF, NAN, INF]))
    assert x.grad.tolist() == [0, 0, INF]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16),
        *(torch.int32, torch.int64, torch.bool, torch.uint16, torch.complex64),
    ],
)
def test_every_dtype_and_view_against_torch(dtype, inplace, device):
    x = torch.arange(-36, 36).reshape(2, 3, 3, 4).to(device, dtype)
    for view in (
        *(x, x[0, 0, 0, 0], x[:0], x.mT, x[..., ::2]),
        x.contiguous(memory_format=torch.channels_last),
        x[:1].expand(2, -1, -1, -1),
    ):
        arguments = [view.clone() if view.is_contiguous() else view for _ in range(2)]
        if inplace and view.is_contiguous() is False:
            arguments = [view, view]  # the second walk changes nothing more
        try:
            expected = F.relu(arguments[0], inplace)
        except Exception as error:
            expected = error
        if isinstance(expected, Exception):
            with pytest.raises(type(expected)):
                CF.relu(arguments[1], inplace)
        else:
            bits_equal(CF.relu(arguments[1], inplace), expected)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    numbers=st.lists(st.floats(width=32) | st.sampled_from([0.0, -0.0, NAN, INF, -INF]), max_size=20),
    gradient=st.floats(width=32),
    inplace=st.booleans(),
)
def test_any_numbers_and_gradients_are_torchs(numbers, gradient, inplace):
    results = []
    for f in (CF, F):
        x = torch.tensor(numbers, requires_grad=True)
        y = f.relu(x * 1, inplace)
        y.backward(torch.full_like(y, gradient))
        results.append((y.detach(), x.grad))
    for ours, theirs in zip(*results, strict=True):
        bits_equal(ours, theirs)


@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        ("x", TypeError, "input must be a Tensor, not str"),
        (3, TypeError, "input must be a Tensor, not int"),
        (torch.tensor([True]), RuntimeError, "input.dtype=torch.bool must be one of"),
        (torch.ones(1, dtype=torch.complex64), NotImplementedError, "input.dtype=torch.complex64 must be one of"),
    ],
)
def test_what_is_refused_is_named(x, kind, words):
    with pytest.raises(kind):
        F.relu(x)
    with pytest.raises(kind, match=rf"relu\(\): {words}"):
        CF.relu(x)


def test_a_leaf_that_needs_a_gradient_is_not_written_over():
    x = torch.tensor([-1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        CF.relu(x, inplace=True)


@pytest.mark.parametrize("inplace", [False, True])
def test_derivatives_of_every_kind(inplace):
    x = torch.arange(-6, 6, dtype=torch.float64).reshape(3, 4).add(0.5)
    results = []
    for f in (CF, F):

        def run(x, f=f):
            return f.relu(x * 2, inplace)

        each = torch.func.vmap(torch.func.grad(lambda x: run(x).sin().sum()), 1)(torch.stack([x, -x], 1))
        results.append((torch.func.vmap(run)(x), torch.func.jvp(run, (x,), (x.cos(),)), each))
    torch.testing.assert_close(*results)
    leaf = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: CF.relu(x * 2, inplace), leaf, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: CF.relu(x * 2, inplace).square(), leaf)


def test_torch_compile_takes_it_in_place():
    torch.compiler.reset()
    x = torch.arange(-6.0, 6.0).requires_grad_()
    compiled = torch.compile(lambda x: CF.relu(x * 2, inplace=True).square(), fullgraph=True, backend="aot_eager")
    y = compiled(x)
    assert torch.equal(y, F.relu(x * 2).square())
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], 8 * F.relu(x))


def test_names_order_and_defaults_are_torchs():
    ours, theirs = ([(p.name, p.default) for p in inspect.signature(f.relu).parameters.values()] for f in (CF, F))
    assert ours == theirs
