"""The backward pass of max pooling: each window's gradient goes to its winner."""

from __future__ import annotations

import math
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import COLD, FOUR, WIDE, batched, strided


def _max_pool_backward(grad_output, x, kernel_size, stride, padding=0):
    x = x.detach().requires_grad_()
    pooled = F.max_pool2d(x, kernel_size, stride, padding)
    return torch.autograd.grad((pooled * grad_output).sum(), x, create_graph=True)[0]


def _first(window: Tensor) -> Tensor:
    """1 at the first largest value of each window (N, C, k, k), 0 elsewhere."""
    flat = window.flatten(2)
    return F.one_hot(flat.argmax(-1), flat.shape[-1]).to(window.dtype).reshape(window.shape)


def _last(window: Tensor) -> Tensor:
    return _first(window.flip(2, 3)).flip(2, 3)


def _tied(window: Tensor) -> Tensor:
    return (window == window.amax((2, 3), keepdim=True)).to(window.dtype)


def _split(window: Tensor) -> Tensor:
    return _tied(window) / _tied(window).sum((2, 3), keepdim=True)


def _wrong(weights=_first, filler=-math.inf, crop=True, assign=False, mean=False, value=False):
    """Max pooling's backward with one step wrong: what a window's gradient is multiplied with, and how it is added."""

    def max_pool_backward(grad_output, x, kernel_size, stride, padding=0):
        padded = F.pad(x, (padding,) * 4, value=filler)
        grad_input, wins = torch.zeros_like(padded), torch.zeros_like(padded)
        for i, j in product(*map(range, grad_output.shape[2:])):
            place = (..., slice(i * stride, i * stride + kernel_size), slice(j * stride, j * stride + kernel_size))
            window = padded[place].detach()
            weight = weights(window)
            sent = window.amax((2, 3)) if value else grad_output[:, :, i, j]
            share = weight * sent[:, :, None, None]
            wins[place] += weight
            grad_input[place] = (
                torch.where(weight > 0, share, grad_input[place]) if assign else grad_input[place] + share
            )
        if mean:
            grad_input = grad_input / wins.clamp(min=1)
        if not crop:
            return grad_input
        return grad_input[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]]

    return max_pool_backward


def _case(x: Tensor, kernel_size: int, stride: int, padding: int = 0, note: str = "", gradient: bool = False) -> Case:
    """A call whose grad_output is 1, 2, 3, …, so that one sees where each of them went."""
    out = F.max_pool2d(x.float(), kernel_size, stride, padding)
    grad_output = torch.arange(1.0, out.numel() + 1).reshape(out.shape).to(x.dtype)
    kwargs = {"kernel_size": kernel_size, "stride": stride} | ({"padding": padding} if padding else {})
    return Case((grad_output, x), kwargs, note, gradient=gradient)


def _draw(draw: Draw, *, apart: bool = False, padded: bool = False, tied: bool = False, gradient: bool = False) -> Case:
    kernel_size = draw.integer(2, 3)
    stride = kernel_size + draw.integer(0, 1) if apart else draw.integer(1, kernel_size - 1)
    padding = kernel_size // 2 if padded else 0
    shape = (draw.integer(1, 2), draw.integer(1, 2), draw.integer(kernel_size, 6), draw.integer(kernel_size, 7))
    x = draw.negative(*shape) if padded else draw.distinct(*shape)
    if tied:
        x = x.remainder(3)
    return _case(x, kernel_size, stride, padding, gradient=gradient)


PEAKS = torch.tensor([[1.0, 9.0, 2.0, 3.0], [4.0, 5.0, 6.0, 2.0], [3.0, 8.0, 1.0, 4.0], [7.0, 2.0, 5.0, 3.0]])
TIED = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 2.0], [3.0, 1.0, 0.0, 5.0], [1.0, 3.0, 5.0, 5.0]])

MAX_POOL_BACKWARD = Exercise(
    name="max_pool_backward",
    title="The backward pass of max pooling, with windows that overlap",
    lesson="02_backward_and_shift",
    oracle=_max_pool_backward,
    banned=("pooling",),
    instead="Find the winner of each window yourself (argmax) and send the window's gradient there.",
    difficulty=3,
    minutes=20,
    facets=(
        Facet(
            "winners",
            1,
            "The gradient of each window goes to the position of its largest value; every other position gets 0.",
            (
                _case(batched(FOUR), 2, 2, note="four windows that touch"),
                _case(batched(WIDE), 2, 2, note="an odd size: the last row and column are read by no window"),
                _case(batched(WIDE), 2, 3, note="windows with gaps between them"),
            ),
            lambda draw: [_draw(draw, apart=True) for _ in range(5)],
        ),
        Facet(
            "overlap",
            1.5,
            "A position that wins in several windows gets the sum of their gradients.",
            (
                _case(batched(PEAKS), 3, 1, note="the 9 and the 8 win in two windows each"),
                _case(batched(WIDE), 3, 2, note="neighbouring windows share a row or a column"),
                _case(batched(WIDE), 2, 1, note="windows that move by one"),
            ),
            lambda draw: [_draw(draw) for _ in range(5)],
        ),
        Facet(
            "padding",
            1,
            "Padding is −∞, never wins, and is cut off again, so that the result is as large as x.",
            (
                _case(batched(COLD), 2, 2, 1, note="every value is negative"),
                _case(batched(-WIDE - 1), 3, 3, 1, note="5 rows and 7 columns, all negative"),
                _case(batched(COLD[:1, :1]), 2, 2, 1, note="a single pixel"),
            ),
            lambda draw: [_draw(draw, apart=True, padded=True) for _ in range(5)],
        ),
        Facet(
            "ties",
            0.5,
            "Where several values of a window are largest, the first of them in reading order gets everything.",
            (
                _case(batched(TIED), 2, 2, note="a tie in every window"),
                _case(torch.zeros(1, 1, 3, 3), 2, 1, note="zeros only, as behind a ReLU"),
            ),
            lambda draw: [_draw(draw, apart=True, tied=True) for _ in range(4)],
        ),
        Facet(
            "any input",
            1,
            "Any batch, float dtype and memory layout is taken, and autograd can go through grad_output.",
            (
                _case(torch.stack([WIDE, -WIDE])[:, None], 2, 2, note="a batch of two"),
                _case(torch.stack([WIDE, -WIDE])[None], 3, 3, note="two channels"),
                _case(batched(WIDE.double() / 3), 2, 2, note="float64 stays float64"),
                _case(batched(WIDE.half()), 2, 3, note="float16 stays float16"),
                _case(torch.zeros(0, 2, 4, 4), 2, 2, note="a batch of no pictures at all"),
                _case(strided(batched(WIDE)), 2, 2, note="memory that is not contiguous"),
                _case(batched(WIDE), 2, 2, note="the gradient of a gradient", gradient=True),
            ),
            lambda draw: [_draw(draw, apart=True, gradient=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception(
            "assigned instead of added",
            _wrong(assign=True),
            "Where windows overlap, a position may win in several of them, and each sends it a gradient. Yours keeps the last one only. Add them up: += in a loop, index_add_ or scatter_add_ without one. Mind that grad[index] += g keeps only one where an index comes twice.",
        ),
        Misconception(
            "every tied position gets the whole gradient",
            _wrong(_tied),
            "You compare the window with its maximum, and where two values are equal both match. Then more gradient comes out than went in. Only the first of them in reading order gets it; argmax finds that one.",
        ),
        Misconception(
            "ties are shared",
            _wrong(_split),
            "You share the gradient among all values that are largest. That is what amax does. max_pool2d sends all of it to the first of them.",
        ),
        Misconception(
            "ties go to the last",
            _wrong(_last),
            "Where several values are largest, yours sends the gradient to the last of them; max_pool2d chooses the first in reading order. A search that replaces the best value by an equal one (>= instead of >) ends at the last.",
        ),
        Misconception(
            "spread as in average pooling",
            _wrong(lambda window: torch.full_like(window, 1 / window[0, 0].numel() if window.numel() else 1)),
            "You give each value of a window an equal share. That is average pooling's backward. A maximum depends on one value alone: the others may change a little, and the output does not move.",
        ),
        Misconception(
            "the padding wins",
            _wrong(filler=0.0),
            "Your padding is 0. Where everything in a window is negative the padding wins, and its gradient is cut off and lost. Pad with −∞.",
        ),
        Misconception(
            "the padding is still there",
            _wrong(crop=False),
            "Your result is as large as the padded x. Cut the padding off again: rows padding … padding + H, and the columns likewise.",
        ),
        Misconception(
            "row and column of the winner exchanged",
            _wrong(lambda window: _first(window).transpose(2, 3)),
            "Inside a window your winner stands at (column, row). argmax counts a flattened window in reading order: row = index // kernel_size, column = index % kernel_size.",
        ),
        Misconception(
            "a mean instead of a sum",
            _wrong(mean=True),
            "You divide by the number of windows in which a position won. The chain rule adds up all the ways in which a position acts on the result, and divides by nothing.",
        ),
        Misconception(
            "the values instead of the gradients",
            _wrong(value=True),
            "You send the largest value back to where it came from. What travels back is grad_output: how much the loss changes when that output changes.",
        ),
    ),
    hints=(
        "Begin with zeros, as large as the padded x. Visit each window, find where its largest value stands, and put the window's gradient there, on top of what lies there already.",
        "All pictures and channels can be treated at once: window = padded[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size].flatten(2) has the shape (N, C, k · k), and window.argmax(-1) names the first winner of each.",
        "F.one_hot(winner, kernel_size**2) is 1 at the winner and 0 elsewhere. Multiply it by grad_output[:, :, i, j, None], reshape it to (N, C, kernel_size, kernel_size), and add it with += to the same slice of the zeros. In the end cut the padding off.",
    ),
)
