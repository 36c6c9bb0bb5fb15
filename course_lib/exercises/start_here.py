"""Lesson 00: the output-size law, and what four probes become."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.samples import probes


def _output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """What torch itself answers."""
    return F.max_pool1d(torch.zeros(1, 1, size), kernel_size, stride, padding, dilation, ceil_mode).shape[-1]


def _law(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **wrong):
    """The law with one step wrong: what ``wrong`` names takes the place of the right term."""
    stride = wrong.get("default_stride", kernel_size) if stride is None else stride
    span = wrong.get("span", lambda k, d: d * (k - 1) + 1)(kernel_size, dilation)
    room = size + wrong.get("sides", 2) * padding - span
    up = wrong.get("always_up", ceil_mode)
    count = (room + (stride - 1 if up else 0)) // stride + wrong.get("plus", 1)
    if up and wrong.get("drop", True) and (count - 1) * stride >= size + padding:
        count -= 1
    return count


def _wrong_law(**wrong):
    def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        return _law(size, kernel_size, stride, padding, dilation, ceil_mode, **wrong)

    return output_size


def _sizes(*rows: dict, note: str = "") -> tuple[Case, ...]:
    return tuple(Case(kwargs=row, note=note) for row in rows)


def _draw_size(draw: Draw, padded: bool, dilated: bool, ceil: bool) -> Case:
    kernel_size = draw.integer(1, 5)
    dilation = draw.integer(2, 3) if dilated else 1
    span = dilation * (kernel_size - 1) + 1
    kwargs = {"size": draw.integer(span, span + 30), "kernel_size": kernel_size, "stride": draw.integer(1, 6)}
    if padded:
        kwargs["padding"] = draw.integer(0, kernel_size // 2)
    if dilated:
        kwargs["dilation"] = dilation
    if ceil:
        kwargs["ceil_mode"] = True
    return Case(kwargs=kwargs)


OUTPUT_SIZE = Exercise(
    name="output_size",
    title="The output-size law",
    lesson="00_start_here",
    oracle=_output_size,
    difficulty=1,
    minutes=12,
    facets=(
        Facet(
            "steps",
            1,
            "Count the windows that fit; without a stride, the window moves by its own size.",
            _sizes(
                {"size": 6, "kernel_size": 2},
                {"size": 5, "kernel_size": 2},
                {"size": 7, "kernel_size": 3, "stride": 2},
                {"size": 8, "kernel_size": 3, "stride": 1},
                {"size": 4, "kernel_size": 4},
            ),
            lambda draw: [_draw_size(draw, False, False, False) for _ in range(12)],
        ),
        Facet(
            "padding",
            1,
            "Padding lies on both sides.",
            _sizes(
                {"size": 6, "kernel_size": 3, "stride": 1, "padding": 1},
                {"size": 6, "kernel_size": 2, "stride": 1, "padding": 1},
                {"size": 224, "kernel_size": 7, "stride": 2, "padding": 3},
                {"size": 112, "kernel_size": 3, "stride": 2, "padding": 1},
            ),
            lambda draw: [_draw_size(draw, True, False, False) for _ in range(12)],
        ),
        Facet(
            "dilation",
            1,
            "Dilation stretches the window over dilation · (kernel_size − 1) + 1 positions.",
            _sizes(
                {"size": 9, "kernel_size": 3, "stride": 1, "dilation": 2},
                {"size": 11, "kernel_size": 2, "dilation": 4},
                {"size": 20, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 3},
            ),
            lambda draw: [_draw_size(draw, False, True, False) for _ in range(12)],
        ),
        Facet(
            "ceil_mode",
            1,
            "With ceil_mode the division rounds up, but a window that would start in the right padding is dropped.",
            _sizes(
                {"size": 5, "kernel_size": 2, "ceil_mode": True},
                {"size": 6, "kernel_size": 2, "ceil_mode": True},
                {"size": 8, "kernel_size": 3, "stride": 2, "ceil_mode": True},
                {"size": 6, "kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
                {"size": 3, "kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True},
                {"size": 4, "kernel_size": 1, "stride": 5, "ceil_mode": True},
            ),
            lambda draw: [_draw_size(draw, True, False, True) for _ in range(16)],
        ),
    ),
    misconceptions=(
        Misconception(
            "the first window was forgotten",
            _wrong_law(plus=0),
            "The division counts the steps that the window can take. The place where it starts is one output more: add 1.",
        ),
        Misconception(
            "the size divided by the stride",
            lambda size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False: (
                size // (stride or kernel_size)
            ),
            "Dividing the size by the stride is right only while the windows touch without overlap or gap. In general, count the steps that the window can take before it meets the end, and add 1 for where it started.",
        ),
        Misconception(
            "stride left at 1",
            _wrong_law(default_stride=1),
            "In pooling, stride=None means stride = kernel_size: neighbouring windows touch and do not overlap. Convolution is different: its stride starts at 1.",
        ),
        Misconception(
            "padding on one side only",
            _wrong_law(sides=1),
            "padding=p adds p positions at the start and p at the end, so the axis grows by 2 · p.",
        ),
        Misconception(
            "dilation left out",
            _wrong_law(span=lambda k, d: k),
            "A dilated window still reads kernel_size positions, but it stretches over dilation · (kernel_size − 1) + 1 of them, and that whole span must fit.",
        ),
        Misconception(
            "dilation times kernel_size",
            _wrong_law(span=lambda k, d: d * k),
            "There are kernel_size − 1 gaps between kernel_size positions, so the span is dilation · (kernel_size − 1) + 1, not dilation · kernel_size.",
        ),
        Misconception(
            "always rounded up",
            _wrong_law(always_up=True),
            "Rounding up is what ceil_mode=True asks for. Otherwise a window that does not fit whole is left out: round down.",
        ),
        Misconception(
            "the window in the right padding was kept",
            _wrong_law(drop=False),
            "With ceil_mode the last window may hang over the end, but it must start inside the input or its left padding. If (count − 1) · stride reaches size + padding, there is one window less.",
        ),
    ),
    hints=(
        "Draw the axis 0 … size − 1 with its padding, and put the window at its leftmost place. How far may it still move to the right, and how many strides is that?",
        "The window spans dilation · (kernel_size − 1) + 1 positions. The room it has is size + 2 · padding − span. It takes room // stride steps, and it stood somewhere before the first step.",
        "To round a division up with whole numbers, write (room + stride − 1) // stride. Then, only for ceil_mode: if (count − 1) * stride >= size + padding, the last window starts beyond the input; take one off.",
    ),
)


def _pooled(stride: int, padding: int) -> dict[str, list[float]]:
    return {name: F.max_pool1d(probe[None], 3, stride, padding)[0].tolist() for name, probe in probes(7).items()}


def _padded(values: list[float], filler: float, reduce) -> list[float]:
    axis = [filler, *values, filler]
    return [float(reduce(axis[start : start + 3])) for start in range(0, 7, 2)]


def _probe_outputs():
    """Each probe through torch: max pooling with kernel_size=3, stride=2, padding=1."""
    return _pooled(stride=2, padding=1)


def _believed(filler: float, reduce=max):
    return lambda: {name: _padded(probe.tolist(), filler, reduce) for name, probe in probes(7).items()}


def _no_padding():
    return _pooled(stride=2, padding=0)


def _stride_one():
    return _pooled(stride=1, padding=1)


PROBE_OUTPUTS = Exercise(
    name="probe_outputs",
    title="What four probes become",
    lesson="00_start_here",
    oracle=_probe_outputs,
    kind="answer",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "impulse",
            0.5,
            "A single one among zeros: it shows which windows contain it.",
            (Case(),),
            part="impulse",
        ),
        Facet("ramp", 0.5, "A straight line: it shows where the output looks.", (Case(),), part="ramp"),
        Facet("step", 0.5, "A jump from 0 to 1: it shows what happens at an edge.", (Case(),), part="step"),
        Facet(
            "all_negative",
            0.5,
            "Negative values only: it shows what the padding is.",
            (Case(),),
            part="all_negative",
        ),
    ),
    misconceptions=(
        Misconception(
            "zero padding",
            _believed(0.0),
            "These are exactly the values of zero padding. Max pooling pads with −∞, so that padding can never win: a window at the edge simply has fewer candidates.",
        ),
        Misconception(
            "no padding",
            _no_padding,
            "With padding=1 the first window is centred on position 0 and reads the positions −1, 0 and 1; yours starts at position 0. So there are four outputs, not three.",
        ),
        Misconception(
            "stride 1",
            _stride_one,
            "With stride=2 the window jumps two positions at a time: its centres stand at 0, 2, 4 and 6.",
        ),
        Misconception(
            "an average instead of a maximum",
            _believed(0.0, lambda window: sum(window) / len(window)),
            "These are the means of the windows. Max pooling keeps the largest value of each window and forgets the others.",
        ),
    ),
    hints=(
        "Write the numbers of a probe on paper and put brackets around three at a time: positions −1…1, 1…3, 3…5, 5…7. Positions −1 and 7 do not exist.",
        "There are four outputs for each probe. For the ramp 0 … 6 the second window reads 1, 2 and 3, so the second output is 3.",
        "For the negative probe, a window that hangs over the edge takes the larger of its two real values: what lies outside never wins.",
    ),
)

EXERCISES = (OUTPUT_SIZE, PROBE_OUTPUTS)
