"""Scenes with exact masks: handwritten digits of three sizes, pasted on photographs of textures. For lesson 10."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 40  # of a scene
SIDES = (7, 11, 18)  # of the digits in it, one of each
INK = 0.95


@dataclass(frozen=True)
class Scenes:
    """pictures: float32 `(N, 1, H, W)` from 0 to 1. sides: of which size the digit at each pixel is, 0 for none."""

    pictures: Tensor
    sides: Tensor

    @property
    def masks(self) -> Tensor:
        """Which pixels belong to a digit: bool `(N, 1, H, W)`."""
        return self.sides > 0


def make(
    count: int,
    textures: Sequence[Tensor],
    digits: Tensor,
    seed: int = 0,
    size: int = SIZE,
    sides: Sequence[int] = SIDES,
) -> Scenes:
    """`count` scenes of size × size, each on a cut-out of one of the textures, with one digit of each of the sides.

    textures: float32 `(1, H, W)` from 0 to 1, at least as large as a scene. digits: `(N, 1, 32, 32)`, as from
    ``samples.digits``. No two digits overlap, and a pixel belongs to a digit where more than half of it is ink.

    >>> make(2, [torch.rand(1, 64, 64)], torch.ones(5, 1, 32, 32)).pictures.shape
    torch.Size([2, 1, 40, 40])
    """
    draw = _drawing(seed)
    pictures, of_side = torch.empty(count, 1, size, size), torch.zeros(count, 1, size, size, dtype=torch.int64)
    for picture, marks in zip(pictures[:, 0], of_side[:, 0], strict=True):
        whole = textures[draw(len(textures))][0]
        top, left = (draw(extent - size + 1) for extent in whole.shape)
        cut = whole[top : top + size, left : left + size]
        picture.copy_((cut - cut.mean()) * 0.8 + 0.5)  # equally bright on average, so that brightness tells nothing
        for (top, left), side in zip(_places(draw, size, sides), sorted(sides, reverse=True), strict=True):
            digit = digits[draw(len(digits))][None, :, 8:24, 8:24]
            ink = F.interpolate(digit, size=(side, side), mode="bilinear", antialias=True)[0, 0].clamp(0, 1)
            at = slice(top, top + side), slice(left, left + side)
            picture[at] += ink * (INK - picture[at])
            marks[at] = torch.where(ink > 0.5, side, marks[at])
    return Scenes(pictures.clamp(0, 1), of_side)


def _drawing(seed: int) -> Callable[[int], int]:
    """Draws whole numbers below a bound."""
    generator = torch.Generator().manual_seed(seed)
    return lambda bound: int(torch.randint(bound, (1,), generator=generator))


def _places(draw: Callable[[int], int], size: int, sides: Sequence[int]) -> list[tuple[int, int]]:
    """The upper left corners of squares that do not overlap, the largest first."""
    while True:
        squares: list[tuple[int, int, int]] = []
        for side in sorted(sides, reverse=True):
            for _ in range(50):
                top, left = draw(size - side + 1), draw(size - side + 1)
                if all(_apart((top, left, side), other) for other in squares):
                    squares.append((top, left, side))
                    break
        if len(squares) == len(sides):
            return [(top, left) for top, left, _ in squares]


def _apart(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    """Whether two squares (top, left, side) have no pixel in common."""
    return any(a + one[2] <= b or b + other[2] <= a for a, b in zip(one[:2], other[:2], strict=True))
