"""Interpolation's derivatives: the transposed matrix; first, second, batched and forward; torch.compile."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import course_lib.functional as CF

INF = float("inf")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

# One call of each kind: growing, shrinking, by whole and by other steps.
CALLS = {
    "nearest": {"scale_factor": 2},
    "nearest, smaller": {"size": (3, 2)},
    "nearest-exact": {"size": (7, 6), "mode": "nearest-exact"},
    "bilinear, doubled": {"scale_factor": 2, "mode": "bilinear"},
    "bilinear, halved": {"scale_factor": 0.5, "mode": "bilinear"},
    "bilinear, corners": {"size": (9, 7), "mode": "bilinear", "align_corners": True},
    "bilinear, antialiased": {"size": (2, 3), "mode": "bilinear", "antialias": True},
    "bicubic": {"scale_factor": 1.6, "mode": "bicubic"},
    "bicubic, antialiased": {"size": (3, 7), "mode": "bicubic", "antialias": True},
    "area": {"size": (3, 3), "mode": "area"},
}
OTHER_AXES = {"linear": (1, 2, 7), "trilinear": (1, 1, 2, 3, 3)}


def image(seed: int = 0, device: str = "cpu") -> torch.Tensor:
    return torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(device)


def gradient(function, x: torch.Tensor) -> torch.Tensor:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = function(x)
    weights = torch.arange(1, 1 + y.numel(), dtype=y.dtype, device=y.device).reshape(y.shape) / y.numel()
    return torch.autograd.grad(y, x, weights)[0]


def test_a_copied_pixel_gets_the_sum_of_its_copies_gradients():
    x = torch.zeros(1, 1, 2, requires_grad=True)
    CF.interpolate(x, scale_factor=2).backward(torch.tensor([[[1.0, 2.0, 4.0, 8.0]]]))
    assert x.grad.tolist() == [[[3, 12]]]


def test_a_weighted_pixel_gets_its_weights():
    x = torch.zeros(1, 1, 3, requires_grad=True)
    CF.interpolate(x, scale_factor=2, mode="linear").backward(torch.tensor([[[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]]))
    assert x.grad.tolist() == [[[0.25, 0.75, 0]]]


def test_a_pixel_that_nobody_read_gets_nothing_even_beside_infinity():
    x = torch.zeros(1, 1, 9, requires_grad=True)
    CF.interpolate(x, size=4).backward(torch.full((1, 1, 4), float("inf")))
    assert x.grad.tolist() == [[[INF if i in (0, 2, 4, 6) else 0 for i in range(9)]]]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_gradient_is_the_adjoint(call):
    x = image()
    y = CF.interpolate(x, **call)
    z = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    leaf = x.clone().requires_grad_()
    (adjoint,) = torch.autograd.grad(CF.interpolate(leaf, **call), leaf, z)
    torch.testing.assert_close((y * z).sum(), (x * adjoint).sum())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_gradients_against_torch(call, channels_last, dtype, device):
    half = dtype in (torch.float16, torch.bfloat16)
    if half and call.get("antialias"):
        pytest.skip("torch has no such kernel on a CPU")
    x = image(device=device).to(dtype)
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    ours, theirs = (gradient(lambda x, f=f: f.interpolate(x, **call), x) for f in (CF, F))
    torch.testing.assert_close(ours, theirs, **({"rtol": 3e-2, "atol": 3e-2} if half else {}))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), n=st.integers(1, 3))
def test_any_sizes_have_torchs_gradient(data, n):
    most = {1: 90, 2: 40, 3: 8}[n]
    sizes, out = (data.draw(st.lists(st.integers(1, most), min_size=n, max_size=n)) for _ in range(2))
    factor = data.draw(st.sampled_from([None, None, 2, 3, 4, 0.5]))
    if factor is not None:
        out = [max(1, int(size * factor)) for size in sizes]
    x = torch.randn(1, data.draw(st.sampled_from([1, 3, 16])), *sizes, generator=torch.Generator().manual_seed(0))
    x = x.double()
    for mode, corners in {
        1: (("nearest", None), ("linear", False), ("linear", True), ("area", None)),
        2: (("nearest-exact", None), ("bilinear", False), ("bilinear", True), ("bicubic", False), ("area", None)),
        3: (("nearest", None), ("trilinear", False), ("trilinear", True), ("area", None)),
    }[n]:
        arguments = {"size": out, "mode": mode, "align_corners": corners}
        ours, theirs = (gradient(lambda x, f=f, a=arguments: f.interpolate(x, **a), x) for f in (CF, F))
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_first_second_and_forward_derivatives_are_those_of_the_values(call):
    x = image()[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: CF.interpolate(x, **call), x, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda x: CF.interpolate(x, **call).pow(2), x, fast_mode=True)


@pytest.mark.parametrize(("mode", "shape"), OTHER_AXES.items())
def test_other_numbers_of_axes_are_differentiated_too(mode, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    for factor in (2, 0.7):
        assert torch.autograd.gradcheck(lambda x, s=factor: CF.interpolate(x, scale_factor=s, mode=mode), x)
        assert torch.autograd.gradgradcheck(lambda x, s=factor: CF.interpolate(x, None, s, mode).pow(2), x)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_vmap_adds_an_axis_to_values_and_gradients(call):
    batch = torch.stack([image(seed) for seed in range(3)], dim=1)

    def energy(x):
        return CF.interpolate(x, **call).pow(2).sum()

    images = batch.unbind(1)
    torch.testing.assert_close(
        torch.func.vmap(lambda x: CF.interpolate(x, **call), in_dims=1)(batch),
        torch.stack([F.interpolate(x, **call) for x in images]),
    )
    torch.testing.assert_close(
        torch.func.vmap(torch.func.grad(energy), in_dims=1)(batch),
        torch.stack([torch.func.grad(energy)(x) for x in images]),
    )
    tangents = torch.func.jvp(lambda x: CF.interpolate(x, **call), (images[0],), (images[1],))[1]
    torch.testing.assert_close(tangents, F.interpolate(images[1], **call))


# To torch.compile all modes are tables of indices and weights. These differ in more than the numbers: pixels that
# nobody read, one tap or several, a size or a factor. With sizes that are fixed, test_every_operator.py compiles.
@pytest.mark.parametrize("name", ["nearest", "nearest, smaller", "bilinear, halved"])
def test_torch_compile_takes_sizes_that_are_not_fixed(name):
    torch.compiler.reset()
    call = CALLS[name]
    compiled = torch.compile(lambda x: CF.interpolate(x, **call), fullgraph=True, backend="aot_eager", dynamic=True)
    ours, theirs = gradient(compiled, image()), gradient(lambda x: F.interpolate(x, **call), image())
    torch.testing.assert_close(ours, theirs)


def test_torch_compile_takes_another_size_after_the_first():
    torch.compiler.reset()
    call = CALLS["nearest, smaller"]
    compiled = torch.compile(lambda x: CF.interpolate(x, **call), fullgraph=True, backend="aot_eager")
    for x in (image(), image()[..., :3]):
        ours, theirs = gradient(compiled, x), gradient(lambda x: F.interpolate(x, **call), x)
        torch.testing.assert_close(ours, theirs)


def test_torch_compile_takes_bytes():
    torch.compiler.reset()
    x = torch.arange(96, dtype=torch.uint8).reshape(1, 2, 8, 6)
    for call in ({"size": (5, 9), "mode": "bilinear"}, {"scale_factor": 2}):
        compiled = torch.compile(lambda x, c=call: CF.interpolate(x, **c), fullgraph=True, backend="aot_eager")
        assert torch.equal(compiled(x), F.interpolate(x, **call))
