"""Where on the input each output of a resized axis takes its value."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib import geometry
from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception


def _source_coordinates(size, output_size, mode="nearest", align_corners=False, scale_factor=None):
    corners = mode == "linear" and align_corners
    convention = "align_corners" if corners else "half-pixel" if mode == "linear" else mode
    where = geometry.source_coordinates(size, output_size, convention, scale_factor)
    return torch.tensor([place if mode == "linear" else math.floor(place) for place in where], dtype=torch.float64)


def _step(size: int, output_size: int, scale_factor: float | None) -> float:
    return size / output_size if scale_factor is None else 1 / scale_factor


def _corner_step(size: int, output_size: int, scale_factor: float | None) -> float:
    return (size - 1) / (output_size - 1) if output_size > 1 else 0.0


Rule = Callable[[Tensor, float], Tensor]


def _wrong(
    nearest: Rule = lambda i, step: (i * step).floor(),
    exact: Rule = lambda i, step: ((i + 0.5) * step).floor(),
    half: Rule = lambda i, step: (i + 0.5) * step - 0.5,
    corners: Rule = lambda i, step: i * step,
    step=_step,
    corner_step=_corner_step,
):
    """The right function but for the rule or the step that is given."""

    def source_coordinates(size, output_size, mode="nearest", align_corners=False, scale_factor=None):
        i = torch.arange(output_size, dtype=torch.float64)
        if mode == "linear" and align_corners:
            return corners(i, corner_step(size, output_size, scale_factor))
        rule = {"nearest": nearest, "nearest-exact": exact, "linear": half}[mode]
        return rule(i, step(size, output_size, scale_factor))

    return source_coordinates


def _clamped(size, output_size, mode="nearest", align_corners=False, scale_factor=None):
    return _source_coordinates(size, output_size, mode, align_corners, scale_factor).clamp(0, size - 1)


def _no_corners(size, output_size, mode="nearest", align_corners=False, scale_factor=None):
    return _source_coordinates(size, output_size, mode, False, scale_factor)


def _middle(size, output_size, mode="nearest", align_corners=False, scale_factor=None):
    where = _source_coordinates(size, output_size, mode, align_corners, scale_factor)
    return where + (size - 1) / 2 if align_corners and output_size == 1 else where


def is_clear(size: int, output_size: int, scale_factor: float | None = None) -> bool:
    """Whether every way to compute a place, exact or rounded, single or double, finds it in the same pixel."""
    step = _step(size, output_size, scale_factor)
    for offset in (0.0, 0.5):
        i = torch.arange(output_size, dtype=torch.float64) + offset
        divided = i / scale_factor if scale_factor else i * size / output_size
        ways = (i * step, divided, i.float() * torch.tensor(step))
        if len({tuple(way.floor().tolist()) for way in ways}) > 1:
            return False
    return True


def _case(size: int, output_size: int, mode: str, align_corners: bool = False, scale_factor=None, note="") -> Case:
    kwargs = {"size": size, "output_size": output_size, "mode": mode}
    kwargs |= {"align_corners": True} if align_corners else {}
    kwargs |= {"scale_factor": scale_factor} if scale_factor else {}
    return Case(kwargs=kwargs, note=note)


def _draw(draw: Draw, mode: str, align_corners: bool = False) -> Case:
    while True:
        size, output_size = draw.integer(2, 9), draw.integer(2, 12)
        if is_clear(size, output_size):
            return _case(size, output_size, mode, align_corners)


def _draw_scaled(draw: Draw, mode: str, align_corners: bool = False) -> Case:
    while True:
        size, factor = draw.integer(3, 9), draw.choice([0.4, 0.7, 1.3, 1.7, 2.3, 2.6])
        output_size = int(size * factor)
        if output_size > 1 and is_clear(size, output_size, factor):
            return _case(size, output_size, mode, align_corners, factor)


SOURCE_COORDINATES = Exercise(
    name="source_coordinates",
    title="Where an output looks",
    lesson="06_interpolation",
    oracle=_source_coordinates,
    banned=("interpolation",),
    instead="Compute it: one step from output to output, and a place within the first pixel to begin at.",
    difficulty=1,
    minutes=15,
    facets=(
        Facet(
            "nearest",
            0.5,
            "The pixel in which the left edge of the output lies.",
            (
                _case(8, 4, "nearest", note="half as many: every second pixel, from the first on"),
                _case(4, 8, "nearest", note="twice as many: each pixel twice"),
                _case(3, 5, "nearest"),
                _case(7, 3, "nearest"),
            ),
            lambda draw: [_draw(draw, "nearest") for _ in range(6)],
        ),
        Facet(
            "nearest-exact",
            0.5,
            "The pixel in which the centre of the output lies.",
            (
                _case(8, 4, "nearest-exact", note="half as many: every second pixel, from the second on"),
                _case(4, 8, "nearest-exact"),
                _case(3, 5, "nearest-exact"),
                _case(7, 3, "nearest-exact"),
            ),
            lambda draw: [_draw(draw, "nearest-exact") for _ in range(6)],
        ),
        Facet(
            "half-pixel",
            1,
            'mode="linear": the centre of the output, counted from the centre of the first input pixel.',
            (
                _case(2, 4, "linear", note="twice as many: a quarter of a pixel beyond each end"),
                _case(8, 4, "linear", note="half as many: always between two pixels"),
                _case(5, 5, "linear", note="the same size: every pixel looks at itself"),
                _case(3, 7, "linear"),
                _case(5, 1, "linear", note="a single output looks at the middle"),
                _case(1, 3, "linear", note="three outputs on a single pixel"),
            ),
            lambda draw: [_draw(draw, "linear") for _ in range(6)],
        ),
        Facet(
            "align_corners",
            1,
            "align_corners=True: the first and the last centres coincide; a single output looks at the first pixel.",
            (
                _case(2, 4, "linear", True, note="thirds"),
                _case(3, 5, "linear", True, note="every second output is a pixel"),
                _case(7, 3, "linear", True),
                _case(5, 2, "linear", True, note="both ends"),
                _case(5, 1, "linear", True, note="a single output"),
            ),
            lambda draw: [_draw(draw, "linear", True) for _ in range(6)],
        ),
        Facet(
            "scale_factor",
            1,
            "A scale_factor makes the step 1 / scale_factor; align_corners takes no notice of it.",
            (
                _case(5, 11, "linear", scale_factor=2.3, note="5 · 2.3 = 11.5, so the 11 outputs do not fill the axis"),
                _case(5, 11, "nearest", scale_factor=2.3),
                _case(5, 13, "nearest-exact", scale_factor=2.6),
                _case(7, 2, "linear", scale_factor=0.4),
                _case(5, 11, "linear", True, scale_factor=2.3, note="align_corners: only the sizes count"),
            ),
            lambda draw: [
                *(_draw_scaled(draw, "linear") for _ in range(4)),
                *(_draw_scaled(draw, mode) for mode in ("nearest", "nearest-exact")),
                *(_draw_scaled(draw, "linear", True) for _ in range(2)),
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "corners of pixels for their centres",
            _wrong(half=lambda i, step: i * step),
            "With align_corners=False you look from i · step, the left edge of the output pixel. Look from its centre, (i + ½) · step, and count from the centre of the first input pixel: take ½ away again.",
        ),
        Misconception(
            "counted from the edge",
            _wrong(half=lambda i, step: (i + 0.5) * step),
            "Your places are counted from the left edge of the first pixel, where they are half a pixel too large. The centre of the first pixel is place 0, so take ½ away.",
        ),
        Misconception(
            "the half in the wrong scale",
            _wrong(half=lambda i, step: i * step - 0.5),
            "You take away ½, but the ½ of the output pixel is missing: its centre is at (i + ½) · step, so half of a step must be added first.",
        ),
        Misconception(
            "nearest means rounded",
            _wrong(nearest=lambda i, step: (i * step).round()),
            "You round i · step to the closest whole number. Torch's nearest rounds it down, whatever its name says: it asks in which pixel the output's left edge lies.",
        ),
        Misconception(
            "nearest looks from the centre",
            _wrong(nearest=lambda i, step: ((i + 0.5) * step).floor()),
            'These are the pixels of mode="nearest-exact". Plain "nearest" looks from the left edge of the output, i · step.',
        ),
        Misconception(
            "nearest-exact looks from the edge",
            _wrong(exact=lambda i, step: (i * step).floor()),
            'These are the pixels of mode="nearest". The exact mode looks from the centre of the output, (i + ½) · step.',
        ),
        Misconception(
            "nearest between two pixels",
            _wrong(nearest=lambda i, step: i * step, exact=lambda i, step: (i + 0.5) * step),
            "The nearest modes copy one pixel, so their place is a whole number: round down.",
        ),
        Misconception(
            "align_corners ignored",
            _no_corners,
            "With align_corners=True the centres of the first and the last pixels of both axes coincide: from 0 to size − 1 in output_size − 1 equal steps.",
        ),
        Misconception(
            "pixels counted instead of gaps",
            _wrong(corner_step=lambda n, m, s: n / m),
            "With align_corners=True the step is not size / output_size. Between the first and the last of n centres there are n − 1 gaps, so it is (size − 1) / (output_size − 1).",
        ),
        Misconception(
            "the gaps of one axis only",
            _wrong(corner_step=lambda n, m, s: (n - 1) / m),
            "You count the gaps of the input, but the pixels of the output. There is one gap less than pixels on both axes: (size − 1) / (output_size − 1).",
        ),
        Misconception(
            "a single output in the middle",
            _middle,
            "With align_corners=True a single output looks at the first pixel, place 0, and not at the middle.",
        ),
        Misconception(
            "the step upside down",
            _wrong(step=lambda n, m, s: m / n if s is None else s),
            "Your step is output_size / size. Walk along the output: a step there is size / output_size on the input, or 1 / scale_factor.",
        ),
        Misconception(
            "scale_factor ignored",
            _wrong(step=lambda n, m, s: n / m),
            "Where a scale_factor is given, the step is exactly 1 / scale_factor. Yours is size / output_size, which differs where size · scale_factor was rounded down. (That is what recompute_scale_factor=True does.)",
        ),
        Misconception(
            "scale_factor moves the corners",
            _wrong(corner_step=lambda n, m, s: _corner_step(n, m, s) if s is None else 1 / s),
            "With align_corners=True the scale_factor decides how many outputs there are, and nothing else: the last centres must still coincide.",
        ),
        Misconception(
            "brought back too early",
            _clamped,
            "You bring places outside of the pixels back to 0 … size − 1. What to do at the border is decided later, by the mode; here −0.25 stays −0.25.",
        ),
    ),
    hints=(
        "Draw both axes as rulers of the same length, one above the other. How long is one output pixel, measured on the input's ruler? Where on it is the centre of output 0, and where its left edge?",
        "The left edge of output i is at i · step, its centre at (i + ½) · step, with step = size / output_size. A number on the ruler, rounded down, is the pixel that it lies in. And the centre of pixel 0 is at ½ on the ruler, not at 0.",
        "nearest: (i · step).floor(). nearest-exact: ((i + ½) · step).floor(). linear: (i + ½) · step − ½. align_corners: i · (size − 1) / (output_size − 1), where one output needs a divisor of 1. With a scale_factor the step of the first three is 1 / scale_factor.",
    ),
)
