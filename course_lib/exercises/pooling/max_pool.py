"""Max pooling on any number of axes, vectorised."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import (
    COLD,
    FOUR,
    H_AND_W,
    K_AND_S,
    LINE,
    STRIDE_LEFT_AT_1,
    WIDE,
    batched,
    exchanged,
    reads_windows,
    strided,
    windows,
)
from course_lib.geometry import per_axis


def _max_pool(x, kernel_size, stride=None, padding=0, dilation=1):
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[x.dim() - 2]
    return pool(x, kernel_size, stride, padding, dilation)


def _max_wrong(change=None, filler=-math.inf, detach=False):
    def max_pool(x, kernel_size, stride=None, padding=0, dilation=1):
        arguments = {"kernel_size": kernel_size, "stride": stride, "padding": padding, "dilation": dilation}
        arguments |= change(arguments) if change else {}
        x = x.detach() if detach else x
        return windows(x, filler=filler, **arguments).amax(-1)

    return max_pool


def _max_ceil(x, kernel_size, stride=None, padding=0, dilation=1):
    pool = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[x.dim() - 2]
    return pool(x, kernel_size, stride, padding, dilation, ceil_mode=True)


def _draw_max(draw: Draw, *, padded: bool = False, dilated: bool = False, gradient: bool = False) -> Case:
    """One facet's hidden case: it asks for that facet alone, so that a mistake elsewhere costs nothing here."""
    axes = draw.integer(1, 3)
    kernel_size = tuple(draw.integer(1, 3) for _ in range(axes))
    kwargs: dict = {"kernel_size": kernel_size[0] if gradient or draw.choice([True, False]) else kernel_size}
    kernel_size = per_axis(kwargs["kernel_size"], axes, "kernel_size")
    dilation = tuple(draw.integer(1, 2) for _ in range(axes)) if dilated else (1,) * axes
    if padded:
        kwargs["padding"] = tuple(draw.integer(0, k // 2) for k in kernel_size)
    if dilated:
        kwargs["dilation"] = dilation
        kwargs["stride"] = tuple(draw.integer(1, 3) for _ in range(axes))
    most = 8 if axes < 3 else 5
    spatial = [draw.integer(d * (k - 1) + 1, most) for k, d in zip(kernel_size, dilation, strict=True)]
    make = draw.negative if padded else draw.distinct
    return Case((make(draw.integer(1, 2), draw.integer(1, 2), *spatial),), kwargs, gradient=gradient)


MAX_POOL = Exercise(
    name="max_pool",
    title="Max pooling on any number of axes",
    lesson="01_pooling",
    oracle=_max_pool,
    banned=("pooling",),
    instead="Build it from padding, slices and torch.maximum, or from Tensor.unfold and amax.",
    difficulty=3,
    minutes=20,
    reads=reads_windows(),
    facets=(
        Facet(
            "windows",
            1,
            "The largest value of each window, for signals, pictures and volumes; stride=None means kernel_size.",
            (
                Case((batched(FOUR),), {"kernel_size": 2}, "one 4 × 4 picture"),
                Case((batched(LINE),), {"kernel_size": 3}, "a signal: one spatial axis"),
                Case(
                    (torch.arange(24.0).reshape(1, 1, 2, 3, 4) * 7 % 25,),
                    {"kernel_size": 2},
                    "a volume: three spatial axes",
                ),
                Case((batched(WIDE),), {"kernel_size": (2, 3)}, "a window of 2 rows and 3 columns"),
            ),
            lambda draw: [_draw_max(draw) for _ in range(6)],
        ),
        Facet(
            "padding",
            1,
            "Padding counts as −∞, so that it never wins.",
            (
                Case((batched(COLD),), {"kernel_size": 3, "stride": 2, "padding": 1}, "every value is negative"),
                Case((batched(-LINE.abs()),), {"kernel_size": 2, "padding": 1}, "a negative signal"),
                Case(
                    (batched(-WIDE - 1),),
                    {"kernel_size": (2, 3), "padding": (0, 1)},
                    "padding on the columns alone",
                ),
            ),
            lambda draw: [_draw_max(draw, padded=True) for _ in range(6)],
        ),
        Facet(
            "stride and dilation",
            1,
            "The window moves by stride and reads values that lie dilation apart; a pair is (H, W).",
            (
                Case((batched(WIDE),), {"kernel_size": 3, "stride": 1}, "windows that overlap"),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": 2, "stride": 3},
                    "windows with gaps between them, and a rest that is left over",
                ),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": 2, "stride": (1, 2), "dilation": 3},
                    "four values that lie 3 apart",
                ),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": (3, 2), "stride": (2, 1), "dilation": (1, 2)},
                    "a different step on each axis",
                ),
            ),
            lambda draw: [_draw_max(draw, dilated=True) for _ in range(6)],
        ),
        Facet(
            "gradient and dtype",
            1,
            "The gradient flows back to each winner, and any float dtype, batch and memory layout is taken.",
            (
                Case(
                    (batched(FOUR + 0.1 * WIDE[:4, :4]),),
                    {"kernel_size": 2},
                    "the gradient of a plain call",
                    gradient=True,
                ),
                Case(
                    (batched(WIDE),),
                    {"kernel_size": 3, "stride": 2, "padding": 1},
                    "a value can win in several windows",
                    gradient=True,
                ),
                Case((batched(WIDE.double() / 3),), {"kernel_size": 2}, "float64 stays float64"),
                Case((WIDE.half()[None, None],), {"kernel_size": 2, "padding": 1}, "float16"),
                Case((torch.zeros(0, 2, 4, 4),), {"kernel_size": 2}, "a batch of no pictures at all"),
                Case((strided(batched(WIDE)),), {"kernel_size": 2}, "memory that is not contiguous"),
                Case((batched(WIDE[:1, :1]),), {"kernel_size": 1}, "a single pixel"),
            ),
            lambda draw: [_draw_max(draw, gradient=True) for _ in range(4)],
        ),
    ),
    misconceptions=(
        Misconception(
            "zero padding",
            _max_wrong(filler=0.0),
            "These are exactly the values of zero padding. Max pooling pads with −∞: where everything in a window is negative, a padded zero must not win.",
        ),
        Misconception(
            "stride left at 1",
            _max_wrong(lambda a: {"stride": 1 if a["stride"] is None else a["stride"]}),
            STRIDE_LEFT_AT_1,
        ),
        Misconception(
            "kernel_size and stride exchanged",
            _max_wrong(
                lambda a: {} if a["stride"] is None else {"kernel_size": a["stride"], "stride": a["kernel_size"]}
            ),
            K_AND_S,
        ),
        Misconception(
            "H and W exchanged",
            _max_wrong(lambda a: {name: exchanged(value) for name, value in a.items()}),
            H_AND_W,
        ),
        Misconception(
            "dilation taken for stride",
            _max_wrong(lambda a: {"stride": a["dilation"], "dilation": 1} if a["dilation"] != 1 else {}),
            "dilation spreads the values that one window reads; stride moves the window. Your output is that of stride = dilation.",
        ),
        Misconception(
            "dilation ignored",
            _max_wrong(lambda a: {"dilation": 1}),
            "Your windows read neighbouring values. With dilation=d they read every d-th value: start, start + d, start + 2·d and so on.",
        ),
        Misconception(
            "stride ignored",
            _max_wrong(lambda a: {"stride": None}),
            "Your windows always stand kernel_size apart. That is only what stride=None means.",
        ),
        Misconception(
            "rounded up",
            _max_ceil,
            "You also count windows that hang over the end, as ceil_mode=True does. Here a window counts only if it fits whole: round down.",
        ),
        Misconception(
            "padding on one side only",
            lambda x, kernel_size, stride=None, padding=0, dilation=1: windows(
                F.pad(
                    x,
                    [q for p in reversed(per_axis(padding, x.dim() - 2, "padding")) for q in (p, 0)],
                    value=-math.inf,
                ),
                kernel_size,
                stride,
                0,
                dilation,
            ).amax(-1),
            "padding=p adds p positions at both ends of an axis. Yours stand at its start alone.",
        ),
    ),
    hints=(
        "A maximum over a rectangle is a maximum over columns of maxima over rows. So you may pool one axis after the other, each with the same few lines.",
        "Along one axis, pad with −∞ first. The first values of all windows are a slice with step stride; the second values are the same slice begun dilation further on; and so on, kernel_size slices in all. The output is their elementwise maximum.",
        "For axis a of the padded x with n outputs: slice number j holds the positions j * dilation + stride * (0 … n − 1). x.narrow(a, j * dilation, stride * (n − 1) + 1) followed by taking every stride-th element gives it; fold the slices together with torch.maximum.",
    ),
)
