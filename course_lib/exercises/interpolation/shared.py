"""What the exercises of lesson 06 share: inputs, and one axis as a matrix, on which the wrong functions are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.checking.exercise import Case

# The seeds' own example: 2 × 2 pixels, and the same in the corner of 3 × 3.
TWO = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
THREE = torch.tensor([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])

Weights = Callable[[Tensor, int], Tensor]


def places(size: int, output_size: int, align_corners: bool = False, scale_factor: float | None = None) -> Tensor:
    """Where the outputs of an axis look, in pixels from the centre of the first one, float64."""
    convention = "align_corners" if align_corners else "half-pixel"
    return torch.tensor(geometry.source_coordinates(size, output_size, convention, scale_factor), dtype=torch.float64)


def corner_places(size: int, output_size: int, align_corners: bool = False, scale_factor: float | None = None):
    """The same with both halves of the pixel forgotten: the left edges."""
    if align_corners:
        return places(size, output_size, True)
    step = geometry.source_step(size, output_size, scale_factor=scale_factor)
    return torch.arange(output_size, dtype=torch.float64) * step


def taps(where: Tensor, size: int, kernel: Callable[[Tensor], Tensor], reach: int, border: str = "repeat") -> Tensor:
    """The matrix whose row i weighs the 2 · reach pixels around where[i] by their distance, (outputs, size).

    border: beyond the axis its last pixel may "repeat", count as "zero", or be "dropped" and the others scaled up.
    """
    left, rows = where.floor(), torch.arange(len(where))
    matrix = torch.zeros(len(where), size, dtype=torch.float64)
    for tap in range(1 - reach, 1 + reach):
        column = (left + tap).long()
        weight = kernel((where - left - tap).abs())
        if border != "repeat":
            weight = weight * ((column >= 0) & (column < size))
        matrix[rows, column.clamp(0, size - 1)] += weight
    return matrix / matrix.sum(1, keepdim=True) if border == "dropped" else matrix


def triangle(distance: Tensor) -> Tensor:
    return (1 - distance).clamp(min=0)


def linear(where: Tensor, size: int) -> Tensor:
    """The matrix of linear interpolation, the border repeated."""
    return taps(where, size, triangle, 1)


def nearest(where: Tensor, size: int) -> Tensor:
    """One 1 in each row, at the pixel next to the place."""
    return torch.eye(size, dtype=torch.float64)[(where + 0.5).floor().long().clamp(0, size - 1)]


def extrapolated(where: Tensor, size: int) -> Tensor:
    """Beyond the first and the last centre the straight line goes on."""
    if size == 1:
        return torch.ones(len(where), 1, dtype=torch.float64)
    left, rows = where.floor().clamp(0, size - 2), torch.arange(len(where))
    matrix = torch.zeros(len(where), size, dtype=torch.float64)
    matrix[rows, left.long()] = 1 - (where - left)
    matrix[rows, left.long() + 1] = where - left
    return matrix


def exchanged_weights(where: Tensor, size: int) -> Tensor:
    """Each of the two neighbours with the weight of the other."""
    where = where.clamp(0, size - 1)
    return taps(where, size, lambda distance: 1 - triangle(distance), 1)


def zero_border(where: Tensor, size: int) -> Tensor:
    return taps(where, size, triangle, 1, "zero")


def along(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Each matrix (outputs, inputs) applied to its axis of x; there is one for each of the last axes."""
    for axis, matrix in enumerate(matrices, start=x.dim() - len(matrices)):
        x = (x.movedim(axis, -1) @ matrix.T.to(x)).movedim(-1, axis)
    return x


def in_double(resize: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Torch's own answer from its double precision: in single precision its places are off by up to a millionth."""
    return resize(x.double()).to(x.dtype)


def as_sizes(size, axes: int) -> tuple[int, ...]:
    return geometry.per_axis(size, axes, "size")


def reads_places(axes: int, reach: int = 1):
    """The pixels around the place where an output looks, for the report."""

    def reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
        x, corners, factor = case.args[0], case.kwargs.get("align_corners", False), case.kwargs.get("scale_factor")
        factors = factor if isinstance(factor, tuple) else (factor,) * axes
        if factor is None:
            sizes = as_sizes(case.kwargs["size"], axes)
        else:
            sizes = tuple(int(n * f) for n, f in zip(x.shape[-axes:], factors, strict=True))
        return tuple(map(_around, x.shape[-axes:], sizes, [corners] * axes, factors, index[-axes:], [reach] * axes))

    return reads


def _around(size: int, out: int, corners: bool, factor: float | None, index: int, reach: int) -> range:
    left = int(places(size, out, corners, factor)[index].floor())
    first, last = (min(max(at, 0), size - 1) for at in (left + 1 - reach, left + reach))
    return range(first, last + 1)


ALIGN_CORNERS_IGNORED = "Your output is that of align_corners=False also where it is True. There the centres of the first and the last pixels of both axes coincide, so the step is (size − 1) / (output_size − 1), and no half is added or taken away."
HALVES_FORGOTTEN = "You look from i · step, the left edge of the output pixel. Its centre lies half a pixel further on, and places are counted from the centre of the first input pixel: (i + ½) · step − ½."
EXTRAPOLATED = "Beyond the centre of the first and of the last pixel your straight line goes on, so that values come out that are larger or smaller than all inputs. Out there the border pixel repeats: bring the place back to 0 … size − 1 first."
ZERO_BORDER = "Beyond the border you read zeros, so the picture gets a dark frame. Out there the border pixel repeats: the weights of a row must sum to 1."
DETACHED = "The values are right, but no gradient can flow back through them."
