"""A sub-pixel convolution as a transposed convolution: the same numbers, another weight.

W. Shi et al., "Is the deconvolution layer the same as a convolutional layer?" (2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pixel_shuffle.pixel_shuffle import rearranged
from course_lib.exercises.pooling.shared import strided


def _sub_pixel_as_transposed(weight, upscale_factor):
    return F.pixel_shuffle(weight.transpose(0, 1).flip((2, 3)), upscale_factor)


def _wrong(flip=(2, 3), channels: str = "cijhw", pixels: str = "chiwj", after=()):
    """The same with other axes flipped, before or after the shuffle, or with another order of channels or pixels."""

    def sub_pixel_as_transposed(weight, upscale_factor):
        turned = weight.transpose(0, 1).flip(flip)
        return rearranged(turned, upscale_factor, False, channels, pixels).flip(after)

    return sub_pixel_as_transposed


def _numbers(*shape: int) -> Tensor:
    return torch.arange(1.0, torch.Size(shape).numel() + 1).reshape(shape)


def _draw(
    draw: Draw, outputs=(1,), inputs=(1,), kernels=(3,), factors=(2,), dtype=torch.float32, gradient=False
) -> Case:
    r = draw.choice(factors)
    shape = draw.choice(outputs) * r * r, draw.choice(inputs), draw.choice(kernels), draw.choice(kernels)
    return Case((draw.distinct(*shape, dtype=dtype),), {"upscale_factor": r}, gradient=gradient)


TWO = {"upscale_factor": 2}

SUB_PIXEL_AS_TRANSPOSED = Exercise(
    name="sub_pixel_as_transposed",
    title="Sub-pixel convolution as a transposed convolution",
    lesson="09_pixel_shuffle",
    oracle=_sub_pixel_as_transposed,
    banned=("shuffle",),
    instead="Exchange two axes, flip two, and use your own pixel_shuffle on what you have.",
    difficulty=3,
    minutes=12,
    facets=(
        Facet(
            "1 × 1 kernels",
            0.5,
            "From one input channel and 1 × 1 kernels: the r² numbers become one kernel of r × r.",
            (
                Case((_numbers(4, 1, 1, 1),), TWO, "four kernels of one number: a kernel of 2 × 2"),
                Case((_numbers(9, 1, 1, 1),), {"upscale_factor": 3}, "nine of them: a kernel of 3 × 3"),
            ),
            lambda draw: [_draw(draw, kernels=(1,), factors=(2, 3)) for _ in range(4)],
        ),
        Facet(
            "larger kernels",
            0.5,
            "From k × k kernels: one of k·r × k·r, in which each phase is one of the kernels, turned round.",
            (
                Case((_numbers(4, 1, 1, 2),), TWO, "kernels of one row and two columns"),
                Case((_numbers(4, 1, 3, 3),), TWO, "kernels of 3 × 3: a kernel of 6 × 6"),
                Case((_numbers(9, 1, 2, 1),), {"upscale_factor": 3}, "a factor of 3"),
            ),
            lambda draw: [_draw(draw, kernels=(2, 3), factors=(2, 3)) for _ in range(4)],
        ),
        Facet(
            "channels",
            0.5,
            "With several channels: (C · r², C_in, k, k) becomes (C_in, C, k · r, k · r).",
            (
                Case((_numbers(8, 1, 1, 1),), TWO, "two output channels"),
                Case((_numbers(4, 3, 1, 1),), TWO, "three input channels"),
                Case((_numbers(8, 3, 1, 1),), TWO, "both"),
            ),
            lambda draw: [_draw(draw, outputs=(2, 3), inputs=(2, 3), kernels=(1,)) for _ in range(4)],
        ),
        Facet(
            "any input",
            0.5,
            "The dtype stays, whatever the memory layout is, and the gradient flows.",
            (
                Case((_numbers(4, 2, 1, 1),), TWO, "the gradient of a plain call", gradient=True),
                Case((_numbers(4, 1, 1, 1).double() / 3,), TWO, "float64 stays float64"),
                Case((strided(_numbers(4, 2, 1, 1)),), TWO, "memory that is not contiguous"),
            ),
            lambda draw: [
                _draw(draw, inputs=(2,), kernels=(1,), dtype=draw.choice([torch.float32, torch.float64]), gradient=True)
                for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "not turned round",
            _wrong(flip=()),
            "Your kernels are not turned round. A convolution reads to the right of a pixel what a transposed convolution writes to its left, so each k × k kernel must be flipped along both axes.",
        ),
        Misconception(
            "flipped after the shuffle",
            _wrong(flip=(), after=(2, 3)),
            "You flip the large kernel as a whole, which turns the r × r phases round as well. Flip the k × k kernels first, and shuffle then.",
        ),
        Misconception(
            "flipped along one axis",
            _wrong(flip=(3,)),
            "You flip the columns of the kernels, but not their rows.",
        ),
        Misconception(
            "input and output channels not exchanged",
            lambda weight, upscale_factor: _sub_pixel_as_transposed(weight, upscale_factor).transpose(0, 1),
            "The weight of a convolution begins with its output channels, that of a transposed convolution with its input channels: (C_in, C, k · r, k · r). Yours has the two the other way round.",
        ),
        Misconception(
            "TensorFlow's channel order",
            _wrong(channels="ijchw"),
            "The r² kernels of one output channel stand side by side in torch. Yours are C apart, as TensorFlow has them.",
        ),
        Misconception(
            "columns before rows",
            _wrong(channels="cjihw"),
            "You fill each r × r phase block column by column. The kernel of output channel c · r² + i · r + j belongs to row i and column j.",
        ),
        Misconception(
            "the kernels as tiles",
            _wrong(pixels="cihjw"),
            "Your r² kernels lie beside each other as whole tiles. They must be interleaved: neighbours in the large kernel belong to different phases.",
        ),
        Misconception(
            "a factor of 2, whatever is asked",
            lambda weight, upscale_factor: _sub_pixel_as_transposed(weight, 2 if len(weight) % 4 == 0 else 1),
            "You take upscale_factor for 2. It may be anything of which the square divides the number of output channels.",
        ),
        Misconception(
            "cut from the graph",
            lambda weight, upscale_factor: _sub_pixel_as_transposed(weight.detach(), upscale_factor),
            "The values are right, but no gradient can flow back through them.",
        ),
    ),
    hints=(
        "Send an impulse through both. The sub-pixel convolution answers with its kernels, r² of them, interleaved pixel by pixel. The transposed convolution answers with its one large kernel. So what must the large kernel be?",
        "Two things differ besides: the first two axes of the weights are exchanged, and the answer of a convolution to an impulse is its kernel turned round. Interleaving is what your pixel_shuffle does; it does not mind that its input is a weight.",
        "weight.transpose(0, 1) is (C_in, C · r², k, k). Flip axes 2 and 3 of it, and hand it to pixel_shuffle with upscale_factor.",
    ),
)
