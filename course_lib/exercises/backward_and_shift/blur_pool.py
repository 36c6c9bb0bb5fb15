"""BlurPool: blur, then keep every second value (R. Zhang, "Making Convolutional Networks Shift-Invariant Again", 2019)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.pooling.shared import WIDE, batched, strided
from course_lib.geometry import window


def _binomial(kernel_size: int) -> Tensor:
    """A row of Pascal's triangle that sums to 1, float64."""
    row = [math.comb(kernel_size - 1, i) for i in range(kernel_size)]
    return torch.tensor(row, dtype=torch.float64) / sum(row)


def _around(kernel_size: int) -> tuple[int, int]:
    """How many values the window reads before its place, and behind it."""
    return (kernel_size - 1) // 2, kernel_size // 2


def _blurred(x, row: Tensor, column: Tensor, stride: int, mode="replicate", around=None, mix=False) -> Tensor:
    """Each channel convolved with the outer product of two rows, then every stride-th value."""
    channels = x.shape[1]
    before, after = around or _around(len(row))
    padded = F.pad(x, (before, after, before, after), mode=mode)
    kernel = torch.outer(column, row).to(x.dtype).expand(channels, 1, -1, -1)
    if mix:
        kernel = kernel.transpose(0, 1).expand(channels, channels, -1, -1)
    return F.conv2d(padded, kernel, stride=stride, groups=1 if mix else channels)


def _blur_pool(x, kernel_size=3, stride=2):
    row = _binomial(kernel_size)
    return _blurred(x, row, row, stride)


def _wrong(row=_binomial, column=None, **changes):
    def blur_pool(x, kernel_size=3, stride=2):
        return _blurred(x, row(kernel_size), (column or row)(kernel_size), stride, **changes)

    return blur_pool


def _delta(kernel_size: int) -> Tensor:
    return F.one_hot(torch.tensor(_around(kernel_size)[0]), kernel_size).double()


def _too_late(x, kernel_size=3, stride=2):
    row = _binomial(kernel_size)
    return _blurred(x[:, :, ::stride, ::stride], row, row, 1)


def _not_padded(x, kernel_size=3, stride=2):
    row = _binomial(kernel_size)
    return _blurred(x, row, row, stride, around=(0, 0)) if min(x.shape[2:]) >= kernel_size else x


def _half_a_pixel(x, kernel_size=3, stride=2):
    row = _binomial(kernel_size)
    before, after = _around(kernel_size)
    return _blurred(x, row, row, stride, around=(after, before))


def _reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
    kernel_size, stride = case.kwargs.get("kernel_size", 3), case.kwargs.get("stride", 2)
    return tuple(window(at, kernel_size, stride, _around(kernel_size)[0]) for at in index[-2:])


def _framed(x: Tensor) -> Tensor:
    """Dark all round, so that nothing depends on what lies beyond the border."""
    return F.pad(x, (3, 3, 3, 3))


def _draw(draw: Draw, channels=1, kernels=(3,), strides=(2,), dtype=torch.float32, frame=_framed, **case) -> Case:
    shape = (draw.integer(1, 2), draw.integer(1, channels), draw.integer(2, 6), draw.integer(2, 7))
    x = frame(draw.distinct(*shape, dtype=dtype) * 16)
    return Case((x,), {"kernel_size": draw.choice(kernels), "stride": draw.choice(strides)}, **case)


def _draw_constant(draw: Draw) -> Case:
    shape = (draw.integer(1, 2), 1, draw.integer(1, 7), draw.integer(1, 7))
    return Case((torch.full(shape, 7.0),), {"kernel_size": draw.integer(1, 6), "stride": draw.integer(1, 3)})


IMPULSE = torch.zeros(1, 1, 7, 7)
IMPULSE[0, 0, 2, 4] = 16.0

BLUR_POOL = Exercise(
    name="blur_pool",
    title="BlurPool: downsampling without aliasing",
    lesson="02_backward_and_shift",
    oracle=_blur_pool,
    banned=("blur",),
    instead="Build it from padding, a row of binomial weights along each axis, and a stride.",
    difficulty=2,
    minutes=15,
    reads=_reads,
    facets=(
        Facet(
            "blur",
            1,
            "The weights 1, 2, 1 along both axes, then every second value, each channel for itself.",
            (
                Case((IMPULSE,), {}, "a single 16, which shows the weights"),
                Case((_framed(batched(16 * WIDE[:2, :3])),), {}, "2 rows and 3 columns in a dark frame"),
                Case((_framed(16 * torch.stack([WIDE[:2], -WIDE[:2]])[None]),), {}, "two channels that must not mix"),
            ),
            lambda draw: [_draw(draw, channels=3) for _ in range(5)],
        ),
        Facet(
            "kernels and strides",
            0.5,
            "Any kernel_size, odd or even, with its row of Pascal's triangle, and any stride.",
            (
                Case((_framed(batched(256 * WIDE[:2, :3])),), {"kernel_size": 5}, "the weights 1, 4, 6, 4, 1"),
                Case(
                    (_framed(batched(4 * WIDE[:2, :3])),), {"kernel_size": 2}, "an even window begins at its own place"
                ),
                Case(
                    (_framed(batched(64 * WIDE[:2, :3])),),
                    {"kernel_size": 4, "stride": 3},
                    "the weights 1, 3, 3, 1, every third value",
                ),
                Case((_framed(batched(16 * WIDE[:2, :3])),), {"stride": 1}, "a blur alone"),
                Case((batched(WIDE),), {"kernel_size": 1}, "no blur at all"),
            ),
            lambda draw: [_draw(draw, kernels=(1, 2, 3, 4, 5, 6), strides=(1, 2, 3)) for _ in range(6)],
        ),
        Facet(
            "border",
            0.5,
            "Beyond the border the last value repeats, however small the picture is.",
            (
                Case((batched(16 * WIDE),), {}, "5 rows and 7 columns become 3 and 4"),
                Case((batched(256 * WIDE[:2, :1]),), {"kernel_size": 5, "stride": 1}, "smaller than the window"),
                Case((batched(16 * WIDE[:1, 1:2]),), {}, "a single pixel"),
            ),
            lambda draw: [_draw(draw, kernels=(3, 5), frame=lambda x: x) for _ in range(5)],
        ),
        Facet(
            "constant",
            0.5,
            "A constant picture stays as it is, at the border too.",
            (
                Case((torch.full((1, 1, 5, 6), 7.0),), {"kernel_size": 3}, "all sevens"),
                Case((torch.full((1, 1, 2, 1), 7.0),), {"kernel_size": 5}, "a picture smaller than the window"),
            ),
            lambda draw: [_draw_constant(draw) for _ in range(4)],
            law=Law(
                "Where every input is 7, every output must be 7: the weights sum to 1, and the border repeats its own value.",
                lambda outputs, _: all(bool(torch.allclose(out, torch.full_like(out, 7.0))) for out in outputs),
            ),
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken, and the gradient flows.",
            (
                Case((_framed(batched(16 * WIDE[:2, :3])),), {}, "the gradient of a plain call", gradient=True),
                Case((_framed(batched(WIDE[:2, :3].double() / 3)),), {}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 4, 4),), {}, "a batch of no pictures at all"),
                Case((strided(_framed(batched(16 * WIDE[:2, :3]))),), {}, "memory that is not contiguous"),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "no blur",
            _wrong(_delta),
            "This is every stride-th value of the picture as it was. Blur first: without it, what lies between the values that are kept is lost, and a shift by one shows quite different values.",
        ),
        Misconception(
            "blurred too late",
            _too_late,
            "You take every stride-th value first and blur then. What aliasing has spoiled, a blur cannot mend: the blur must come before.",
        ),
        Misconception(
            "equal weights",
            _wrong(lambda k: torch.full((k,), 1 / k, dtype=torch.float64)),
            "Your weights are all equal, as in an average pooling. BlurPool takes a row of Pascal's triangle: 1, 2, 1 for three values, 1, 4, 6, 4, 1 for five.",
        ),
        Misconception(
            "weights that do not sum to 1",
            _wrong(lambda k: _binomial(k) * 2 ** (k - 1)),
            "Your weights are not divided by their sum, so the picture gets brighter: 16 times for the weights 1, 2, 1 along both axes.",
        ),
        Misconception(
            "zero padding",
            _wrong(mode="constant"),
            'Your border is padded with zeros, so the picture gets a dark frame, and a constant does not stay constant. Repeat the value at the border: F.pad(…, mode="replicate").',
        ),
        Misconception(
            "no padding",
            _not_padded,
            "Without padding the windows do not reach the border, and the output is smaller. Pad (kernel_size − 1) // 2 before and kernel_size // 2 behind.",
        ),
        Misconception(
            "one axis only",
            _wrong(column=_delta),
            "You blur along the rows, but not along the columns. The kernel is the outer product of the row of weights with itself.",
        ),
        Misconception(
            "channels mixed",
            _wrong(mix=True),
            "A convolution sums over all channels, and so does yours. Each channel is blurred for itself: groups=C, with a kernel of the shape (C, 1, k, k).",
        ),
        Misconception(
            "an even window half a pixel off",
            _half_a_pixel,
            "An even window has no middle. Here it reads (kernel_size − 1) // 2 values before its place and kernel_size // 2 behind; yours reads one more before and one less behind.",
        ),
    ),
    hints=(
        "Three steps: pad so that the border repeats, blur each channel along both axes, keep every stride-th value. The last two are one convolution with a stride.",
        "The weights are a row of Pascal's triangle, math.comb(kernel_size − 1, i) for i = 0 … kernel_size − 1, divided by their sum. The outer product of the row with itself is the kernel for both axes.",
        'F.pad(x, (a, b, a, b), mode="replicate") with a = (kernel_size − 1) // 2 and b = kernel_size // 2. Then F.conv2d(padded, kernel.expand(C, 1, k, k), stride=stride, groups=C), the kernel in the dtype of x.',
    ),
)
