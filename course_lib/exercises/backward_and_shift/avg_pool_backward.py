"""The backward pass of average pooling: the transpose of a matrix that nobody writes down."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.pooling.shared import strided
from course_lib.geometry import output_size


def _avg_pool_backward(grad_output, size, kernel_size, stride, padding=0):
    x = grad_output.new_zeros(*grad_output.shape[:2], *size).requires_grad_()
    pooled = F.avg_pool2d(x, kernel_size, stride, padding)
    return torch.autograd.grad((pooled * grad_output).sum(), x, create_graph=True)[0]


def _even(kernel_size: int) -> Tensor:
    return torch.ones(kernel_size, kernel_size)


def _corner(kernel_size: int) -> Tensor:
    weights = torch.zeros(kernel_size, kernel_size)
    weights[0, 0] = kernel_size**2
    return weights


def _wrong(divisor=lambda k: k * k, weights=_even, assign=False, mean=False, crop=True, real=False):
    """Average pooling's backward with one step wrong."""

    def avg_pool_backward(grad_output, size, kernel_size, stride, padding=0):
        height, width = (n + 2 * padding for n in size)
        shape = (*grad_output.shape[:2], height, width)
        grad_input, reads = grad_output.new_zeros(shape), grad_output.new_zeros(shape)
        inside = F.pad(torch.ones(*size), (padding,) * 4)
        for i, j in product(*map(range, grad_output.shape[2:])):
            place = (..., slice(i * stride, i * stride + kernel_size), slice(j * stride, j * stride + kernel_size))
            count = inside[place].sum() if real else divisor(kernel_size)
            share = grad_output[:, :, i, j, None, None] * (weights(kernel_size) / count).to(grad_output.dtype)
            reads[place] += 1
            grad_input[place] = share if assign else grad_input[place] + share
        if mean:
            grad_input = grad_input / reads.clamp(min=1)
        return grad_input[:, :, padding : padding + size[0], padding : padding + size[1]] if crop else grad_input

    return avg_pool_backward


def _enlarged(grad_output, size, kernel_size, stride, padding=0):
    """The inverse of the picture one has in mind: each output becomes a block."""
    return grad_output.repeat_interleave(kernel_size, 2).repeat_interleave(kernel_size, 3) / kernel_size**2


def _outputs(size, kernel_size, stride, padding):
    return tuple(output_size(n, kernel_size, stride, padding) for n in size)


def _case(size, kernel_size, stride, padding=0, note="", lead=(1, 1), dtype=torch.float32, gradient=False) -> Case:
    """A call whose grad_output counts in steps of 36, which 2 · 2 and 3 · 3 divide."""
    shape = (*lead, *_outputs(size, kernel_size, stride, padding))
    grad_output = 36 * torch.arange(1, torch.Size(shape).numel() + 1).reshape(shape).to(dtype)
    kwargs = {"size": size, "kernel_size": kernel_size, "stride": stride} | ({"padding": padding} if padding else {})
    return Case((grad_output,), kwargs, note, gradient=gradient)


def _draw(draw: Draw, *, apart: bool = False, normal: bool = False, gradient: bool = False) -> Case:
    kernel_size = draw.integer(2, 4)
    stride = kernel_size + draw.integer(0, 1) if apart else draw.integer(1, kernel_size)
    padding = 0 if apart else draw.integer(0, kernel_size // 2)
    size = (draw.integer(kernel_size, 8), draw.integer(kernel_size, 9))
    shape = (draw.integer(1, 2), draw.integer(1, 2), *_outputs(size, kernel_size, stride, padding))
    grad_output = draw.normal(*shape, dtype=torch.float64) if normal else 36 * (draw.distinct(*shape) + 40)
    kwargs = {"size": size, "kernel_size": kernel_size, "stride": stride, "padding": padding}
    return Case((grad_output,), kwargs, gradient=gradient)


def _is_adjoint(outputs, cases) -> bool:
    """Whether ⟨Ax, y⟩ = ⟨x, Aᵀy⟩ for each case's y and three inputs x that differ at every position."""
    for output, case in zip(outputs, cases, strict=True):
        [y], kwargs = case.args, case.kwargs
        n = torch.arange(output.numel(), dtype=torch.float64).reshape(output.shape)
        for x in (torch.sin(n), torch.cos(3 * n), n.remainder(7) - 3):
            pooled = F.avg_pool2d(x, kwargs["kernel_size"], kwargs["stride"], kwargs.get("padding", 0))
            left, right = (pooled * y.double()).sum(), (x * output.double()).sum()
            if not torch.isclose(left, right, rtol=1e-6, atol=1e-6):
                return False
    return True


AVG_POOL_BACKWARD = Exercise(
    name="avg_pool_backward",
    title="The backward pass of average pooling, which is its adjoint",
    lesson="02_backward_and_shift",
    oracle=_avg_pool_backward,
    banned=("pooling",),
    instead="Give each position its share of the windows that read it, and add the shares up.",
    difficulty=2,
    minutes=12,
    facets=(
        Facet(
            "shares",
            1,
            "Each position of a window gets an equal share of its gradient; a position that no window reads gets 0.",
            (
                _case((4, 4), 2, 2, note="four windows that touch"),
                _case((5, 7), 2, 2, note="an odd size: the last row and column are read by no window"),
                _case((7, 5), 2, 3, note="windows with gaps between them"),
                _case((1, 1), 1, 1, note="a single pixel"),
            ),
            lambda draw: [_draw(draw, apart=True) for _ in range(5)],
        ),
        Facet(
            "sums",
            1,
            "Shares of overlapping windows add up, padding takes its share too, and autograd can go through.",
            (
                _case((4, 4), 3, 1, note="the middle is read by four windows"),
                _case((5, 7), 3, 2, 1, note="padding takes shares that are then cut off"),
                _case((5, 6), 2, 1, note="a batch of two with three channels", lead=(2, 3)),
                _case((5, 6), 2, 2, note="float64 stays float64", dtype=torch.float64),
                _case((4, 4), 2, 2, note="a batch of no pictures at all", lead=(0, 2)),
                Case(
                    (strided(36 * torch.arange(1.0, 7).reshape(1, 1, 2, 3)),),
                    {"size": (4, 6), "kernel_size": 2, "stride": 2},
                    "memory that is not contiguous",
                ),
                _case((5, 7), 3, 2, 1, note="the adjoint of the adjoint is the average", gradient=True),
            ),
            lambda draw: [_draw(draw, gradient=True) for _ in range(5)],
        ),
        Facet(
            "adjoint",
            1,
            "For every x and y, ⟨avg_pool(x), y⟩ = ⟨x, avg_pool_backward(y)⟩.",
            (
                _case((6, 6), 2, 2, note="windows that touch", dtype=torch.float64),
                _case((7, 6), 3, 2, 1, note="overlap and padding", dtype=torch.float64),
            ),
            lambda draw: [_draw(draw, normal=True) for _ in range(6)],
            law=Law(
                "Average pooling is a matrix A, and this function must be Aᵀ: for every x and y the number ⟨A x, y⟩ must equal ⟨x, Aᵀ y⟩.",
                _is_adjoint,
            ),
        ),
    ),
    misconceptions=(
        Misconception(
            "assigned instead of added",
            _wrong(assign=True),
            "Where windows overlap, a position gets a share from each of them. Yours keeps the last share only: add with +=.",
        ),
        Misconception(
            "the whole gradient for each position",
            _wrong(lambda k: 1),
            "Every position gets the whole gradient of its window. But each has moved the average by only 1 / (kernel_size · kernel_size) of its own change: divide.",
        ),
        Misconception(
            "divided by kernel_size alone",
            _wrong(lambda k: k),
            "A window has kernel_size · kernel_size values, not kernel_size.",
        ),
        Misconception(
            "a mean of the shares",
            _wrong(mean=True),
            "You divide by the number of windows that read a position. The chain rule adds up all ways from a position to the result, and divides by nothing more.",
        ),
        Misconception(
            "only the first position of a window",
            _wrong(weights=_corner),
            "You send the whole gradient to the upper left position of each window. Every position of the window has contributed equally.",
        ),
        Misconception(
            "padding does not count",
            _wrong(real=True),
            "You divide by the number of real values under a window. As torch does by default, padding counts here: the divisor is always kernel_size · kernel_size, and what falls on the padding is lost.",
        ),
        Misconception(
            "the padding is still there",
            _wrong(crop=False),
            "Your result is as large as the padded input. Cut the padding off again, so that its size is size.",
        ),
        Misconception(
            "outputs enlarged to blocks",
            _enlarged,
            "You enlarge each output to a block. That is right only where the windows touch and fit exactly. In general they overlap, leave gaps, and do not reach the end: put each share at i · stride, and make the result as large as size says.",
        ),
    ),
    hints=(
        "Each input x has a weight of 1 / (kernel_size · kernel_size) in every window that reads it. So its gradient is that weight times the sum of the gradients of all these windows.",
        "Begin with zeros of the padded size, (N, C, H + 2 · padding, W + 2 · padding). For each output (i, j) add grad_output[:, :, i, j, None, None] / kernel_size**2 to its window, and cut the padding off in the end.",
        "You may turn the loops round and be faster: for each position (a, b) inside a window, add grad_output / kernel_size**2 to the slice [:, :, a : a + stride * rows : stride, b : b + stride * columns : stride]. That is kernel_size² steps however large the picture is. With windows that leave a gap the slice may come out one too long; a + stride * (rows − 1) + 1 is its exact end.",
    ),
)
