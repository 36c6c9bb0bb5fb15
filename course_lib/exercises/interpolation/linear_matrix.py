"""Linear interpolation of one axis as a matrix with at most two weights in a row."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Law, Misconception
from course_lib.exercises.interpolation import shared
from course_lib.exercises.interpolation.shared import corner_places, linear, places


def _linear_matrix(size, output_size, align_corners=False, scale_factor=None):
    """Torch's own weights: what it makes of each signal with a single 1."""
    wanted = {"size": output_size} if scale_factor is None else {"scale_factor": scale_factor}
    ones = torch.eye(size, dtype=torch.float64)[None]
    return F.interpolate(ones, mode="linear", align_corners=align_corners, **wanted)[0].T.contiguous()


def _wrong(matrix=linear, where=places):
    def linear_matrix(size, output_size, align_corners=False, scale_factor=None):
        return matrix(where(size, output_size, align_corners, scale_factor), size)

    return linear_matrix


def _no_corners(size, output_size, align_corners=False, scale_factor=None):
    return places(size, output_size, False, scale_factor)


def _no_factor(size, output_size, align_corners=False, scale_factor=None):
    return places(size, output_size, align_corners)


def _last_twice(where, size):
    """The right neighbour written over the left one where both are the last pixel."""
    matrix = linear(where, size)
    matrix[where >= size - 1, size - 1] = 0
    return matrix


def _wrapped(where, size):
    """A place below 0 finds its left neighbour at index −1: the last pixel."""
    left, rows = where.floor(), torch.arange(len(where))
    matrix = torch.zeros(len(where), size, dtype=torch.float64)
    matrix[rows, left.long() % size] += 1 - (where - left)
    matrix[rows, (left.long() + 1) % size] += where - left
    return matrix


def _weights_add_up(outputs, cases) -> bool:
    def holds(matrix) -> bool:
        sums, few = matrix.sum(1), (matrix != 0).sum(1)
        return bool(torch.allclose(sums, torch.ones_like(sums)) and (matrix >= 0).all() and (few <= 2).all())

    return all(map(holds, outputs))


def _case(size: int, output_size: int, note: str = "", **kwargs) -> Case:
    return Case(kwargs={"size": size, "output_size": output_size} | kwargs, note=note)


def _draw(draw: Draw, **kwargs) -> Case:
    return _case(draw.integer(3, 7), draw.integer(3, 9), **kwargs)


def _draw_scaled(draw: Draw) -> Case:
    size, factor = draw.integer(4, 6), draw.choice([0.7, 1.3, 1.7, 2.3])
    return _case(size, int(size * factor), scale_factor=factor)


def _draw_any(draw: Draw) -> Case:
    return _case(draw.integer(1, 7), draw.integer(2, 9), align_corners=draw.choice([True, False]))


LINEAR_MATRIX = Exercise(
    name="linear_matrix",
    title="Linear interpolation as a matrix",
    lesson="06_interpolation",
    oracle=_linear_matrix,
    banned=("interpolation",),
    instead="Build it from your source_coordinates: two weights in each row, for the pixels on both sides of the place.",
    difficulty=2,
    minutes=15,
    facets=(
        Facet(
            "half-pixel",
            1,
            "Each row weighs the two pixels around the place; what is closer counts more.",
            (
                _case(2, 4, "quarters, and both ends repeat"),
                _case(6, 3, "always halfway between two pixels"),
                _case(4, 4, "the same size: the identity"),
                _case(3, 5),
                _case(5, 3, "the middle output looks at one pixel alone"),
            ),
            lambda draw: [_draw(draw) for _ in range(5)],
        ),
        Facet(
            "align_corners",
            0.5,
            "With align_corners=True the first row reads the first pixel alone, and the last row the last.",
            (
                _case(2, 4, "thirds", align_corners=True),
                _case(3, 5, "every second row is a single 1", align_corners=True),
                _case(5, 3, align_corners=True),
                _case(7, 5, align_corners=True),
            ),
            lambda draw: [_draw(draw, align_corners=True) for _ in range(5)],
        ),
        Facet(
            "tiny axes",
            0.5,
            "A single pixel, and a single output, are axes as well.",
            (
                _case(1, 3, "one pixel, three times"),
                _case(1, 3, "one pixel, three times, with its corners aligned", align_corners=True),
                _case(4, 1, "the mean of the two pixels in the middle"),
                _case(4, 1, "a single output, with align_corners: the first pixel", align_corners=True),
                _case(1, 1, "one becomes one"),
            ),
            lambda draw: [
                _case(1, draw.integer(2, 9)),
                _case(draw.integer(3, 12), 1),
                _case(draw.integer(3, 12), 1, align_corners=True),
            ],
        ),
        Facet(
            "scale_factor",
            0.5,
            "A scale_factor makes the step 1 / scale_factor.",
            (
                _case(3, 6, "6.9 outputs, rounded down", scale_factor=2.3),
                _case(5, 11, "the last output looks beyond the last centre", scale_factor=2.3),
                _case(5, 8, scale_factor=1.7),
                _case(6, 4, scale_factor=0.7),
            ),
            lambda draw: [_draw_scaled(draw) for _ in range(5)],
        ),
        Facet(
            "partition of unity",
            0.5,
            "The weights of each row sum to 1, none is negative, and at most two of them are not zero.",
            (
                _case(2, 5),
                _case(1, 4),
                _case(5, 4),
                _case(4, 7, align_corners=True),
            ),
            lambda draw: [_draw_any(draw) for _ in range(5)],
            law=Law(
                "Every row sums to 1, so that a constant stays what it is; no weight is negative, and at most two are not zero.",
                _weights_add_up,
            ),
        ),
    ),
    misconceptions=(
        Misconception("corners of pixels for their centres", _wrong(where=corner_places), shared.HALVES_FORGOTTEN),
        Misconception("align_corners ignored", _wrong(where=_no_corners), shared.ALIGN_CORNERS_IGNORED),
        Misconception(
            "the weights exchanged",
            _wrong(shared.exchanged_weights),
            "Your two weights are exchanged. At place 0.25 pixel 0 is closer than pixel 1, so it gets the larger weight: 0.75, which is 1 minus its distance.",
        ),
        Misconception("the line goes on", _wrong(shared.extrapolated), shared.EXTRAPOLATED),
        Misconception("zeros beyond the border", _wrong(shared.zero_border), shared.ZERO_BORDER),
        Misconception(
            "round the corner",
            _wrong(_wrapped),
            "A place of −0.25 has its left neighbour at index −1, and that is Python's name for the last pixel. Bring the place back to 0 … size − 1 before you take it apart.",
        ),
        Misconception(
            "the last pixel overwritten",
            _wrong(_last_twice),
            "At the last pixel both neighbours are the same one. Writing its second weight, 0, over the first one leaves a row of zeros: add the weights up.",
        ),
        Misconception(
            "the nearest pixel alone",
            _wrong(shared.nearest),
            "Each of your rows has a single 1, which copies the nearest pixel. Between two pixels both count, each with 1 minus its distance.",
        ),
        Misconception(
            "rows and columns exchanged",
            lambda size, output_size, align_corners=False, scale_factor=None: (
                _linear_matrix(size, output_size, align_corners, scale_factor).T
            ),
            "Your matrix is transposed. It has a row for each output and a column for each input, so that matrix @ signal is the output. (The transposed one takes gradients back.)",
        ),
        Misconception(
            "scale_factor ignored",
            _wrong(where=_no_factor),
            "Hand the scale_factor on to source_coordinates: where it is given, the step is 1 / scale_factor, and not size / output_size.",
        ),
        Misconception(
            "single precision",
            lambda size, output_size, align_corners=False, scale_factor=None: _linear_matrix(
                size, output_size, align_corners, scale_factor
            ).float(),
            "Your matrix is float32. Make it float64, as source_coordinates is, so that it is exact enough for pictures of any dtype.",
        ),
    ),
    hints=(
        "Row i is about output i. It looks at places[i]; which two pixels stand to the left and to the right of that place, and how far away are they?",
        "Bring the places to 0 … size − 1 with clamp: beyond the last centre the last pixel repeats. Then left = floor(place) and fraction = place − left: left gets the weight 1 − fraction, and its right neighbour the weight fraction.",
        "Begin with zeros of the shape (output_size, size). matrix[rows, left] = 1 − fraction, with rows = torch.arange(output_size) and left as long. Then matrix[rows, right] += fraction, where right = (left + 1).clamp(max=size − 1); + because right may be the same pixel.",
    ),
)
