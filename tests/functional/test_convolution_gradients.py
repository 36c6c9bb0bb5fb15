"""Derivatives of convolutions: first, second, forward, batched; torch.compile."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import course_lib.functional as CF
from course_lib import geometry
from course_lib.functional import _pieces
from course_lib.functional._windows import Axis

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def random(*shape: int, seed: int = 0, **options) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(**options)


# For each kind of call the operator, its input, its weight and the other arguments. Windows overlap, skip, hang over.
CALLS = {
    "sliced": ("conv2d", (2, 4, 6, 5), (6, 4, 3, 2), {"padding": 1}),
    "sliced, in phases": ("conv2d", (2, 4, 7, 6), (6, 2, 3, 3), {"stride": 2, "padding": 1, "groups": 2}),
    "dilated": ("conv2d", (2, 2, 8, 7), (3, 2, 3, 2), {"dilation": 2, "padding": (2, 1), "stride": (3, 1)}),
    "apart": ("conv2d", (2, 3, 6, 6), (4, 3, 2, 2), {"stride": 2}),
    "pointwise": ("conv2d", (2, 3, 4, 4), (5, 3, 1, 1), {}),
    "depthwise": ("conv2d", (2, 3, 5, 5), (6, 1, 3, 3), {"groups": 3, "padding": "same"}),
    "one axis": ("conv1d", (2, 3, 9), (4, 3, 4), {"padding": "same", "dilation": 2}),
    "three axes": ("conv3d", (2, 2, 4, 3, 4), (3, 2, 3, 2, 2), {"padding": 1, "stride": (1, 2, 1)}),
    "transposed": ("conv_transpose2d", (2, 4, 3, 3), (4, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    "transposed, apart": ("conv_transpose2d", (2, 4, 3, 3), (4, 2, 2, 2), {"stride": 2, "groups": 2}),
    "transposed, depthwise": ("conv_transpose1d", (2, 3, 5), (3, 1, 3), {"groups": 3, "dilation": 2}),
    "transposed, three axes": ("conv_transpose3d", (1, 2, 2, 3, 2), (2, 2, 2, 2, 3), {"stride": 2}),
}


@pytest.fixture(params=CALLS)
def call(request):
    """The same call of either module, and double precision input, weight and bias."""
    name, x, w, options = CALLS[request.param]
    x, w = random(*x), random(*w, seed=1)
    outputs = len(w) if "transpose" not in name else w.shape[1] * options.get("groups", 1)
    return lambda f, x, w, b: getattr(f, name)(x, w, b, **options), (x, w, random(outputs, seed=2))


def loss(run, f):
    """A number that every output matters to, and not alike."""
    return lambda *tensors: run(f, *tensors).sin().sum()


def test_the_gradient_of_the_input_is_the_transposed_convolution():
    x, w = torch.ones(1, 4, requires_grad=True), torch.tensor([[[1.0, 10.0]]], requires_grad=True)
    y = CF.conv1d(x, w)
    y.backward(torch.tensor([[1.0, 2.0, 3.0]]))
    assert x.grad.tolist() == [[1, 12, 23, 30]]
    assert w.grad.tolist() == [[[6, 6]]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("last", [False, True])
def test_gradients_are_torchs(call, device, last):
    run, tensors = call
    tensors = [t.to(device) for t in tensors]
    if last and tensors[0].dim() == 4:
        tensors[0] = tensors[0].contiguous(memory_format=torch.channels_last)
    results = []
    for f in (CF, F):
        leaves = [t.detach().requires_grad_() for t in tensors]
        first = torch.autograd.grad(loss(run, f)(*leaves), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.sin().sum() for g in first), leaves)
        results.append((first, second))
    torch.testing.assert_close(*results)


def test_derivatives_agree_with_differences(call):
    run, tensors = call
    leaves = [t.clone().requires_grad_() for t in tensors]
    assert torch.autograd.gradcheck(lambda *t: run(CF, *t), leaves, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda *t: run(CF, *t), leaves, fast_mode=True)


def test_a_gradient_that_nobody_needs_is_not_made(call):
    run, (x, w, b) = call
    for needed in ((True, False), (False, True)):
        leaves = [t.clone().requires_grad_(need) for t, need in zip((x, w), needed, strict=True)]
        run(CF, *leaves, b).sum().backward()
        assert [leaf.grad is not None for leaf in leaves] == list(needed)


@pytest.mark.parametrize("dims", [(0, None, None), (None, 0, 0), (0, 0, 0), (1, 2, None), (None, None, 0)])
def test_vmap_and_its_gradients_are_torchs(call, dims):
    run, tensors = call
    batched = [
        t if dim is None else torch.stack([t, -2 * t, t.flip(0)], dim) for t, dim in zip(tensors, dims, strict=True)
    ]
    for transform in (lambda f: lambda *t: run(f, *t), lambda f: torch.func.grad(loss(run, f), (0, 1, 2))):
        ours, theirs = (torch.func.vmap(transform(f), dims)(*batched) for f in (CF, F))
        torch.testing.assert_close(ours, theirs)


def test_per_sample_gradients(call):
    run, (x, w, b) = call
    each = [
        torch.func.vmap(torch.func.grad(lambda w, one, f=f: loss(run, f)(one[None], w, b)), (None, 0))(w, x)
        for f in (CF, F)
    ]
    torch.testing.assert_close(*each)


def test_hessian():
    x, w = random(1, 2, 4), random(2, 2, 2)
    ours, theirs = (torch.func.hessian(lambda w, f=f: f.conv1d(x, w).sin().sum())(w) for f in (CF, F))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("call", ["sliced, in phases", "depthwise", "transposed"], indirect=True)
def test_torch_compile_takes_it_whole_with_all_gradients(call):
    torch.compiler.reset()
    run, tensors = call
    compiled = torch.compile(lambda *t: run(CF, *t), fullgraph=True, backend="aot_eager")
    results = []
    for function in (compiled, lambda *t: run(F, *t)):
        leaves = [t.clone().requires_grad_() for t in tensors]
        y = function(*leaves)
        results.append((y, torch.autograd.grad(y.sin().sum(), leaves)))
    torch.testing.assert_close(*results)


def test_complex_gradients_are_torchs():
    x = torch.complex(random(2, 3, 5), random(2, 3, 5, seed=1))
    w = torch.complex(random(4, 3, 2), random(4, 3, 2, seed=2))
    results = []
    for f in (CF, F):
        leaves = [t.clone().requires_grad_() for t in (x, w)]
        results.append(torch.autograd.grad(f.conv1d(*leaves).abs().sum(), leaves))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gradients_are_close_to_single(dtype, device):
    x, w = random(2, 8, 6, 6, device=device).to(dtype), random(4, 8, 3, 3, seed=1, device=device).to(dtype)
    grads = {}
    for precision in (dtype, torch.float32):
        leaves = [t.to(precision).requires_grad_() for t in (x, w)]
        grads[precision] = torch.autograd.grad(CF.conv2d(*leaves, padding=1).sum(), leaves)
    for half, single in zip(grads[dtype], grads[torch.float32], strict=True):
        assert half.dtype is dtype
        torch.testing.assert_close(half.float(), single, rtol=1e-2, atol=1e-1)


def test_changing_the_input_in_place_before_backward_is_noticed():
    x, w = torch.ones(1, 4), torch.ones(1, 1, 2, requires_grad=True)
    y = CF.conv1d(x, w)
    x.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_columns_stay_small(stride):
    """A large image is cut into rows, which make up the whole, and few columns are held at any time."""
    x = torch.ones(2, 8, 512, 512)
    out = geometry.output_size(512, 3, stride, 1)
    axes = tuple(Axis(dim, 512, out, 3, stride, 1, 1) for dim in (-2, -1))
    pieces = list(_pieces.pieces_of(x, _pieces.Convolution(axes, groups=1, channels=8), channels_last=False))
    assert [row for piece in pieces for row in range(out)[piece.rows]] == [*range(out)] * 2
    for piece in pieces:
        columns, _ = piece.columns(x, x.dtype, zero=False)
        assert columns.numel() <= _pieces.CACHE < x.numel()


def test_a_pointwise_convolution_is_one_product():
    axes = tuple(Axis(dim, 512, 512, 1, 1, 0, 1) for dim in (-2, -1))
    x = torch.ones(2, 8, 512, 512)
    assert len(list(_pieces.pieces_of(x, _pieces.Convolution(axes, groups=1, channels=8), channels_last=False))) == 1
