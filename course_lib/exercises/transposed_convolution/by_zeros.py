"""The transposed convolution as an ordinary one: zeros between the inputs, and the kernel turned round."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import WIDE, batched, strided
from course_lib.exercises.transposed_convolution.shared import (
    AT_THE_START,
    AXES,
    DIGITS,
    DILATION_IGNORED,
    FLIPPED,
    NINE,
    SIX,
    SIXTEEN,
    TWENTY_FOUR,
    TWO_CHANNELS,
    draw_call,
    pairs,
    transposed,
)


def _conv_transpose_by_zeros(x, weight, stride=1, padding=0, output_padding=0, dilation=1):
    return transposed(x, weight, None, stride, padding, output_padding, dilation)


def _between(x, gaps, behind=(0, 0)):
    """``gaps`` zeros between neighbours, along both axes, and ``behind`` of them behind the last."""
    (n, c, height, width), (down, right) = x.shape, gaps
    out = x.new_zeros(n, c, height, down + 1, width, right + 1)
    out[:, :, :, 0, :, 0] = x
    out = out.reshape(n, c, height * (down + 1), width * (right + 1))
    return out[:, :, : out.shape[2] - down + behind[0], : out.shape[3] - right + behind[1]]


def _wrong(
    gap=lambda s: s - 1, behind=lambda s: 0, frame=None, flip=(2, 3), swap=True, step=False, spread=True, end="last"
):
    """The zero-inserting way with one step wrong. frame: rows of zeros for reach d·(k − 1) and padding p."""
    frame = frame or (lambda reach, p: reach - p)

    def conv_transpose_by_zeros(x, weight, stride=1, padding=0, output_padding=0, dilation=1):
        strides, paddings, more, dilations = pairs(stride, padding, output_padding, dilation)
        used = dilations if spread else (1, 1)
        filled = _between(x, [gap(s) for s in strides], [behind(s) for s in strides])
        amounts: list[int] = []
        for k, p, q, d in zip(weight.shape[2:], paddings, more, used, strict=True):
            around = frame(d * (k - 1), p)
            first, last = {"last": (0, q), "first": (q, 0), "both": (q, q), "none": (0, 0)}[end]
            amounts = [around + first, around + last, *amounts]
        kernel = weight.flip(*flip) if flip else weight
        square = len(set(weight.shape[:2])) == 1
        kernel = kernel.transpose(0, 1) if swap or not square else kernel
        return F.conv2d(F.pad(filled, amounts), kernel, stride=stride if step else 1, dilation=used)

    return conv_transpose_by_zeros


STAIRS = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])

CONV_TRANSPOSE_BY_ZEROS = Exercise(
    name="conv_transpose_by_zeros",
    title="Transposed convolution by zero insertion",
    lesson="08_transposed_convolution",
    oracle=_conv_transpose_by_zeros,
    banned=("transposed convolution",),
    instead="Put zeros between the inputs, lay a frame of zeros around, and call F.conv2d with stride 1 and the kernel turned round.",
    difficulty=3,
    minutes=15,
    facets=(
        Facet(
            "kernel",
            1,
            "With stride 1 it is a convolution with the kernel turned by 180°, its channel axes exchanged, on a wider frame of zeros.",
            (
                Case((STAIRS, DIGITS), note="each digit is the stroke of one input"),
                Case((batched(torch.tensor([[0.0, 0.0], [0.0, 1.0]])), NINE), note="a single 1 leaves the kernel"),
                Case((TWO_CHANNELS, SIXTEEN), note="two channels become two others"),
                Case((TWO_CHANNELS, TWENTY_FOUR), note="two channels become three"),
            ),
            lambda draw: [draw_call(draw, channels=True) for _ in range(5)],
        ),
        Facet(
            "zeros",
            1,
            "Between neighbours stand stride − 1 zeros, and the convolution itself has stride 1.",
            (
                Case((STAIRS, DIGITS), {"stride": 2}, "strokes that touch"),
                Case((STAIRS, NINE), {"stride": 2}, "strokes that overlap by one"),
                Case((STAIRS, SIX), {"stride": (3, 2)}, "pairs (H, W)"),
                Case((STAIRS, NINE[..., :1, :1]), {"stride": 2}, "a kernel of one pixel: the zeros themselves"),
            ),
            lambda draw: [
                Case(draw_call(draw).args, {"stride": draw.choice([2, 3, (3, 2), (2, 3)])}) for _ in range(5)
            ],
        ),
        Facet(
            "padding and dilation",
            1,
            "The frame has dilation · (k − 1) − padding rows of zeros at each end, and output_padding more at the last.",
            (
                Case((STAIRS, NINE), {"stride": 2, "padding": 1}, "a narrower frame"),
                Case((STAIRS, NINE), {"stride": 2, "padding": 1, "output_padding": 1}, "one more at the end"),
                Case((STAIRS, DIGITS), {"dilation": 2}, "taps that lie 2 apart"),
                Case(
                    (STAIRS, NINE[..., :1, :1]),
                    {"stride": 2, "padding": 1},
                    "a negative frame: rows of the map are cut off",
                ),
                Case(
                    (TWO_CHANNELS, TWENTY_FOUR),
                    {"stride": (1, 2), "padding": 1, "output_padding": (0, 1), "dilation": (2, 1)},
                    "with gradients",
                    gradient=True,
                ),
                Case((STAIRS.double() / 3, NINE.double()), {"stride": 2, "padding": 1}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 3, 4), TWENTY_FOUR), {"padding": 1}, "a batch of no pictures at all"),
                Case((strided(batched(WIDE)), strided(NINE)), {"padding": 1}, "memory that is not contiguous"),
            ),
            lambda draw: [draw_call(draw, steps=True, gradient=True) for _ in range(8)],
        ),
    ),
    misconceptions=(
        Misconception(
            "kernel not turned", _wrong(flip=()), FLIPPED.replace("Your kernel is", "In your output the kernel is")
        ),
        Misconception("weight axes not exchanged", _wrong(swap=False), AXES),
        Misconception(
            "turned along one axis",
            _wrong(flip=(3,)),
            "You mirror the kernel from left to right only. Turning by 180° mirrors both axes: weight.flip(2, 3).",
        ),
        Misconception(
            "stride zeros between",
            _wrong(gap=lambda s: s),
            "Neighbours that are to stand stride apart have stride − 1 zeros between them.",
        ),
        Misconception(
            "zeros behind the last one too",
            _wrong(behind=lambda s: s - 1),
            "You put stride − 1 zeros behind every input, behind the last one too. They belong between neighbours only, so that (H − 1) · stride + 1 rows come out.",
        ),
        Misconception(
            "convolved with the stride",
            _wrong(step=True),
            "You convolve with stride as well, and so leave out again what the zeros have made room for. The zeros are the stride: the convolution moves by 1.",
        ),
        Misconception(
            "padding handed on",
            _wrong(frame=lambda reach, p: p),
            "You give the convolution the padding as it is. For the first stroke to come out whole, the frame must have dilation · (k − 1) rows; padding makes it narrower: dilation · (k − 1) − padding.",
        ),
        Misconception(
            "padding added to the frame",
            _wrong(frame=lambda reach, p: reach + p),
            "Your frame grows with the padding. It becomes narrower: dilation · (k − 1) − padding rows at each end.",
        ),
        Misconception("output_padding at the start", _wrong(end="first"), AT_THE_START),
        Misconception(
            "output_padding at both ends",
            _wrong(end="both"),
            "You make the frame wider at both ends. output_padding is for the last end alone.",
        ),
        Misconception(
            "output_padding ignored",
            _wrong(end="none"),
            "With output_padding=q the frame has q more rows or columns at the end.",
        ),
        Misconception("dilation ignored", _wrong(spread=False), DILATION_IGNORED),
    ),
    hints=(
        "Paint a single 1 with a 3 × 3 kernel. To get the whole kernel out of an ordinary convolution, how far must the map of zeros reach around the 1, and which way round does the kernel come out?",
        "Make zeros of (H − 1) · stride + 1 rows, and write x to every stride-th of them. F.pad takes different amounts for the two ends, and negative ones too, which cut off. The kernel is weight.flip(2, 3).transpose(0, 1).",
        "F.pad(filled, (wide, wide + qW, high, high + qH)) with high = dilation · (kH − 1) − padding and wide alike. Then F.conv2d(padded, kernel, dilation=dilation).",
    ),
)
