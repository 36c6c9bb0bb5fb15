"""Bilinear interpolation of pictures, and what size and scale_factor mean."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.interpolation import shared
from course_lib.exercises.interpolation.shared import (
    THREE,
    TWO,
    along,
    as_sizes,
    corner_places,
    in_double,
    linear,
    places,
)
from course_lib.exercises.pooling.shared import WIDE, batched, exchanged, strided


def _bilinear(x, size=None, scale_factor=None, align_corners=False):
    return in_double(lambda x: F.interpolate(x, size, scale_factor, "bilinear", align_corners), x)


def _axes(x, size, scale_factor) -> list[tuple[int, int, float | None]]:
    """For rows and columns: the old size, the new one, and the factor where there is one."""
    if size is not None:
        return [(n, m, None) for n, m in zip(x.shape[2:], as_sizes(size, 2), strict=True)]
    factors = scale_factor if isinstance(scale_factor, tuple) else (scale_factor, scale_factor)
    return [(n, int(n * s), s) for n, s in zip(x.shape[2:], factors, strict=True)]


def _wrong(matrix=linear, where=places, rows=None, axes=_axes):
    """Two matrices, one for each axis; ``rows`` is another one for the rows alone."""

    def bilinear(x, size=None, scale_factor=None, align_corners=False):
        each = axes(x, size, scale_factor)
        made = [
            build(where(n, m, align_corners, s), n)
            for build, (n, m, s) in zip((rows or matrix, matrix), each, strict=True)
        ]
        return along(x, made)

    return bilinear


def _recomputed(x, size, scale_factor):
    return [(n, m, None) for n, m, _ in _axes(x, size, scale_factor)]


def _rounded(x, size, scale_factor):
    return [(n, m if s is None else round(n * s), s) for n, m, s in _axes(x, size, scale_factor)]


def _exchanged(x, size=None, scale_factor=None, align_corners=False):
    return _bilinear(x, exchanged(size), exchanged(scale_factor), align_corners)


def _columns_only(x, size=None, scale_factor=None, align_corners=False):
    if isinstance(size, int):
        size = (x.shape[2], size)
    if isinstance(scale_factor, float | int):
        scale_factor = (1.0, float(scale_factor))
    return _bilinear(x, size, scale_factor, align_corners)


def _no_corners(size, output_size, align_corners=False, scale_factor=None):
    return places(size, output_size, False, scale_factor)


def _nearest_of_four(where, size):
    """The mean of the two pixels, whatever their distance."""
    where = where.clamp(0, size - 1)
    return shared.taps(where, size, lambda distance: 0.5 * (distance <= 1), 1) if size > 1 else linear(where, size)


def _case(x, note: str = "", gradient: bool = False, **kwargs) -> Case:
    return Case((x,), kwargs, note, gradient)


def _picture(draw: Draw, dtype=torch.float32):
    return (
        draw.distinct(draw.integer(1, 2), draw.integer(1, 2), draw.integer(2, 5), draw.integer(2, 6), dtype=dtype) / 4
    )


def _draw(draw: Draw, dtype=torch.float32, **kwargs) -> Case:
    return _case(_picture(draw, dtype), size=draw.integer(3, 8), **kwargs)


def _draw_pair(draw: Draw) -> Case:
    rows = draw.integer(2, 6)
    return _case(_picture(draw), size=(rows, rows + draw.integer(1, 3)))


def _draw_factor(draw: Draw) -> Case:
    factors = (draw.choice([1.3, 2.3]), draw.choice([0.7, 1.7]))
    return _case(draw.distinct(1, 1, draw.integer(4, 5), draw.integer(3, 6)) / 4, scale_factor=factors)


BILINEAR = Exercise(
    name="bilinear",
    title="Bilinear interpolation",
    lesson="06_interpolation",
    oracle=_bilinear,
    banned=("interpolation",),
    instead="Build it from your linear_matrix: one matrix for the rows, one for the columns.",
    difficulty=2,
    minutes=20,
    reads=shared.reads_places(2),
    facets=(
        Facet(
            "half-pixel",
            1,
            "Between the centres of four pixels; beyond the last centres the border repeats.",
            (
                _case(batched(TWO), "2 × 2 becomes 4 × 4", size=4),
                _case(batched(THREE), "3 × 3 becomes 6 × 6: its corner is as before, but for the border", size=6),
                _case(batched(WIDE), "5 rows and 7 columns become 4 and 4", size=4),
                _case(batched(WIDE[:2, :3]), "neither axis twice as large", size=5),
            ),
            lambda draw: [_draw(draw) for _ in range(4)],
        ),
        Facet(
            "align_corners",
            1,
            "With align_corners=True the four corners of the picture stay what they are.",
            (
                _case(batched(TWO), "2 × 2 becomes 4 × 4", size=4, align_corners=True),
                _case(batched(THREE), "3 × 3 becomes 6 × 6: every value has changed", size=6, align_corners=True),
                _case(batched(WIDE), "5 rows and 7 columns become 4 and 4", size=4, align_corners=True),
            ),
            lambda draw: [_draw(draw, align_corners=True) for _ in range(4)],
        ),
        Facet(
            "size and scale_factor",
            1,
            "A pair is (H, W); a scale_factor s gives int(size · s) outputs that stand 1 / s apart.",
            (
                _case(batched(TWO), "4 rows and 3 columns", size=(4, 3)),
                _case(batched(TWO), "twice as large", scale_factor=2),
                _case(batched(WIDE[:3, :5]), "3 · 2.3 = 6.9 and 5 · 2.3 = 11.5", scale_factor=2.3),
                _case(batched(WIDE), "more rows and fewer columns", scale_factor=(1.3, 0.7)),
            ),
            lambda draw: [*(_draw_pair(draw) for _ in range(2)), *(_draw_factor(draw) for _ in range(3))],
        ),
        Facet(
            "any input",
            1,
            "Any batch, float dtype, size and memory layout is taken, and the gradient flows.",
            (
                _case(batched(TWO), "the gradient: four weights for each output", gradient=True, size=3),
                _case(batched(WIDE.double() / 3), "float64 stays float64", size=4),
                _case(torch.stack([WIDE, -WIDE])[None], "two channels that must not mix", size=4),
                _case(strided(batched(WIDE)), "memory that is not contiguous", size=4),
                _case(torch.zeros(0, 2, 4, 4), "a batch of no pictures at all", size=3),
                _case(batched(WIDE[:1, :4]), "a single row", size=3),
                _case(batched(WIDE), "a single output", size=1),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception("corners of pixels for their centres", _wrong(where=corner_places), shared.HALVES_FORGOTTEN),
        Misconception("align_corners ignored", _wrong(where=_no_corners), shared.ALIGN_CORNERS_IGNORED),
        Misconception(
            "align_corners always",
            _wrong(where=lambda size, out, corners=False, factor=None: places(size, out, True)),
            "Your output is that of align_corners=True, whatever was asked for. The default is False: both pictures cover the same area, and the outer centres do not coincide.",
        ),
        Misconception("the surface goes on", _wrong(shared.extrapolated), shared.EXTRAPOLATED),
        Misconception("zeros beyond the border", _wrong(shared.zero_border), shared.ZERO_BORDER),
        Misconception(
            "the nearest pixel alone",
            _wrong(shared.nearest),
            "Each of your outputs is a copy of one input, the nearest. Bilinear weighs four: those on both sides, along both axes.",
        ),
        Misconception(
            "the mean of four",
            _wrong(_nearest_of_four),
            "You take the mean of the four pixels around a place, whatever their distance. What is closer counts more: along each axis the weight is 1 minus the distance.",
        ),
        Misconception(
            "columns only",
            _wrong(rows=shared.nearest),
            "You interpolate along the rows only, from column to column; from row to row you copy the nearest. Each axis needs its own matrix.",
        ),
        Misconception(
            "H and W exchanged",
            _exchanged,
            "In size and in scale_factor the first number is for H, the rows, and the second one for W, the columns. Your output is that of a call with the two exchanged.",
        ),
        Misconception(
            "one number for one axis",
            _columns_only,
            "A single number holds for both axes: size=4 means 4 × 4. You changed the columns and left the rows as they were.",
        ),
        Misconception(
            "the step recomputed",
            _wrong(axes=_recomputed),
            "Where a scale_factor is given, the outputs stand 1 / scale_factor apart, and not size / output_size. Hand the factor on to your linear_matrix. (Yours is what recompute_scale_factor=True does.)",
        ),
        Misconception(
            "the size rounded",
            _wrong(axes=_rounded),
            "The number of outputs is the whole part of size · scale_factor: 6.9 gives 6. Use int, not round.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, size=None, scale_factor=None, align_corners=False: _bilinear(
                x.detach(), size, scale_factor, align_corners
            ),
            shared.DETACHED,
        ),
    ),
    hints=(
        "Interpolate along one axis and then along the other: what comes out of the first step is a picture of the new width and the old height. Your linear_matrix does an axis.",
        "First make size a pair and find the factor of each axis, None where size was given. With a scale_factor the new size is int(old size · factor). Then there are two matrices: one with a row for each new row of the picture, one for its columns.",
        "rows = linear_matrix(H, H_out, align_corners, factor for H).to(x), and columns in the same way for W; .to(x) gives a matrix the dtype of x. Then rows @ x @ columns.T is the answer: a product of matrices works on the last two axes and leaves N and C alone.",
    ),
)
