"""The two channel orders of the same shuffle, under the names that ONNX gives them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pixel_shuffle.pixel_shuffle import rearranged
from course_lib.exercises.pooling.shared import strided

ORDERS = {"DCR": "ijchw", "CRD": "cijhw"}


def _depth_to_space(x, block_size, mode="DCR"):
    return rearranged(x, block_size, False, ORDERS[mode])


def _wrong(dcr: str = ORDERS["DCR"], crd: str = ORDERS["CRD"], pixels: str = "chiwj"):
    """Depth to space with another order of the channels for one of the modes."""

    def depth_to_space(x, block_size, mode="DCR"):
        return rearranged(x, block_size, False, dcr if mode == "DCR" else crd, pixels)

    return depth_to_space


def _twice_torch(x, block_size, mode="DCR"):
    """Channels shuffled the wrong way round: the inverse of what brings TensorFlow's order into torch's."""
    x = F.channel_shuffle(x, x.shape[1] // block_size**2) if mode == "DCR" else x
    return F.pixel_shuffle(x, block_size)


def _numbers(*shape: int) -> Tensor:
    return torch.arange(float(torch.Size(shape).numel())).reshape(shape)


def _draw(draw: Draw, mode: str, channels=(2, 3), dtype=torch.float32, gradient: bool = False) -> Case:
    """A case in which no two orders agree: two output channels or more, and blocks of 2 × 2 or 3 × 3."""
    r = draw.choice((2, 3))
    x = draw.distinct(draw.integer(1, 2), draw.choice(channels) * r * r, draw.integer(1, 2), draw.integer(1, 3))
    kwargs = {"block_size": r} if mode == "DCR" else {"block_size": r, "mode": mode}
    return Case((x.to(dtype),), kwargs, gradient=gradient)


DEPTH_TO_SPACE = Exercise(
    name="depth_to_space",
    title="Two channel orders: TensorFlow's and torch's",
    lesson="09_pixel_shuffle",
    oracle=_depth_to_space,
    banned=("shuffle",),
    instead="Use your own pixel_shuffle, or reshape and permute as you did there.",
    difficulty=2,
    minutes=8,
    facets=(
        Facet(
            "DCR",
            1,
            "mode='DCR', TensorFlow's order: the place inside the block runs slowest in the channels.",
            (
                Case((_numbers(1, 8, 1, 1),), {"block_size": 2}, "even channels make one picture, odd ones the other"),
                Case((_numbers(1, 8, 1, 2),), {"block_size": 2}, "two pixels"),
                Case((_numbers(1, 12, 1, 1),), {"block_size": 2}, "three output channels"),
                Case((_numbers(1, 18, 1, 1),), {"block_size": 3}, "blocks of 3 × 3"),
            ),
            lambda draw: [_draw(draw, "DCR") for _ in range(5)],
        ),
        Facet(
            "CRD",
            0.5,
            "mode='CRD', torch's order: the place inside the block runs fastest in the channels.",
            (
                Case((_numbers(1, 8, 1, 1),), {"block_size": 2, "mode": "CRD"}, "the first four channels make one"),
                Case((_numbers(1, 12, 1, 2),), {"block_size": 2, "mode": "CRD"}, "three output channels"),
                Case((_numbers(1, 18, 1, 1),), {"block_size": 3, "mode": "CRD"}, "blocks of 3 × 3"),
            ),
            lambda draw: [_draw(draw, "CRD") for _ in range(4)],
        ),
        Facet(
            "any input",
            0.5,
            "Any dtype, batch and memory layout is taken, and the gradient flows.",
            (
                Case((_numbers(1, 8, 1, 2),), {"block_size": 2}, "the gradient of a plain call", gradient=True),
                Case((_numbers(1, 8, 2, 1).double() / 3,), {"block_size": 2}, "float64 stays float64"),
                Case((_numbers(1, 8, 1, 2).to(torch.uint8),), {"block_size": 2}, "bytes stay bytes"),
                Case((torch.zeros(0, 8, 2, 2),), {"block_size": 2}, "a batch of no pictures at all"),
                Case((strided(_numbers(1, 8, 2, 2)),), {"block_size": 2}, "memory that is not contiguous"),
            ),
            lambda draw: [
                _draw(draw, "DCR", dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "torch's order for both",
            lambda x, block_size, mode="DCR": F.pixel_shuffle(x, block_size),
            "Both modes give torch's order. With mode='DCR' the place runs slowest: with two output channels and blocks of 2 × 2, channel 1 is the first number of the second picture.",
        ),
        Misconception(
            "the modes exchanged",
            _wrong(ORDERS["CRD"], ORDERS["DCR"]),
            "You have the two modes the wrong way round. DCR is TensorFlow's order, in which the place comes first and the output channel last; CRD is torch's.",
        ),
        Misconception(
            "TensorFlow's order for both",
            _wrong(crd=ORDERS["DCR"]),
            "Both modes give TensorFlow's order. With mode='CRD' the result is that of pixel_shuffle.",
        ),
        Misconception(
            "channels regrouped the wrong way",
            _twice_torch,
            "You regroup the channels in the inverse direction: that turns torch's order into TensorFlow's. Part the channels into (r · r, c), because that is how they lie, and exchange the two.",
        ),
        Misconception(
            "columns before rows",
            _wrong("jichw", "cjihw"),
            "You fill each block column by column. In both orders the columns of a block run faster than its rows.",
        ),
        Misconception(
            "the output channel between row and column",
            _wrong(dcr="icjhw"),
            "You part the channels into (r, c, r). In TensorFlow's order both numbers of the place come first: (r, r, c).",
        ),
        Misconception(
            "the channels as tiles",
            _wrong(pixels="cihjw"),
            "Your channels lie beside each other as whole small pictures. They must be interleaved, as in pixel_shuffle: the order of the axes in the output is h, i, w, j.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, block_size, mode="DCR": _depth_to_space(x.detach(), block_size, mode),
            "The values are right, but no gradient can flow back through them.",
        ),
    ),
    hints=(
        "Take 8 channels of one pixel, 0 to 7, and blocks of 2 × 2. In TensorFlow's order channel 0 is the first number of picture 0, and channel 1 the first number of picture 1. So which channels make picture 0?",
        "Torch's channels are parted into (c, r, r), TensorFlow's into (r, r, c). If you bring the second into the order of the first, your own pixel_shuffle does the rest.",
        "For DCR: x.reshape(n, r * r, c, h, w).transpose(1, 2).reshape(n, c * r * r, h, w), then pixel_shuffle. For CRD: pixel_shuffle at once.",
    ),
)
