"""Making a picture smaller: by area, and by an antialiased filter."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.adaptive_pooling.adaptive_pool import equal_windows
from course_lib.exercises.interpolation import shared
from course_lib.exercises.interpolation.shared import along, as_sizes, in_double, linear, nearest, places
from course_lib.exercises.pooling.shared import WIDE, batched, exchanged, strided
from course_lib.geometry import adaptive_bins


def _downsample(x, size, mode):
    return in_double(lambda x: F.interpolate(x, size, mode=mode, antialias=mode == "bilinear"), x)


def _area(n: int, m: int, bins=adaptive_bins) -> Tensor:
    matrix = torch.zeros(m, n, dtype=torch.float64)
    for row, one in zip(matrix, bins(n, m), strict=True):
        row[one.start : one.stop] = 1 / len(one)
    return matrix


def _triangle(n: int, m: int, stretch: float | None = None, scaled: bool = True) -> Tensor:
    """A triangle over each output's place, stretched by the step, its weights scaled to sum to 1."""
    stretch = n / m if stretch is None else stretch
    distance = (torch.arange(n, dtype=torch.float64) - places(n, m)[:, None]).abs()
    matrix = (1 - distance / stretch).clamp(min=0)
    return matrix / (matrix.sum(1, keepdim=True) if scaled else stretch)


def _shares(n: int, m: int) -> Tensor:
    """Each pixel with the part of it that lies in the output's piece."""
    step, j = n / m, torch.arange(n, dtype=torch.float64)
    low, high = (torch.arange(m, dtype=torch.float64)[:, None] * step + at for at in (0.0, step))
    return (torch.minimum(high, j + 1) - torch.maximum(low, j)).clamp(min=0) / step


def _box(n: int, m: int) -> Tensor:
    return _shares(n, m)


def _side_by_side(n: int, m: int) -> list[range]:
    """Each bin ends where the next one begins."""
    return [range(i * n // m, (i + 1) * n // m) for i in range(m)]


def _wrong(area=_area, bilinear=_triangle, rows=None):
    def downsample(x, size, mode):
        build = area if mode == "area" else bilinear
        made = [one(n, m) for one, n, m in zip((rows or build, build), x.shape[2:], as_sizes(size, 2), strict=True)]
        return along(x, made)

    return downsample


def _reads(case: Case, index: tuple[int, ...]) -> tuple[range, ...]:
    x, mode = case.args[0], case.kwargs["mode"]
    axes = zip(x.shape[2:], as_sizes(case.kwargs["size"], 2), index[-2:], strict=True)
    return tuple(_read(n, m, mode)[i] for n, m, i in axes)


def _read(n: int, m: int, mode: str) -> list[range]:
    rows = (_area if mode == "area" else _triangle)(n, m)
    spans = [row.nonzero().flatten().tolist() for row in rows]
    return [range(span[0], span[-1] + 1) for span in spans]


def _case(x, size, mode: str, note: str = "", gradient: bool = False) -> Case:
    return Case((x,), {"size": size, "mode": mode}, note, gradient)


def _draw(draw: Draw, mode: str, rest: bool, pair: bool = False, dtype=torch.float32, **kwargs) -> Case:
    """rest: the old sizes are no multiples of the new ones."""
    rows = draw.integer(2, 3)
    size = (rows, rows + 1) if pair else rows
    high, wide = (m * draw.integer(2, 3) + (draw.integer(1, m - 1) if rest else 0) for m in as_sizes(size, 2))
    x = draw.distinct(draw.integer(1, 2), draw.integer(1, 2), high, wide, dtype=dtype) / 4
    return _case(x, size, mode, **kwargs)


EVEN = torch.arange(24.0).reshape(4, 6) * 7 % 25
STRIPES = torch.tensor([[0.0, 8.0] * 4] * 4)

DOWNSAMPLE = Exercise(
    name="downsample",
    title="Area and antialiased downsampling",
    lesson="06_interpolation",
    oracle=_downsample,
    banned=("interpolation", "pooling"),
    instead="Build a matrix for each axis: equal weights over a piece, or a stretched triangle over the output's centre.",
    difficulty=3,
    minutes=15,
    reads=_reads,
    facets=(
        Facet(
            "area",
            0.5,
            'mode="area": the mean of every pixel that the piece of an output touches.',
            (
                _case(batched(EVEN), 2, "area", "4 rows and 6 columns: means of 2 × 3"),
                _case(batched(WIDE), 2, "area", "5 rows and 7 columns: the pieces share a row and a column"),
                _case(batched(WIDE), 3, "area", "pieces of 2 rows and of 3 columns"),
            ),
            lambda draw: [_draw(draw, "area", rest) for rest in (False, True, True)],
        ),
        Facet(
            "antialiased",
            0.5,
            'mode="bilinear": the triangle of linear interpolation, stretched by the step and scaled to sum to 1.',
            (
                _case(batched(STRIPES), 2, "bilinear", "stripes of one pixel become nearly even"),
                _case(batched(EVEN), 2, "bilinear", "4 rows and 6 columns"),
                _case(batched(WIDE), 3, "bilinear", "5 rows and 7 columns: the triangles do not fit evenly"),
            ),
            lambda draw: [_draw(draw, "bilinear", rest) for rest in (False, True, True)],
        ),
        Facet(
            "sizes",
            0.5,
            "A pair is (H, W); an axis whose size does not change stays as it is.",
            (
                _case(batched(EVEN), (2, 3), "area", "2 rows and 3 columns"),
                _case(batched(EVEN), (4, 3), "bilinear", "the rows stay"),
                _case(batched(EVEN), (2, 6), "area", "the columns stay"),
            ),
            lambda draw: [_draw(draw, mode, False, pair=True) for mode in ("area", "bilinear", "bilinear")],
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, float dtype and memory layout is taken, and the gradient flows.",
            (
                _case(batched(EVEN), 2, "area", "the gradient spreads evenly", gradient=True),
                _case(batched(EVEN), 2, "bilinear", "the gradient of the triangle", gradient=True),
                _case(batched(EVEN.double() / 3), 2, "bilinear", "float64 stays float64"),
                _case(torch.stack([EVEN, -EVEN])[None], 2, "area", "two channels that must not mix"),
                _case(strided(batched(EVEN)), 2, "area", "memory that is not contiguous"),
                _case(torch.zeros(0, 2, 4, 4), 2, "bilinear", "a batch of no pictures at all"),
                _case(batched(WIDE[:1, :1]), 1, "bilinear", "a single pixel"),
            ),
            lambda draw: [
                _draw(draw, mode, False, dtype=draw.choice([torch.float32, torch.float64]), gradient=True)
                for mode in ("area", "bilinear", "bilinear")
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "plain bilinear",
            _wrong(bilinear=lambda n, m: linear(places(n, m), n)),
            "This is bilinear without antialiasing: it reads two pixels along each axis, however many lie between one output and the next. Stretch the triangle by the step, so that none is left out.",
        ),
        Misconception(
            "the nearest pixel",
            _wrong(*(lambda n, m: nearest(places(n, m), n) for _ in range(2))),
            "Each of your outputs is a copy of a single pixel, and the others are never read. Both modes take a mean.",
        ),
        Misconception(
            "a triangle that does not sum to 1",
            _wrong(bilinear=lambda n, m: _triangle(n, m, scaled=False)),
            "You divide each triangle by its width. At the border a part of it is missing, and between the pixels it is not hit evenly: divide each row of weights by its own sum.",
        ),
        Misconception(
            "a triangle too wide",
            _wrong(bilinear=lambda n, m: _triangle(n, m, 2 * n / m)),
            "Your triangle reaches two steps to each side. At distance 0 its weight is greatest, and one step away it is 0.",
        ),
        Misconception(
            "a box instead of a triangle",
            _wrong(bilinear=_box),
            "In the antialiased mode all your weights within a piece are equal. That is an area mean; here the weight falls with the distance, and the triangle reaches into both neighbouring pieces.",
        ),
        Misconception(
            "shared pixels counted in part",
            _wrong(area=_shares),
            "You weigh each pixel with the part of it that lies in the piece. That would be a true area mean, but torch's area is adaptive average pooling (lesson 04): a pixel that two pieces touch counts fully in both.",
        ),
        Misconception(
            "pieces that do not overlap",
            _wrong(area=lambda n, m: _area(n, m, _side_by_side)),
            "Your pieces end where the next one begins. The end is rounded up, so that a pixel that two pieces touch is read by both.",
        ),
        Misconception(
            "windows of one size",
            _wrong(area=lambda n, m: _area(n, m, equal_windows)),
            "Your windows all have size // output_size pixels, and the rest at the end is never read. The piece of output i reaches from i · step to (i + 1) · step, and every pixel that it touches counts.",
        ),
        Misconception(
            "one axis only",
            _wrong(rows=lambda n, m: nearest(places(n, m), n)),
            "You take the mean along one axis, and single pixels along the other. Both axes need their matrix.",
        ),
        Misconception(
            "the modes exchanged",
            _wrong(_triangle, _area),
            'mode="area" gives you the antialiased filter, and mode="bilinear" the area mean.',
        ),
        Misconception(
            "H and W exchanged",
            lambda x, size, mode: _downsample(x, exchanged(size), mode),
            "In size the first number is for H, the rows, and the second one for W, the columns. Your output is that of a call with the two exchanged.",
        ),
        Misconception("cut from the graph", lambda x, size, mode: _downsample(x.detach(), size, mode), shared.DETACHED),
    ),
    hints=(
        "Both modes are a matrix for each axis, applied as in bilinear; only the weights differ. In both, every input pixel must have a weight somewhere.",
        "Take i as a column, torch.arange(out)[:, None], and j as a row, torch.arange(n): then every comparison of the two makes a whole matrix. For area it asks whether the pixel and the piece touch. For the triangle it is the distance between the centres, (j + ½) and (i + ½) · step.",
        "area: pixel j, from j to j + 1, and the piece from i · n / out to (i + 1) · n / out touch where (j + 1) * out > i * n and j * out < (i + 1) * n; join the two with &. bilinear: weights = (1 − distance / step).clamp(min=0). In both cases weights.double(), divided by weights.sum(1, keepdim=True).",
    ),
)
