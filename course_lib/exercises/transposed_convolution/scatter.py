"""The transposed convolution as painting: every input adds the kernel, times its value, to the output."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import H_AND_W, WIDE, batched, exchanged, strided
from course_lib.exercises.transposed_convolution.shared import (
    AT_THE_START,
    AXES,
    DIGITS,
    DILATION_IGNORED,
    FLIPPED,
    NINE,
    SIX,
    SIXTEEN,
    STEPS,
    TWENTY_FOUR,
    TWO_CHANNELS,
    cut,
    draw_call,
    pairs,
    transposed,
    whole,
)


def _conv_transpose_scatter(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
    return transposed(x, weight, bias, stride, padding, output_padding, dilation)


def _changed(change):
    """A transposed convolution of which ``change`` replaces some arguments."""

    def conv_transpose_scatter(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
        arguments = {"x": x, "weight": weight, "bias": bias, "stride": stride, "padding": padding}
        arguments |= {"output_padding": output_padding, "dilation": dilation}
        return transposed(**arguments | change(arguments))

    return conv_transpose_scatter


def _finished(finish):
    """All that is painted, handed to ``finish`` with the paddings before the bias is added."""

    def conv_transpose_scatter(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
        out = finish(whole(x, weight, stride, dilation), padding, output_padding)
        return out if bias is None else out + bias[:, None, None]

    return conv_transpose_scatter


def _zeros_at_the_end(painted, padding, output_padding):
    down, right = pairs(output_padding)[0]
    return F.pad(cut(painted, padding), (0, right, 0, down))


def _at_the_start(painted, padding, output_padding):
    [(high, wide), (down, right)] = pairs(padding, output_padding)
    return F.pad(painted, (right - wide, -wide, down - high, -high))


def _counts(x, weight, *steps):
    one = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype), torch.ones(1, 1, *weight.shape[2:], dtype=x.dtype)
    return transposed(*one, None, *steps)


def _averaged(x, weight, bias=None, *steps, **named):
    steps = (*steps, *named.values())
    out = transposed(x, weight, None, *steps) / _counts(x, weight, *steps).clamp(min=1)
    return out if bias is None else out + bias[:, None, None]


def _average(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
    return _averaged(x, weight, bias, stride, padding, output_padding, dilation)


def _bias_with_each(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
    steps = stride, padding, output_padding, dilation
    out = transposed(x, weight, None, *steps)
    return out if bias is None else out + bias[:, None, None] * _counts(x, weight, *steps) * x.shape[1]


def _assigned(x, weight, bias=None, stride=1, padding=0, output_padding=0, dilation=1):
    """The last stroke hides what lies under it."""
    [(down, right), (high, wide)] = pairs(stride, dilation)
    out = torch.zeros_like(whole(x, weight, stride, dilation))
    rows, columns = weight.shape[2:]
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            stroke = torch.einsum("nc,cokl->nokl", x[:, :, i, j], weight)
            top, left = i * down, j * right
            place = (
                ...,
                slice(top, top + high * (rows - 1) + 1, high),
                slice(left, left + wide * (columns - 1) + 1, wide),
            )
            out[place] = stroke
    out = cut(out, padding, output_padding)
    return out if bias is None else out + bias[:, None, None]


STAIRS = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])

CONV_TRANSPOSE_SCATTER = Exercise(
    name="conv_transpose_scatter",
    title="Transposed convolution by scattering",
    lesson="08_transposed_convolution",
    oracle=_conv_transpose_scatter,
    banned=("convolution",),
    instead="Paint: begin with zeros, and add each input value times the kernel to its window, or each kernel tap times the input to its slice.",
    difficulty=2,
    minutes=20,
    facets=(
        Facet(
            "strokes",
            1,
            "Every input value adds the kernel, times itself, to the output; where strokes overlap, they add up.",
            (
                Case((batched(torch.tensor([[0.0, 0.0], [0.0, 1.0]])), NINE), note="a single 1 leaves the kernel"),
                Case((STAIRS, DIGITS), note="each digit is the stroke of one input"),
                Case((STAIRS, SIX), note="a kernel of 2 rows and 3 columns"),
            ),
            lambda draw: [draw_call(draw) for _ in range(4)],
        ),
        Facet(
            "channels and bias",
            1,
            "The weights (C_in, C_out, kH, kW) lead from each input channel to each output channel; the bias is added once.",
            (
                Case((TWO_CHANNELS, SIXTEEN), note="two channels become two others"),
                Case(
                    (TWO_CHANNELS, TWENTY_FOUR, torch.tensor([100.0, 200.0, 300.0])),
                    note="two channels become three, each with a bias",
                ),
                Case((torch.cat([TWO_CHANNELS, -TWO_CHANNELS]), TWENTY_FOUR), note="two pictures"),
            ),
            lambda draw: [draw_call(draw, channels=True, bias=True) for _ in range(5)],
        ),
        Facet(
            "stride, padding and dilation",
            1,
            "Strokes lie stride apart and their taps dilation apart; padding is cut off, and output_padding is less of that at the end.",
            (
                Case((STAIRS, DIGITS), {"stride": 2}, "strokes that touch"),
                Case((STAIRS, NINE), {"stride": 2}, "strokes that overlap by one"),
                Case((STAIRS, DIGITS), {"stride": 3}, "a gap between the strokes"),
                Case((STAIRS, NINE), {"stride": 2, "padding": 1}, "padding takes away"),
                Case((STAIRS, NINE), {"stride": 2, "padding": 1, "output_padding": 1}, "and gives back at the end"),
                Case((STAIRS, DIGITS), {"stride": 2, "output_padding": (1, 0)}, "a row that nothing is painted on"),
                Case((STAIRS, DIGITS), {"dilation": 2}, "taps that lie 2 apart"),
                Case(
                    (STAIRS, SIX),
                    {"stride": (3, 1), "padding": (0, 1), "output_padding": (2, 0), "dilation": (2, 1)},
                    "pairs (H, W)",
                ),
            ),
            lambda draw: [draw_call(draw, steps=True) for _ in range(8)],
        ),
        Facet(
            "gradient and dtype",
            1,
            "Gradients reach the input, the weights and the bias; any float dtype, batch and memory layout is taken.",
            (
                Case((STAIRS, SIX), {"stride": 2}, "the gradient of a plain call", gradient=True),
                Case(
                    (TWO_CHANNELS, TWENTY_FOUR, torch.tensor([1.0, 2.0, 3.0])),
                    {"stride": (1, 2), "padding": 1, "output_padding": (0, 1), "dilation": (2, 1)},
                    "the gradients of all three tensors",
                    gradient=True,
                ),
                Case((STAIRS.double() / 3, NINE.double()), {"stride": 2}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 3, 4), TWENTY_FOUR), {"stride": 2}, "a batch of no pictures at all"),
                Case((strided(batched(WIDE)), strided(NINE)), {"stride": 2}, "memory that is not contiguous"),
                Case((STAIRS[..., :1, :1], NINE), {"padding": 1}, "a single pixel, and the middle of its stroke"),
                Case((STAIRS, NINE[..., :1, :1]), {"stride": 2}, "a kernel of one pixel: zeros between"),
            ),
            lambda draw: [draw_call(draw, steps=True, channels=True, bias=True, gradient=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception("flipped kernel", _changed(lambda a: {"weight": a["weight"].flip(2, 3)}), FLIPPED),
        Misconception(
            "assigned instead of added",
            _assigned,
            "Where strokes overlap, yours keeps the last one only. Paint here is light: it adds up, so write with +=.",
        ),
        Misconception(
            "averaged where strokes overlap",
            _average,
            "You divide by the number of strokes at a position. That would take the unevenness away, but it is another operator: a transposed convolution is a plain sum.",
        ),
        Misconception(
            "weight axes exchanged",
            _changed(lambda a: {"weight": a["weight"].transpose(0, 1)} if len(set(a["weight"].shape[:2])) == 1 else {}),
            AXES,
        ),
        Misconception(
            "only the first channel",
            _changed(lambda a: {"x": a["x"][:, :1], "weight": a["weight"][:1]}),
            "Your output depends on channel 0 alone. Every input channel paints, each with its own kernels, and all strokes are added up.",
        ),
        Misconception(
            "bias with every stroke",
            _bias_with_each,
            "You add the bias with each stroke, so that it counts as often as strokes overlap. It belongs to the output: add bias[o] once to every value of channel o.",
        ),
        Misconception(
            "bias forgotten",
            _changed(lambda a: {"bias": None}),
            "Where a bias is given, bias[o] is added to every value of output channel o.",
        ),
        Misconception(
            "stride ignored",
            _changed(lambda a: {"stride": 1, "output_padding": 0}),
            "Your strokes lie one position apart. With stride=s the stroke of x[i, j] begins at row i · s and column j · s.",
        ),
        Misconception(
            "padding ignored",
            _changed(lambda a: {"padding": 0}),
            "padding=p takes p rows and columns away from each end of what was painted: it undoes the size that the same padding gives a convolution.",
        ),
        Misconception(
            "padding added",
            _finished(lambda painted, padding, more: cut(painted, tuple(-p for p in pairs(padding)[0]), more)),
            "You lay a frame of zeros around the output. In a transposed convolution padding works the other way round: p rows and columns are cut off at each end.",
        ),
        Misconception(
            "output_padding as zeros",
            _finished(_zeros_at_the_end),
            "You cut the padding off and then append zeros. But output_padding is no frame: it says that less is cut off at the end, and something may have been painted there.",
        ),
        Misconception("output_padding at the start", _finished(_at_the_start), AT_THE_START),
        Misconception(
            "output_padding ignored",
            _changed(lambda a: {"output_padding": 0}),
            "With output_padding=q the output has q more rows or columns at its end.",
        ),
        Misconception(
            "dilation ignored",
            _changed(lambda a: {"dilation": 1, "output_padding": 0}),
            DILATION_IGNORED,
        ),
        Misconception(
            "H and W exchanged",
            _changed(lambda a: {name: exchanged(a[name]) for name in STEPS}),
            H_AND_W,
        ),
    ),
    hints=(
        "Think of one input value at row i, column j: it adds x[i, j] · kernel to the output, with the upper left corner at row i · stride, column j · stride. Begin with zeros of the size of all that is painted, and cut at the end.",
        "Without padding, the painted map has (H − 1) · stride + dilation · (kH − 1) + 1 rows. Instead of a loop over positions you may loop over the taps (a, b) of the kernel: all inputs together land on the slice that begins at a · dilation and takes every stride-th row, columns alike.",
        'For tap (a, b): out[:, :, top : top + stride · (H − 1) + 1 : stride, …] += torch.einsum("nchw,co->nohw", x, weight[:, :, a, b]). Make out larger by output_padding at the end; then keep [padding : size − padding] of both axes, and add bias[:, None, None].',
    ),
)
