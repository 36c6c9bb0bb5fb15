"""Batch normalization by example, against torch over all arguments, its derivatives, and its refusals."""

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
from course_lib.functional import normalization

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}
SHAPES = [(4, 3), (3, 3, 5), (2, 3, 5, 4), (2, 3, 2, 3, 2)]


def random(*shape: int, seed: int = 0, **options) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(**options)


def tensors(channels: int, **options) -> list[torch.Tensor]:
    """Running mean, running variance, weight and bias."""
    return [random(channels, seed=seed, **options).abs() + 0.1 * seed for seed in range(4)]


def same(x, *given, **options) -> bool:
    """Both give the same answer and running statistics (True), or both refuse, and change nothing."""
    results, copies = [], []
    for f in (F, CF):
        copies.append([t.clone() if isinstance(t, torch.Tensor) else t for t in given])
        try:
            results.append(f.batch_norm(x, *copies[-1], **options))
        except Exception as error:
            results.append(error)
    theirs, ours = results
    if isinstance(theirs, Exception):
        # On CUDA the kernel that torch chooses says the word, and not always the same one.
        assert type(ours) is type(theirs) or x.is_cuda, f"torch: {theirs!r}; ours: {ours!r}"
        assert str(ours).startswith("batch_norm(): ")
        assert all(a is b or torch.equal(a, b) for a, b in zip(given, copies[1], strict=True) if a is not None)
        return False
    half = theirs.dtype in (torch.float16, torch.bfloat16)
    tolerance = {"rtol": 2e-2, "atol": 2e-2} if half else {}
    torch.testing.assert_close(ours, theirs, **tolerance)
    after = [[t for t in copy if isinstance(t, torch.Tensor)] for copy in copies]
    torch.testing.assert_close(*after, **tolerance)
    if theirs.numel() and not x.is_cuda:  # where that kernel decides the format too
        assert steps(ours) == steps(theirs)
    return True


def steps(y: torch.Tensor) -> list[int]:
    """The memory format: the strides, but for axes of one position, whose stride says nothing."""
    return [step for step, size in zip(y.stride(), y.shape, strict=True) if size > 1]


def test_the_documented_example_runs():
    results = doctest.testmod(normalization)
    assert results.attempted == 3
    assert results.failed == 0


def test_each_channel_gets_mean_zero_and_variance_one():
    x = torch.tensor([[[1.0, 3.0], [10.0, 10.0]], [[5.0, 7.0], [10.0, 10.0]]])
    y = CF.batch_norm(x, None, None, training=True, eps=1e-12)
    torch.testing.assert_close(y[:, 0], torch.tensor([[-3.0, -1.0], [1.0, 3.0]]) / 5**0.5)
    assert y[:, 1].tolist() == [[0, 0], [0, 0]]


def test_evaluation_takes_the_running_statistics():
    x, mean, var = torch.tensor([[7.0]]), torch.tensor([1.0]), torch.tensor([4.0])
    assert CF.batch_norm(x, mean, var, eps=0.0).tolist() == [[3]]
    assert CF.batch_norm(x, mean, var, torch.tensor([10.0]), torch.tensor([0.5]), eps=0.0).tolist() == [[30.5]]
    assert (mean.item(), var.item()) == (1, 4)


def test_training_moves_the_running_statistics():
    x, mean, var = torch.tensor([[1.0], [5.0]]), torch.tensor([0.0]), torch.tensor([0.0])
    CF.batch_norm(x, mean, var, training=True, momentum=0.25)
    assert (mean.item(), var.item()) == (0.75, 2)  # a quarter of the way to 3, and to 8 = (4 + 4) / (2 - 1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("training", [False, True])
def test_every_argument_against_torch(shape, training, device):
    mean, var, weight, bias = tensors(3, device=device)
    x, compared = random(*shape, device=device), 0
    inputs = [x, 100 * x - 50, x[:0], x.transpose(0, 1)[:3].transpose(0, 1), x.flip(0)]
    if x.dim() > 3:
        inputs += [x.contiguous(memory_format=FORMATS[x.dim()]), x.mT, x[..., ::2]]
    for x, w, b, momentum, eps in itertools.product(inputs, (None, weight), (None, bias), (0.1, 0, 1), (1e-5, 0.1)):
        assert same(x, mean, var, w, b, training, momentum, eps)
        compared += 1
        if training:
            assert same(x, None, None, w, b, training, momentum, eps)
    assert compared >= 120


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("training", [False, True])
def test_each_dtype_and_mixture_is_taken_or_refused_as_by_torch(training, device):
    dtypes = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    taken = 0
    for dtype, statistics, parameters in itertools.product(dtypes, repeat=3):
        mean, var = tensors(3, device=device, dtype=statistics)[:2]
        weight, bias = tensors(3, device=device, dtype=parameters)[2:]
        x = random(4, 3, 5, device=device, dtype=dtype)
        # Which mixtures CUDA takes depends on the kernel that it chooses.
        if device == "cpu" or dtype == statistics == parameters:
            taken += same(x, mean, var, weight, bias, training)
    assert taken >= 4
    for dtype in (torch.int64, torch.uint8, torch.bool, torch.complex64):
        assert not same(random(4, 3, 5, device=device).to(dtype), *tensors(3, device=device), training)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data(), training=st.booleans(), seed=st.integers(0, 99))
def test_any_arguments_give_torchs_answer_or_torchs_kind_of_refusal(data, training, seed):
    shape = data.draw(st.tuples(st.integers(0, 4), st.integers(1, 4)))
    shape += tuple(data.draw(st.lists(st.integers(0, 4), max_size=2)))
    channels = data.draw(st.sampled_from([shape[1]] * 5 + [shape[1] + 1]))
    given = [data.draw(st.sampled_from([t, t, None])) for t in tensors(channels)]
    eps = data.draw(st.sampled_from([1e-5, 1e-5, 0.5, 0, -1]))
    same(random(*shape, seed=seed), *given, training, data.draw(st.sampled_from([0.1, 0.0, 1.0, 1.5])), eps)


def test_no_precision_is_lost_far_from_zero():
    x = random(64, 1, 8, dtype=torch.float64) + 1000
    exact = CF.batch_norm(x, None, None, training=True)
    single = CF.batch_norm(x.float(), None, None, training=True)
    assert (single - exact).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("x", "given", "kind", "words"),
    [
        ((1, 3), {}, ValueError, r"input must have more than 1 value per channel in training, .* \(1, 3\)"),
        ((1, 3, 1, 1), {}, ValueError, "more than 1 value per channel"),
        ((4,), {}, IndexError, "input must have 2 axes or more"),
        ((4, 3), {"running_mean": torch.zeros(3)}, ValueError, "must both be Tensors, or both None, in training"),
        ((4, 3), {"training": False}, RuntimeError, "running_mean must be a Tensor in evaluation"),
        ((4, 3), {"training": 1}, TypeError, "training=1 must be True or False"),
        ((4, 3), {"momentum": None}, TypeError, "momentum=None must be a float"),
        ((4, 3), {"eps": "0"}, TypeError, "eps='0' must be a float"),
        ((4, 3), {"eps": 0}, ValueError, "eps=0 must be greater than 0"),
        ((4, 3), {"training": False, "eps": -1}, ValueError, "eps=-1 must be at least 0"),
        ((4, 3), {"weight": torch.ones(2)}, RuntimeError, r"weight must have the shape \(3,\), .* not \(2,\)"),
        ((4, 3), {"bias": 1.0}, TypeError, "bias must be a Tensor or None, not float"),
        ((4, 3), {"weight": torch.ones(3).double()}, RuntimeError, "weight.dtype=torch.float64 must be torch.float32"),
        (
            (4, 3),
            {"running_mean": torch.zeros(3, requires_grad=True), "running_var": torch.ones(3)},
            RuntimeError,
            "running_mean must not require a gradient",
        ),
        (
            (4, 3),
            {"running_mean": torch.zeros(1, 3), "running_var": torch.ones(1, 3)},
            RuntimeError,
            r"running_mean must have the shape \(3,\)",
        ),
    ],
)
def test_what_is_refused_is_named(x, given, kind, words):
    arguments = {"running_mean": None, "running_var": None, "training": True, **given}
    with pytest.raises(kind):
        F.batch_norm(torch.ones(x), **arguments)
    with pytest.raises(kind, match=rf"batch_norm\(\): .*{words}"):
        CF.batch_norm(torch.ones(x), **arguments)


CALLS = {
    "batch": lambda f, x, w, b: f.batch_norm(x, None, None, w, b, True),
    "batch, plain": lambda f, x, w, b: f.batch_norm(x, None, None, None, None, True),
    "batch, weight": lambda f, x, w, b: f.batch_norm(x, None, None, w, None, True, eps=0.1),
    "running": lambda f, x, w, b: f.batch_norm(x, x.new_tensor([1.0, 2, 3]), x.new_tensor([4.0, 5, 6]), w, b),
    "running, weight": lambda f, x, w, b: f.batch_norm(x, x.new_ones(3), x.new_ones(3), w),
}


@pytest.fixture(params=CALLS.values(), ids=CALLS)
def call(request):
    return request.param


def loss(call, f):
    return lambda *t: call(f, *t).sin().sum()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_torchs(call, shape, device):
    first = random(*shape, dtype=torch.float64, device=device)
    for x in (first, first.contiguous(memory_format=FORMATS[len(shape)]) if len(shape) > 3 else first.flip(0)):
        results = []
        for f in (CF, F):
            leaves = [t.clone().requires_grad_() for t in (x, *tensors(3, dtype=x.dtype, device=device)[2:])]
            once = torch.autograd.grad(loss(call, f)(*leaves), leaves, allow_unused=True)
            first = torch.autograd.grad(loss(call, f)(*leaves), leaves, create_graph=True, allow_unused=True)
            torch.testing.assert_close(once, first)
            second = torch.autograd.grad(sum(g.sin().sum() for g in first if g is not None), leaves, allow_unused=True)
            results.append((once, second))
        torch.testing.assert_close(*results)


def test_derivatives_agree_with_differences(call):
    leaves = [t.double().requires_grad_() for t in (random(3, 3, 2), *tensors(3)[2:])]
    assert torch.autograd.gradcheck(lambda *t: call(CF, *t), leaves, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda *t: call(CF, *t).sin(), leaves, fast_mode=True)


@pytest.mark.parametrize("dims", [(0, None, None), (None, 0, 0), (2, 1, 0), (None, None, 0)])
def test_vmap_and_its_gradients_are_torchs(call, dims):
    given = [random(4, 3, 2).double(), *(t.double() for t in tensors(3)[2:])]
    batched = [t if dim is None else torch.stack([t, -2 * t], dim) for t, dim in zip(given, dims, strict=True)]
    used = [i for i, d in enumerate(dims) if d is not None]
    for transform in (lambda f: lambda *t: call(f, *t), lambda f: torch.func.grad(loss(call, f), used[0])):
        ours, theirs = (torch.func.vmap(transform(f), dims)(*batched) for f in (CF, F))
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("training", [False, True])
def test_torch_compile_takes_it_whole(training):
    torch.compiler.reset()
    results = []
    for f in (CF, F):
        mean, var, weight, bias = tensors(3)
        leaves = [t.requires_grad_() for t in (random(2, 3, 4, 4), weight, bias)]

        def run(x, weight, bias, f=f, mean=mean, var=var):
            return f.batch_norm(x, mean, var, weight, bias, training)

        y = (torch.compile(run, fullgraph=True, backend="aot_eager") if f is CF else run)(*leaves)
        results.append((y, torch.autograd.grad(y.sin().sum(), leaves), mean, var))
    torch.testing.assert_close(*results)


def test_names_order_and_defaults_are_torchs():
    ours, theirs = ([(p.name, p.default) for p in inspect.signature(f.batch_norm).parameters.values()] for f in (CF, F))
    assert ours == theirs
