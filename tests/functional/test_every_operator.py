"""What holds for every public function: vmap, torch.compile, CUDA, a tested example, refusals that change nothing."""

from __future__ import annotations

import ast
import doctest
import inspect
import itertools
import sys
from collections.abc import Callable

import pytest
import torch
from torch.utils._pytree import tree_map

import course_lib.functional as CF
from tests.bad_arguments import BAD

SIGNAL, IMAGE, VOLUME = (2, 4, 8), (2, 4, 6, 8), (2, 4, 4, 4, 4)
SHAPES = {1: SIGNAL, 2: IMAGE, 3: VOLUME}


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _calls() -> dict[str, tuple[tuple[int, ...], dict]]:
    """For each public function the shape of an input, and the other arguments of a call that it takes."""
    calls: dict[str, tuple[tuple[int, ...], dict]] = {
        "batch_norm": (IMAGE, {"running_mean": numbers(4), "running_var": numbers(4).abs()}),
        "channel_shuffle": (IMAGE, {"groups": 2}),
        "fold": ((2, 12, 8), {"output_size": (4, 5), "kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)}),
        "interpolate": (IMAGE, {"size": (4, 9), "mode": "bilinear", "antialias": True}),
        "pixel_shuffle": (IMAGE, {"upscale_factor": 2}),
        "pixel_unshuffle": (IMAGE, {"downscale_factor": 2}),
        "relu": (IMAGE, {}),
        "spatial_pyramid_pool": (IMAGE, {"output_sizes": (2, 1)}),
        "unfold": (IMAGE, {"kernel_size": 2, "padding": 1, "stride": (1, 2)}),
        "upsample": (IMAGE, {"scale_factor": 2}),
        "upsample_bilinear": (IMAGE, {"scale_factor": 2}),
        "upsample_nearest": (IMAGE, {"scale_factor": 2}),
    }
    # What is written once for N axes is called in another way on each number of them.
    windows = {
        1: {"kernel_size": 2, "stride": 1, "padding": 1},
        2: {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
        3: {"kernel_size": 2},
    }
    convolution = {1: {"dilation": 2, "padding": 1}, 2: {"padding": 1}, 3: {"stride": 2}}
    unpooling = {1: {"stride": 2, "padding": 1}, 2: {"convention": "adjoint"}, 3: {}}
    for n, shape in SHAPES.items():
        whole, half = shape[2:], tuple(size // 2 for size in shape[2:])
        for kind in ("max", "avg"):
            calls[f"{kind}_pool{n}d"] = shape, windows[n]
            calls[f"adaptive_{kind}_pool{n}d"] = shape, {"output_size": (1, (4, 3), 2)[n - 1]}  # all, sharing, dividing
        calls[f"min_pool{n}d"] = shape, windows[n]
        calls[f"lp_pool{n}d"] = shape, {"norm_type": 2, "kernel_size": 2, "stride": (None, 1, 2)[n - 1]}
        calls[f"blur_pool{n}d"] = shape, {"kernel_size": (3, 4, 2)[n - 1]}
        calls[f"avg_unpool{n}d"] = shape, {"kernel_size": 2, **unpooling[n]}
        places = torch.arange(torch.Size(half).numel()).reshape(half).expand(2, 4, *half).contiguous()
        calls[f"max_unpool{n}d"] = (2, 4, *half), {"indices": places, "kernel_size": 2, "output_size": whole}
        kernel = ((3,), (3, 3), (2, 2, 2))[n - 1]
        calls[f"conv{n}d"] = shape, {"weight": numbers(6, 4, *kernel, seed=1), **convolution[n]}
        calls[f"conv_transpose{n}d"] = shape, {"weight": numbers(4, 6, *kernel, seed=1), **convolution[n]}
    return calls


CALLS = _calls()


def run(name: str, x: torch.Tensor, arguments: dict) -> torch.Tensor:
    return getattr(CF, name)(x, **arguments)


def with_gradient(function: Callable, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = function(x)
    return y.detach(), torch.autograd.grad(y.square().sum(), x)[0]


def test_every_public_function_is_here():
    assert sorted(CALLS) == sorted(CF.__all__)
    assert len(CALLS) == 45


@pytest.mark.parametrize("name", CF.__all__)
def test_each_has_an_example_in_its_docstring(name):
    function = getattr(CF, name)
    if name.startswith("upsample"):
        assert "interpolate" in function.__doc__  # an old name, which warns
        return
    examples = doctest.DocTestParser().get_examples(function.__doc__)
    assert any(name in example.source for example in examples)
    module = sys.modules[function.__module__]  # whose examples tests/test_examples.py runs
    assert name in {node.name for node in ast.parse(inspect.getsource(module)).body if hasattr(node, "name")}


@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("name", CALLS)
def test_vmap_is_a_loop(name):
    shape, arguments = CALLS[name]
    batch = torch.stack([numbers(*shape, seed=seed) for seed in range(3)], dim=1)
    together = torch.func.vmap(lambda x: run(name, x, arguments), in_dims=1)(batch)
    one_by_one = torch.stack([run(name, x, arguments) for x in batch.unbind(1)])
    torch.testing.assert_close(together, one_by_one)


# One of each family also meets symbols for its first and last size, and other sizes after the first. interpolate does
# so in test_interpolation_gradients.py.
DYNAMIC = (
    *("adaptive_avg_pool1d", "avg_pool1d", "avg_unpool2d", "batch_norm", "blur_pool1d", "conv1d", "conv_transpose1d"),
    *("max_pool1d", "pixel_shuffle", "relu", "unfold"),
)


@pytest.mark.filterwarnings("ignore:.*deprecated", "ignore:.*torch.jit.script")
@pytest.mark.parametrize("name", CALLS)
def test_torch_compile_takes_it_whole_with_its_gradient(name):
    torch.compiler.reset()
    shape, arguments = CALLS[name]
    shapes = [shape, (shape[0] + 1, *shape[1:-1], shape[-1] + 2)] if name in DYNAMIC else [shape]
    compiled = torch.compile(lambda x: run(name, x, arguments), fullgraph=True, backend="aot_eager")

    def with_symbols(x):
        if name in DYNAMIC:
            torch._dynamo.maybe_mark_dynamic(x, [0, x.dim() - 1])
        return compiled(x)

    for shape in shapes:
        x = numbers(*shape).abs()
        torch.testing.assert_close(with_gradient(with_symbols, x), with_gradient(lambda x: run(name, x, arguments), x))


def test_torch_compile_takes_arguments_that_are_not_fixed():
    torch.compiler.reset()
    compiled = torch.compile(CF.max_pool1d, fullgraph=True, dynamic=True, backend="aot_eager")
    x = -numbers(*SIGNAL).abs()
    for stride in (2, 3):
        assert torch.equal(compiled(x, 3, stride, 1, 2), CF.max_pool1d(x, 3, stride, 1, 2))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA")
@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_cuda_gives_what_a_cpu_gives(name, last, dtype):
    shape, arguments = CALLS[name]
    x = numbers(*shape).abs().to(dtype)
    if last and x.dim() > 3:
        x = x.contiguous(memory_format=torch.channels_last if x.dim() == 4 else torch.channels_last_3d)
    floats = tree_map(lambda a: a.to(dtype) if isinstance(a, torch.Tensor) and a.is_floating_point() else a, arguments)
    there = tree_map(lambda a: a.cuda() if isinstance(a, torch.Tensor) else a, floats)
    ours = with_gradient(lambda x: run(name, x, there), x.cuda())
    if name in ("avg_pool3d", "lp_pool3d") and dtype is not torch.float32:
        x = x.float()  # since no CPU takes their halves
    theirs = with_gradient(lambda x: run(name, x, floats), x)
    tolerance = {} if dtype is torch.float32 else {"rtol": 3e-2, "atol": 3e-2}
    assert ours[0].dtype is dtype
    torch.testing.assert_close([t.cpu() for t in ours], [*theirs], check_dtype=False, **tolerance)
    assert ours[0].stride() == theirs[0].stride()


REFUSALS = (
    *(TypeError, ValueError, RuntimeError, IndexError),
    *(NotImplementedError, OverflowError, ZeroDivisionError),
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_a_bad_argument_is_refused_in_words_and_nothing_is_changed(name):
    """Whatever one argument is, the call answers, or says with the function's name which argument it does not take."""
    shape, arguments = CALLS[name]
    function, arguments = getattr(CF, name), {"input": numbers(*shape), **arguments}
    for which, bad in itertools.product(inspect.signature(function).parameters, BAD):
        given = tree_map(lambda a: a.clone() if isinstance(a, torch.Tensor) else a, arguments)
        refusal = None
        try:
            function(**{**given, which: bad})
        except REFUSALS as error:
            refusal = error
        if refusal is not None:
            assert str(refusal).startswith(f"{name}(): "), f"{which}={bad!r}: {type(refusal).__name__}: {refusal}"
            for key, before in arguments.items():
                assert not isinstance(before, torch.Tensor) or torch.equal(given[key], before)
