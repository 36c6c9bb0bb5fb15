"""Convolution of pictures with stride, padding and dilation."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import FOUR, H_AND_W, WIDE, batched, exchanged, strided
from course_lib.geometry import per_axis, window

# Over digits, the output of this filter reads as the digits of its window, last one first.
DIGITS = torch.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]])
NINE = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
TWO_CHANNELS = torch.arange(24.0).reshape(1, 2, 3, 4) * 5 % 13
SIXTEEN = torch.arange(16.0).reshape(2, 2, 2, 2) * 3 % 17 + 1
TWENTY_FOUR = torch.arange(24.0).reshape(3, 2, 2, 2) * 5 % 29 + 1
STEPS = ("stride", "padding", "dilation")


def _strided_conv(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return F.conv2d(x, weight, bias, stride, padding, dilation)


def _changed(change):
    """A convolution of which ``change`` replaces some arguments."""

    def strided_conv(x, weight, bias=None, stride=1, padding=0, dilation=1):
        arguments = {"x": x, "weight": weight, "bias": bias, "stride": stride, "padding": padding, "dilation": dilation}
        return _strided_conv(**arguments | change(arguments))

    return strided_conv


def _bias_along_columns(x, weight, bias=None, stride=1, padding=0, dilation=1):
    out = _strided_conv(x, weight, None, stride, padding, dilation)
    if bias is None:
        return out
    return out + (bias if out.shape[-1] == len(bias) else bias[:, None, None])


def _divided(x, weight, bias=None, stride=1, padding=0, dilation=1):
    return _strided_conv(x, weight / weight[0].numel(), bias, stride, padding, dilation)


def _padded_before(a):
    high, wide = per_axis(a["padding"], 2, "padding")
    return {"x": F.pad(a["x"], (wide, 0, high, 0)), "padding": 0}


def _reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
    """All channels of a window, its rows and its columns."""
    weight = case.args[1]
    stride, padding, dilation = (
        per_axis(case.kwargs.get(name, default), 2, name) for name, default in zip(STEPS, (1, 0, 1), strict=True)
    )
    return range(weight.shape[1]), *map(window, index[-2:], weight.shape[2:], stride, padding, dilation)


def _draw_conv(draw: Draw, *, steps: bool = False, channels: bool = False, gradient: bool = False) -> Case:
    kernel_size = draw.integer(1, 3), draw.integer(2, 3)
    dilation = (draw.integer(1, 2), draw.integer(1, 2)) if steps else (1, 1)
    seen, filters = (draw.integer(1, 2), draw.integer(1, 3)) if channels else (1, 1)
    kwargs: dict = {}
    if steps:
        kwargs = {
            "stride": draw.choice([1, 2, 3, (2, 1), (1, 3)]),
            "padding": draw.choice([0, 1, (0, 1), (2, 0)]),
            "dilation": dilation,
        }
    spatial = [draw.integer(d * (k - 1) + 1, 7) for k, d in zip(kernel_size, dilation, strict=True)]
    weight = draw.distinct(filters, seen, *kernel_size)
    weight += weight.numel()  # all above zero, so that no two weights cancel
    args = [draw.distinct(draw.integer(1, 2), seen, *spatial), weight]
    if channels:
        args.append(draw.distinct(filters) * 10 + 5)
    return Case(tuple(args), kwargs, gradient=gradient)


STRIDED_CONV = Exercise(
    name="strided_conv",
    title="Convolution of pictures, with stride, padding and dilation",
    lesson="03_strided_convolution",
    oracle=_strided_conv,
    banned=("convolution",),
    instead="Build it from padding, slices (or Tensor.unfold) and a sum of products, such as torch.einsum or a matrix product.",
    difficulty=2,
    minutes=20,
    reads=_reads,
    facets=(
        Facet(
            "windows",
            1,
            "Each output is the sum of a window's values times the weights, which lie on it as they are, not flipped.",
            (
                Case((batched(FOUR), DIGITS), note="over digits this filter reads the digits of its window"),
                Case((batched(WIDE), NINE), note="a filter of 3 × 3"),
                Case((batched(WIDE), NINE[:, :, :2]), note="a filter of 2 rows and 3 columns"),
            ),
            lambda draw: [_draw_conv(draw) for _ in range(4)],
        ),
        Facet(
            "channels and bias",
            1,
            "Every output channel adds up all channels of the input, each with its own weights, and then its own bias.",
            (
                Case((TWO_CHANNELS, SIXTEEN), note="two channels become two others"),
                Case(
                    (TWO_CHANNELS, TWENTY_FOUR, torch.tensor([100.0, 200.0, 300.0])),
                    note="three filters, each with a bias",
                ),
                Case(
                    (torch.cat([TWO_CHANNELS, -TWO_CHANNELS]), SIXTEEN, torch.tensor([50.0, -50.0])),
                    note="two pictures",
                ),
            ),
            lambda draw: [_draw_conv(draw, channels=True) for _ in range(6)],
        ),
        Facet(
            "stride, padding and dilation",
            1,
            "The window moves by stride over the picture with its frame of zeros, and reads values that lie dilation apart.",
            (
                Case((batched(FOUR), DIGITS), {"stride": 2}, "windows that touch"),
                Case((batched(FOUR), DIGITS), {"padding": 1, "stride": 2}, "a frame of zeros"),
                Case((batched(WIDE), DIGITS), {"dilation": 3}, "four values that lie 3 apart"),
                Case((batched(WIDE), NINE), {"stride": (2, 3), "padding": (0, 2), "dilation": (2, 1)}, "pairs (H, W)"),
                Case((batched(WIDE), NINE), {"stride": 2, "padding": 1}, "the layer that halves a map"),
            ),
            lambda draw: [_draw_conv(draw, steps=True) for _ in range(8)],
        ),
        Facet(
            "gradient and dtype",
            1,
            "Gradients reach the picture, the weights and the bias; any float dtype, batch and memory layout is taken.",
            (
                Case((batched(FOUR), DIGITS), {"stride": 2}, "the gradient of a plain call", gradient=True),
                Case(
                    (TWO_CHANNELS, TWENTY_FOUR, torch.tensor([1.0, 2.0, 3.0])),
                    {"stride": (1, 2), "padding": 1, "dilation": (2, 1)},
                    "the gradients of all three tensors",
                    gradient=True,
                ),
                Case((batched(WIDE.double() / 3), NINE.double()), {"stride": 2}, "float64 stays float64"),
                Case((torch.zeros(0, 2, 3, 4), TWENTY_FOUR), note="a batch of no pictures at all"),
                Case((strided(batched(WIDE)), strided(NINE)), {"stride": 2}, "memory that is not contiguous"),
                Case((batched(WIDE[:1, :1]), NINE), {"padding": 1}, "a single pixel with a frame around it"),
                Case(
                    (TWO_CHANNELS, SIXTEEN[:, :, :1, :1]),
                    {"stride": 2},
                    "a filter of one pixel: only a quarter is read",
                ),
            ),
            lambda draw: [_draw_conv(draw, steps=True, channels=True, gradient=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception(
            "flipped weights",
            _changed(lambda a: {"weight": a["weight"].flip(2, 3)}),
            "You turned the weights by 180°, as a convolution does in mathematics. What deep learning calls a convolution lays them on the window as they are; mathematics calls that a correlation.",
        ),
        Misconception(
            "only the first channel",
            _changed(lambda a: {"x": a["x"][:, :1], "weight": a["weight"][:, :1]}),
            "Your output depends on channel 0 alone. Every filter has weights for each input channel, and all their products are added up.",
        ),
        Misconception(
            "weight axes exchanged",
            _changed(lambda a: {"weight": a["weight"].transpose(0, 1)} if len(set(a["weight"].shape[:2])) == 1 else {}),
            "The weights have the shape (C_out, C_in, kH, kW): the first axis counts the filters. Your output is that of the two channel axes exchanged, which is the order of a transposed convolution.",
        ),
        Misconception(
            "divided, as an average",
            _divided,
            "You divide by the number of values in the window. A convolution is a plain sum of products; if a division is wanted, it stands in the weights.",
        ),
        Misconception(
            "bias forgotten",
            _changed(lambda a: {"bias": None}),
            "Where a bias is given, bias[o] is added to every value of output channel o.",
        ),
        Misconception(
            "bias along the columns",
            _bias_along_columns,
            "The bias was added along the last axis, one number for each column. It belongs to the channels: bias[:, None, None] has the right axes.",
        ),
        Misconception(
            "stride ignored",
            _changed(lambda a: {"stride": 1}),
            "Your window moves by one position each time. With stride=s it moves by s, so that only every s-th output is computed.",
        ),
        Misconception(
            "a stride as pooling has it",
            _changed(lambda a: {"stride": tuple(a["weight"].shape[2:]) if a["stride"] == 1 else a["stride"]}),
            "Where no stride is given, your windows stand as far apart as they are wide. That is the rule of pooling; a convolution moves by 1 unless it is told otherwise.",
        ),
        Misconception(
            "padding ignored",
            _changed(lambda a: {"padding": 0}),
            "padding=p lays p rows and columns of zeros around the picture before the first window is read.",
        ),
        Misconception(
            "padding on one side only",
            _changed(_padded_before),
            "padding=p adds p rows or columns of zeros at both ends of an axis. Yours stand at its start alone.",
        ),
        Misconception(
            "dilation ignored",
            _changed(lambda a: {"dilation": 1}),
            "Your windows read neighbouring values. With dilation=d they read every d-th value: start, start + d, start + 2·d and so on.",
        ),
        Misconception(
            "H and W exchanged",
            _changed(lambda a: {name: exchanged(a[name]) for name in STEPS}),
            H_AND_W,
        ),
        Misconception(
            "weights cut off from the gradient",
            _changed(lambda a: {"weight": a["weight"].detach()}),
            "The values are right, but the weights get no gradient, so that nothing could be learned. Use the weights themselves: no .detach(), .data, .item() or torch.tensor(...) around them.",
        ),
    ),
    hints=(
        "Think of one weight instead of one window: which input value does weight[o, c, i, j] meet for output (0, 0), for output (0, 1), for all outputs? Together these values are one slice of the padded picture.",
        "For weight position (i, j) the slice begins at row i·dilation and column j·dilation, takes every stride-th value, and has as many rows and columns as the output. Multiply it by weight[:, :, i, j], which is a matrix (C_out, C_in), and add up over the kH·kW positions.",
        'torch.einsum("nchw,oc->nohw", piece, weight[:, :, i, j]) multiplies and adds over the channels. The output has (padded size − dilation·(k − 1) − 1) // stride + 1 rows or columns, so the slice along an axis is start : start + stride·(count − 1) + 1 : stride. At the end add bias[:, None, None].',
    ),
)
