"""Which align_corners undoes which encoder: decided by measuring on a ramp."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.exercise import Case, Exercise, Facet, Misconception

# The name of each entry: the encoder and the size of the ramp.
ENCODERS = {
    "avg_16": (lambda ramp: F.avg_pool1d(ramp, 2), 16),
    "avg_17": (lambda ramp: F.avg_pool1d(ramp, 2), 17),
    "conv_16": (lambda ramp: F.conv1d(ramp, torch.full((1, 1, 3), 1 / 3), stride=2, padding=1), 16),
    "conv_17": (lambda ramp: F.conv1d(ramp, torch.full((1, 1, 3), 1 / 3), stride=2, padding=1), 17),
}


def errors(name: str, align_corners: bool) -> torch.Tensor:
    """Down, up again, minus the ramp: how far off each pixel is, in pixels."""
    encode, size = ENCODERS[name]
    ramp = torch.arange(float(size))[None, None]
    back = F.interpolate(encode(ramp), size=size, mode="linear", align_corners=align_corners)
    return (back - ramp)[0, 0]


def _inner(values: torch.Tensor) -> torch.Tensor:
    return values[len(values) // 4 : len(values) - len(values) // 4]


def _largest(values: torch.Tensor) -> float:
    return _inner(values).abs().max().item()


def _mean(values: torch.Tensor) -> float:
    return abs(_inner(values).mean().item())


def _with_border(values: torch.Tensor) -> float:
    return values.abs().max().item()


def _answers(flags: dict[str, str], measure=_largest) -> dict[str, list]:
    return {name: [measure(errors(name, False)), measure(errors(name, True)), flag] for name, flag in flags.items()}


RIGHT = {"avg_16": "False", "avg_17": "neither", "conv_16": "neither", "conv_17": "True"}


def _choose_flag():
    """Measured: 0 for a flag says that it is the right one."""
    return _answers(RIGHT)


def _believed(measure=_largest, **flags):
    return lambda: _answers(RIGHT | flags, measure)


CHOOSE_FLAG = Exercise(
    name="choose_flag",
    title="The flag for an encoder",
    lesson="06_interpolation",
    oracle=_choose_flag,
    kind="answer",
    difficulty=2,
    minutes=10,
    facets=tuple(
        Facet(name, 0.5, asks, (Case(),), part=name)
        for name, asks in (
            ("avg_16", "Average pooling of 2 on 16 pixels, and back."),
            ("avg_17", "Average pooling of 2 on 17 pixels, and back."),
            ("conv_16", "A convolution with kernel_size=3, stride=2, padding=1 on 16 pixels, and back."),
            ("conv_17", "The same convolution on 17 pixels, and back."),
        )
    ),
    misconceptions=(
        Misconception(
            "always False, because it is the default",
            _believed(avg_17="False", conv_16="False", conv_17="False"),
            "align_corners=False is right where size / output_size is the encoder's stride and its samples stand in the middle of their pieces. Of the four that is true of one.",
        ),
        Misconception(
            "always True, as for segmentation",
            _believed(avg_16="True", avg_17="True", conv_16="True"),
            "align_corners=True is right where the encoder's first and last samples stand on the first and the last pixel. Of the four that is true of one.",
        ),
        Misconception(
            "the encoder alone decides",
            _believed(avg_17="False", conv_16="True"),
            "Average pooling goes with False and the convolution with True only at the size that fits. At the other one the last sample stands elsewhere, and neither flag gives an error of 0.",
        ),
        Misconception(
            "the parity alone decides",
            _believed(avg_17="True", conv_16="False"),
            "It takes both: where the encoder puts its samples, and whether they fit the size. Average pooling on 17 pixels drops the last one; the convolution on 16 pixels stops one short of the end.",
        ),
        Misconception(
            "the smaller error",
            _believed(avg_17="False", conv_16="False"),
            "You chose the flag with the smaller error. But half a pixel is an error too: where neither flag reaches 0, the answer is 'neither', and the sizes must be mended.",
        ),
        Misconception(
            "the flags exchanged",
            _believed(avg_16="True", conv_17="False"),
            "Your two flags are exchanged. The error of 0 stands at the other one.",
        ),
        Misconception(
            "the border counted",
            _believed(_with_border),
            "Near the ends the border repeats and the convolution reads zeros, so that no flag is right there. Measure the middle half: size // 4 pixels are left out at each end.",
        ),
        Misconception(
            "the mean error",
            _believed(_mean),
            "You took the mean, in which an error to the left and one to the right cancel out. Take the largest absolute value.",
        ),
    ),
    hints=(
        "For each of the four: make the ramp smaller, make it large again with mode='linear' and size=the old size, and subtract the ramp. What is left is the error in pixels.",
        "Cut out the middle half, error[size // 4 : size − size // 4], and take .abs().max().item(). Do it for align_corners=False and for True. That makes the first two numbers of an entry.",
        "If one of the two numbers is 0 (below 0.001), that flag is right: 'False' or 'True'. If none is, write 'neither'. Twice it is neither.",
    ),
)
