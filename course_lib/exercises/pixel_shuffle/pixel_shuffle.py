"""Pixel shuffle and unshuffle: r² channels become one with r × r times the pixels, and back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import strided

# The six axes between the two shapes, in the order in which they lie in the channels and in the pixels.
CHANNELS, PIXELS = "cijhw", "chiwj"


def _pixel_shuffle(x, upscale_factor, inverse=False):
    return F.pixel_unshuffle(x, upscale_factor) if inverse else F.pixel_shuffle(x, upscale_factor)


def rearranged(x: Tensor, r: int, inverse: bool, channels: str = CHANNELS, pixels: str = PIXELS) -> Tensor:
    """The shuffle with its axes in the orders given, on which the wrong functions are built.

    c, i, j stand for the channel, the row and the column inside a block, h and w for the block's own row and column.
    """
    n, depth, high, wide = x.shape
    if inverse:
        sizes = {"c": depth, "i": r, "j": r, "h": high // r, "w": wide // r}
        return _axes(x, n, pixels, channels, sizes).reshape(n, depth * r * r, high // r, wide // r)
    sizes = {"c": depth // (r * r), "i": r, "j": r, "h": high, "w": wide}
    return _axes(x, n, channels, pixels, sizes).reshape(n, depth // (r * r), high * r, wide * r)


def _axes(x: Tensor, n: int, before: str, after: str, sizes: dict[str, int]) -> Tensor:
    parted = x.reshape(n, *(sizes[axis] for axis in before))
    return parted.permute(0, *(1 + before.index(axis) for axis in after))


def _wrong(channels: str = CHANNELS, pixels: str = PIXELS, back_only: bool = False):
    """A shuffle whose channels or pixels lie in another order."""

    def pixel_shuffle(x, upscale_factor, inverse=False):
        if back_only and not inverse:
            return _pixel_shuffle(x, upscale_factor)
        return rearranged(x, upscale_factor, inverse, channels, pixels)

    return pixel_shuffle


def _as_it_lies(x, upscale_factor, inverse=False):
    n, c, h, w = x.shape
    r = upscale_factor
    if inverse:
        return x.reshape(n, c * r * r, h // r, w // r)
    return x.reshape(n, c // (r * r), h * r, w * r)


def _factor_two(x, upscale_factor, inverse=False):
    return _pixel_shuffle(x, 2, inverse) if _divides(x, 2, inverse) else _pixel_shuffle(x, upscale_factor, inverse)


def _divides(x: Tensor, r: int, inverse: bool) -> bool:
    return not (x.shape[2] % r or x.shape[3] % r) if inverse else x.shape[1] % (r * r) == 0


def _numbers(*shape: int) -> Tensor:
    return torch.arange(float(torch.Size(shape).numel())).reshape(shape)


def _draw(
    draw: Draw, channels: int = 1, factors=(2,), inverse: bool | None = False, dtype=torch.float32, gradient=False
) -> Case:
    """One facet's hidden case; ``inverse=None`` draws the direction too."""
    r = draw.choice(factors)
    back = draw.choice([True, False]) if inverse is None else inverse
    n, high, wide = draw.integer(1, 2), draw.integer(1, 3), draw.integer(2, 4)
    shape = (n, channels, high * r, wide * r) if back else (n, channels * r * r, high, wide)
    kwargs = {"upscale_factor": r, "inverse": True} if back else {"upscale_factor": r}
    return Case((draw.distinct(*shape, dtype=dtype),), kwargs, gradient=gradient)


TWO = {"upscale_factor": 2}
BACK = {"upscale_factor": 2, "inverse": True}

PIXEL_SHUFFLE = Exercise(
    name="pixel_shuffle",
    title="Pixel shuffle and unshuffle",
    lesson="09_pixel_shuffle",
    oracle=_pixel_shuffle,
    banned=("shuffle",),
    instead="Build it from reshape and permute: part the axes, put them in another order, and join them.",
    difficulty=2,
    minutes=12,
    facets=(
        Facet(
            "one channel",
            0.5,
            "Four channels become one with twice as many rows and columns: each pixel a block of 2 × 2.",
            (
                Case((_numbers(1, 4, 1, 1),), TWO, "four channels of a single pixel"),
                Case((_numbers(1, 4, 2, 3),), TWO, "2 rows and 3 columns"),
                Case((_numbers(2, 4, 1, 2),), TWO, "a batch of two"),
            ),
            lambda draw: [_draw(draw) for _ in range(4)],
        ),
        Facet(
            "several channels",
            0.5,
            "Channels 0 to 3 make output channel 0, channels 4 to 7 make output channel 1, and so on.",
            (
                Case((_numbers(1, 8, 1, 1),), TWO, "eight channels make two"),
                Case((_numbers(1, 12, 2, 1),), TWO, "twelve channels make three"),
            ),
            lambda draw: [_draw(draw, draw.integer(2, 3)) for _ in range(4)],
        ),
        Facet(
            "and back",
            1,
            "With inverse=True the pixels of each block become channels again, and nothing is lost on the way.",
            (
                Case((_numbers(1, 1, 2, 2),), BACK, "one block of 2 × 2"),
                Case((_numbers(1, 1, 4, 6),), BACK, "2 × 3 blocks"),
                Case((_numbers(1, 2, 2, 4),), BACK, "two channels become eight"),
            ),
            lambda draw: [_draw(draw, draw.integer(1, 2), inverse=True) for _ in range(5)],
        ),
        Facet(
            "any factor",
            0.5,
            "Any upscale_factor r: r² channels make one, and an upscale_factor of 1 changes nothing.",
            (
                Case((_numbers(1, 9, 1, 2),), {"upscale_factor": 3}, "nine channels make one"),
                Case((_numbers(1, 1, 3, 6),), {"upscale_factor": 3, "inverse": True}, "and one makes nine"),
                Case((_numbers(1, 16, 1, 1),), {"upscale_factor": 4}, "sixteen channels of a single pixel"),
                Case((_numbers(1, 2, 2, 3),), {"upscale_factor": 1}, "r = 1"),
            ),
            lambda draw: [_draw(draw, factors=(3, 4), inverse=None) for _ in range(5)],
        ),
        Facet(
            "any input",
            0.5,
            "Any dtype, batch and memory layout is taken, and the gradient flows.",
            (
                Case((_numbers(1, 4, 2, 3),), TWO, "the gradient of a plain call", gradient=True),
                Case((_numbers(1, 4, 2, 2).double() / 3,), TWO, "float64 stays float64"),
                Case((_numbers(1, 4, 2, 2).to(torch.uint8),), TWO, "bytes stay bytes"),
                Case((torch.zeros(0, 4, 2, 2),), TWO, "a batch of no pictures at all"),
                Case((strided(_numbers(1, 4, 2, 3)),), TWO, "memory that is not contiguous"),
                Case(
                    (_numbers(1, 4, 2, 3).contiguous(memory_format=torch.channels_last),),
                    TWO,
                    "channels last in memory",
                ),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "a plain reshape",
            _as_it_lies,
            "You give the numbers a new shape as they lie in memory, so a whole channel is spread over the first rows. Only a permute brings the r² channels of one place together.",
        ),
        Misconception(
            "the channels as tiles",
            _wrong(pixels="cihjw"),
            "Your r² channels lie beside each other as whole small pictures. They must be interleaved: in the output the row inside a block runs faster than the row of the block, so the order of the axes is h, i, w, j.",
        ),
        Misconception(
            "columns before rows",
            _wrong(channels="cjihw"),
            "You fill each block column by column. Channel 1 belongs to the right of channel 0, not below it: row i and column j of a block come from channel i · r + j.",
        ),
        Misconception(
            "TensorFlow's channel order",
            _wrong(channels="ijchw"),
            "This is TensorFlow's order, in which the place inside the block runs slowest in the channels. In torch it runs fastest: the r² channels of one output channel stand side by side.",
        ),
        Misconception(
            "inverse is ignored",
            lambda x, upscale_factor, inverse=False: (
                x if inverse and x.shape[1] % upscale_factor**2 else _pixel_shuffle(x, upscale_factor)
            ),
            "You shuffle in the same direction whether inverse is True or not. With inverse=True pixels become channels.",
        ),
        Misconception(
            "the way back without a permute",
            lambda x, upscale_factor, inverse=False: (_as_it_lies if inverse else _pixel_shuffle)(
                x, upscale_factor, inverse
            ),
            "Forward you permute, on the way back you only reshape. Take the same steps in the opposite order: part H into (H, r) and W into (W, r), bring the two r in front of H and W, and join.",
        ),
        Misconception(
            "the way back puts the place first",
            _wrong(channels="ijchw", back_only=True),
            "On the way back your place inside the block runs slowest in the channels, so a shuffle does not undo it where there are several channels. The r² channels of one input channel stand side by side.",
        ),
        Misconception(
            "a factor of 2, whatever is asked",
            _factor_two,
            "You divide by 2 although upscale_factor may be anything. Write r wherever you wrote 2, and r · r where you wrote 4.",
        ),
        Misconception(
            "a new tensor of another dtype",
            lambda x, upscale_factor, inverse=False: _pixel_shuffle(x.float(), upscale_factor, inverse),
            "The numbers stand where they should, but they are float32 now. torch.zeros makes float32; x.new_zeros takes the dtype of x, and reshape and permute keep it anyway.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, upscale_factor, inverse=False: _pixel_shuffle(x.detach(), upscale_factor, inverse),
            "The values are right, but no gradient can flow back through them.",
        ),
    ),
    hints=(
        "Nothing is computed here; numbers only move. Write down which of the input's four axes hold several things at once: the channels hold (c, i, j), and the rows of the output hold (h, i).",
        "Part the channels: x.reshape(n, c, r, r, h, w) with c = channels // r². Now every axis has one meaning: n, c, i, j, h, w. In which order must they stand, so that the rows of the output are h and i, and its columns w and j?",
        "Forward: x.reshape(n, c, r, r, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c, h * r, w * r). Back: x.reshape(n, c, h, r, w, r).permute(0, 1, 3, 5, 2, 4).reshape(n, c * r * r, h, w), with h and w of the small map.",
    ),
)
