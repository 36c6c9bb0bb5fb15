"""Trilinear interpolation of volumes."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.interpolation import shared
from course_lib.exercises.interpolation.shared import along, as_sizes, corner_places, in_double, linear, nearest, places


def _trilinear(x, size, align_corners=False):
    return in_double(lambda x: F.interpolate(x, size, mode="trilinear", align_corners=align_corners), x)


def _wrong(matrices=(linear, linear, linear), where=places):
    """A matrix for depth, rows and columns."""

    def trilinear(x, size, align_corners=False):
        axes = zip(matrices, x.shape[2:], as_sizes(size, 3), strict=True)
        return along(x, [matrix(where(n, m, align_corners), n) for matrix, n, m in axes])

    return trilinear


def _no_corners(size, output_size, align_corners=False, scale_factor=None):
    return places(size, output_size)


def _mean_of_two(where, size):
    where = where.clamp(0, size - 1)
    return shared.taps(where, size, lambda distance: 0.5 * (distance <= 1), 1) if size > 1 else linear(where, size)


def _backwards(x, size, align_corners=False):
    return _trilinear(x, size[::-1] if isinstance(size, tuple) else size, align_corners)


def _slices_only(x, size, align_corners=False):
    """Each slice on its own; there are as many as before."""
    _, rows, columns = as_sizes(size, 3)
    return _trilinear(x, (x.shape[2], rows, columns), align_corners)


def _case(x, size, note: str = "", gradient: bool = False, **kwargs) -> Case:
    return Case((x,), {"size": size} | kwargs, note, gradient)


def _volume(draw: Draw, dtype=torch.float32):
    sizes = [draw.integer(2, 4) for _ in range(3)]
    return draw.distinct(draw.integer(1, 2), draw.integer(1, 2), *sizes, dtype=dtype) / 4


def _draw(draw: Draw, dtype=torch.float32, **kwargs) -> Case:
    return _case(_volume(draw, dtype), draw.integer(5, 6), **kwargs)


def _draw_triple(draw: Draw) -> Case:
    depth = draw.integer(2, 3)
    return _case(_volume(draw), (depth, depth + 2, depth + draw.integer(3, 4)))


CUBE = torch.arange(8.0).reshape(1, 1, 2, 2, 2) * 3 % 8
BLOCK = torch.arange(24.0).reshape(1, 1, 2, 3, 4) * 7 % 25

TRILINEAR = Exercise(
    name="trilinear",
    title="Trilinear interpolation of volumes",
    lesson="06_interpolation",
    oracle=_trilinear,
    banned=("interpolation",),
    instead="Build it as bilinear, with one more axis: a linear_matrix for depth, for rows and for columns.",
    difficulty=1,
    minutes=8,
    reads=shared.reads_places(3),
    facets=(
        Facet(
            "eight neighbours",
            0.5,
            "Linear along each of the three axes, so that eight voxels are weighed.",
            (
                _case(CUBE, 4, "2 × 2 × 2 becomes 4 × 4 × 4"),
                _case(BLOCK, 5, "2 slices of 3 × 4"),
                _case(BLOCK, 1, "a single output"),
            ),
            lambda draw: [_draw(draw) for _ in range(3)],
        ),
        Facet(
            "sizes",
            0.5,
            "A triple is (D, H, W).",
            (
                _case(CUBE, (2, 3, 5), "the depth stays"),
                _case(BLOCK, (3, 4, 5), "each axis one more"),
            ),
            lambda draw: [_draw_triple(draw) for _ in range(3)],
        ),
        Facet(
            "align_corners",
            0.5,
            "With align_corners=True the eight corners stay what they are.",
            (
                _case(CUBE, 3, "2 × 2 × 2 becomes 3 × 3 × 3", align_corners=True),
                _case(BLOCK, 5, "2 slices of 3 × 4", align_corners=True),
            ),
            lambda draw: [_draw(draw, align_corners=True) for _ in range(3)],
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken, and the gradient flows.",
            (
                _case(CUBE, 3, "the gradient: eight weights for each output", gradient=True),
                _case(BLOCK.double() / 3, 4, "float64 stays float64"),
                _case(torch.cat([BLOCK, -BLOCK], 1), 3, "two channels that must not mix"),
                _case(BLOCK.transpose(2, 4).contiguous().transpose(2, 4), 3, "memory that is not contiguous"),
                _case(torch.zeros(0, 1, 2, 2, 2), 3, "a batch of no volumes at all"),
                _case(BLOCK[:, :, :1], 3, "a single slice"),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(3)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "four neighbours",
            _wrong((nearest, linear, linear)),
            "Within a slice you interpolate, but from slice to slice you copy the nearest: four voxels are weighed. Trilinear weighs eight, four in each of two slices.",
        ),
        Misconception(
            "slice by slice",
            _slices_only,
            "You resize every slice and leave their number as it was. The depth is the third axis that is interpolated.",
        ),
        Misconception(
            "the nearest voxel alone",
            _wrong((nearest, nearest, nearest)),
            "Each of your outputs is a copy of one voxel, the nearest. Trilinear weighs eight.",
        ),
        Misconception(
            "the mean of eight",
            _wrong((_mean_of_two, _mean_of_two, _mean_of_two)),
            "You take the mean of the eight voxels around a place, whatever their distance. What is closer counts more: along each axis the weight is 1 minus the distance.",
        ),
        Misconception(
            "the order of the axes",
            _backwards,
            "A size of three numbers is (D, H, W): slices, rows, columns. Yours was read from the back.",
        ),
        Misconception("corners of voxels for their centres", _wrong(where=corner_places), shared.HALVES_FORGOTTEN),
        Misconception("align_corners ignored", _wrong(where=_no_corners), shared.ALIGN_CORNERS_IGNORED),
        Misconception("zeros beyond the border", _wrong((shared.zero_border,) * 3), shared.ZERO_BORDER),
        Misconception(
            "cut from the graph",
            lambda x, size, align_corners=False: _trilinear(x.detach(), size, align_corners),
            shared.DETACHED,
        ),
    ),
    hints=(
        "Bilinear was linear along the rows and then along the columns. Nothing in it knows that there are only two axes.",
        'per_axis(size, 3, "size") makes three numbers of size. The axes of a volume (N, C, D, H, W) are 2, 3 and 4.',
        "For axis, out in zip((2, 3, 4), size): the matrix is linear_matrix(x.shape[axis], out, align_corners).to(x), and x = (x.movedim(axis, −1) @ matrix.T).movedim(−1, axis) applies it to that axis, wherever it stands.",
    ),
)
