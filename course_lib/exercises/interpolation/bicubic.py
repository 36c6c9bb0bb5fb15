"""Bicubic interpolation: four weights along each axis, of Keys' cubic with a = −0.75."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.interpolation import shared
from course_lib.exercises.interpolation.shared import (
    TWO,
    along,
    as_sizes,
    corner_places,
    in_double,
    linear,
    places,
    taps,
)
from course_lib.exercises.pooling.shared import WIDE, batched, exchanged, strided


def _bicubic(x, size, align_corners=False):
    return in_double(lambda x: F.interpolate(x, size, mode="bicubic", align_corners=align_corners), x)


def _cubic(a: float):
    def weight(d: Tensor) -> Tensor:
        near = (a + 2) * d**3 - (a + 3) * d**2 + 1
        far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
        return torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))

    return weight


KEYS = _cubic(-0.75)


def _spline(d: Tensor) -> Tensor:
    """The cubic B-spline: smooth, nowhere negative, and not 1 at 0."""
    near = 2 / 3 - d**2 + d**3 / 2
    return torch.where(d <= 1, near, (2 - d).clamp(min=0) ** 3 / 6)


def _wrong(kernel=KEYS, where=places, border="repeat", clamp=False, rows=None):
    def matrix(n: int, m: int, corners: bool) -> Tensor:
        at = where(n, m, corners)
        return taps(at.clamp(0, n - 1) if clamp else at, n, kernel, 2, border)

    def bicubic(x, size, align_corners=False):
        (h, w), (rows_out, columns_out) = x.shape[2:], as_sizes(size, 2)
        first = rows(places(h, rows_out, align_corners), h) if rows else matrix(h, rows_out, align_corners)
        return along(x, [first, matrix(w, columns_out, align_corners)])

    return bicubic


def _near_only(d: Tensor) -> Tensor:
    return torch.where(d < 1, KEYS(d), 0.0)


def _clipped(x, size, align_corners=False):
    out = _bicubic(x, size, align_corners)
    return out.clamp(float(x.min()), float(x.max())) if x.numel() else out


def _no_corners(size, output_size, align_corners=False, scale_factor=None):
    return places(size, output_size)


def _bilinear(x, size, align_corners=False):
    return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)


def _constant_stays(outputs, _) -> bool:
    return all(bool(torch.allclose(out, torch.full_like(out, 7.0))) for out in outputs)


def _case(x, size, note: str = "", gradient: bool = False, **kwargs) -> Case:
    return Case((x,), {"size": size} | kwargs, note, gradient)


def _framed(x: Tensor) -> Tensor:
    """The border goes on for two pixels as it is, so that nothing depends on what lies beyond."""
    return F.pad(x, (2, 2, 2, 2), mode="replicate")


def _draw(draw: Draw, frame=lambda x: x, dtype=torch.float32, **kwargs) -> Case:
    x = draw.distinct(draw.integer(1, 2), draw.integer(1, 2), draw.integer(2, 5), draw.integer(2, 6), dtype=dtype)
    return _case(frame(x / 4), draw.integer(5, 9), **kwargs)


def _draw_pair(draw: Draw) -> Case:
    rows = draw.integer(2, 5)
    x = draw.distinct(1, 1, draw.integer(1, 4), draw.integer(1, 4)) / 4
    return _case(x, (rows, rows + draw.integer(1, 3)))


def _sevens(height: int, width: int, size, align_corners: bool) -> Case:
    return _case(torch.full((1, 1, height, width), 7.0), size, align_corners=align_corners)


def _draw_constant(draw: Draw) -> Case:
    return _sevens(draw.integer(1, 5), draw.integer(1, 6), draw.integer(2, 7), draw.choice([True, False]))


EDGE = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])

BICUBIC = Exercise(
    name="bicubic",
    title="Bicubic interpolation",
    lesson="06_interpolation",
    oracle=_bicubic,
    banned=("interpolation",),
    instead="Build it as bilinear, with a matrix of four weights in each row, from the cubic that the text gives.",
    difficulty=3,
    minutes=20,
    reads=shared.reads_places(2, reach=2),
    facets=(
        Facet(
            "cubic weights",
            1,
            "Along each axis the four pixels around the place, weighted with a = −0.75.",
            (
                _case(_framed(batched(TWO)), 8, "2 × 2 in a frame that repeats its border"),
                _case(_framed(batched(EDGE)), 20, "an edge: the values swing over on both sides"),
                _case(_framed(batched(WIDE)), 6, "smaller: still four weights"),
            ),
            lambda draw: [_draw(draw, _framed) for _ in range(3)],
        ),
        Facet(
            "border",
            0.5,
            "Beyond the border its pixel repeats, for each of the four weights; size may be a pair (H, W).",
            (
                _case(batched(TWO), 4, "2 × 2 becomes 4 × 4"),
                _case(batched(WIDE[:2, :3]), (5, 4), "5 rows and 4 columns"),
                _case(batched(WIDE[:1, :1]), 3, "a single pixel"),
                _case(batched(EDGE), (2, 12), "a single row"),
            ),
            lambda draw: [_draw_pair(draw) for _ in range(4)],
        ),
        Facet(
            "align_corners",
            0.5,
            "With align_corners=True the outer centres coincide.",
            (
                _case(_framed(batched(TWO)), 8, "2 × 2 in a frame", align_corners=True),
                _case(_framed(batched(WIDE[:2, :3])), 7, "2 rows and 3 columns in a frame", align_corners=True),
            ),
            lambda draw: [_draw(draw, _framed, align_corners=True) for _ in range(3)],
        ),
        Facet(
            "constant",
            0.5,
            "A constant picture stays as it is.",
            (_sevens(5, 6, 8, False), _sevens(1, 2, 3, False), _sevens(3, 2, 4, True)),
            lambda draw: [_draw_constant(draw) for _ in range(3)],
            law=Law(
                "Where every input is 7, every output must be 7: the four weights sum to 1 at every place.",
                _constant_stays,
            ),
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken, and the gradient flows.",
            (
                _case(_framed(batched(TWO)), 7, "the gradient: sixteen weights for each output", gradient=True),
                _case(_framed(batched(1000 * (WIDE.double() - 18))), 10, "float64 stays float64, and as exact"),
                _case(torch.stack([WIDE, -WIDE])[None], 4, "two channels that must not mix"),
                _case(strided(_framed(batched(WIDE))), 8, "memory that is not contiguous"),
                _case(torch.zeros(0, 2, 4, 4), 3, "a batch of no pictures at all"),
            ),
            lambda draw: [
                _draw(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(3)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "a = −0.5",
            _wrong(_cubic(-0.5)),
            "These are the weights for a = −0.5, as Keys proposed and Pillow uses. Torch, like OpenCV, takes a = −0.75.",
        ),
        Misconception(
            "a without its sign",
            _wrong(_cubic(0.75)),
            "You took a = 0.75. It is negative: beyond a distance of 1 the weights must go below 0.",
        ),
        Misconception(
            "two weights instead of four",
            _wrong(_near_only),
            "You use the first part of the cubic alone, for the two pixels next to the place. The two behind them count as well, with small negative weights.",
        ),
        Misconception(
            "two weights, scaled to 1",
            _wrong(lambda d: torch.where(d < 1, KEYS(d), 0.0) / (KEYS(d % 1) + KEYS(1 - d % 1))),
            "You use the two pixels next to the place and scale their weights so that they sum to 1. The two behind them count as well; with these, the sum is 1 by itself.",
        ),
        Misconception(
            "a spline instead of Keys' cubic",
            _wrong(_spline),
            "Your weights are those of a cubic B-spline, which blurs: it weighs a pixel with 2/3 even at its own centre. Keys' cubic is 1 at its own pixel and 0 at all others.",
        ),
        Misconception(
            "linear weights",
            _bilinear,
            "This is bilinear interpolation, with two weights along each axis. The cubic has four.",
        ),
        Misconception(
            "cubic along the columns only",
            _wrong(rows=linear),
            "Along one axis your weights are cubic, along the other one still linear. Both need four.",
        ),
        Misconception("zeros beyond the border", _wrong(border="zero"), shared.ZERO_BORDER),
        Misconception(
            "what is missing, scaled away",
            _wrong(border="dropped"),
            "Near the border you leave out what is missing and scale the other weights up. Here the border pixel repeats: clamp the index of each of the four, and add its weight there.",
        ),
        Misconception(
            "the place brought back",
            _wrong(clamp=True),
            "You bring the place itself back to 0 … size − 1, as for linear interpolation. Here it stays outside, and only the indices of the four pixels are clamped.",
        ),
        Misconception(
            "the overshoot cut off",
            _clipped,
            "You cut the output off at the least and the greatest input. Torch does not: the overshoot stays, and what to do with it is up to the caller.",
        ),
        Misconception("corners of pixels for their centres", _wrong(where=corner_places), shared.HALVES_FORGOTTEN),
        Misconception("align_corners ignored", _wrong(where=_no_corners), shared.ALIGN_CORNERS_IGNORED),
        Misconception(
            "H and W exchanged",
            lambda x, size, align_corners=False: _bicubic(x, exchanged(size), align_corners),
            "In size the first number is for H, the rows, and the second one for W, the columns. Your output is that of a call with the two exchanged.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, size, align_corners=False: _bicubic(x.detach(), size, align_corners),
            shared.DETACHED,
        ),
    ),
    hints=(
        "Everything is as in bilinear but for the matrix: its rows have four weights. Around the place stand the pixels left − 1, left, left + 1 and left + 2, where left = floor(place). The place is not clamped this time.",
        "For tap = −1, 0, 1, 2 the distance is d = |place − left − tap|: at most 1 for the two in the middle, between 1 and 2 for the outer ones. torch.where(d <= 1, near, far) chooses the right part of the cubic.",
        "For each tap: column = (left + tap).clamp(0, n − 1).long(), and matrix[rows, column] += weight, beginning with zeros of the shape (out, n). Near the border several taps fall on the same column, so they must be added up. Then apply the matrices as in bilinear.",
    ),
)
