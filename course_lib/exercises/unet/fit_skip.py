"""Aligning two maps whose sizes differ by a few rows or columns: crop or pad at the lower and right end."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from course_lib.checking.draw import Draw
from course_lib.checking.exercise import Case, Exercise, Facet, Misconception
from course_lib.exercises.pooling.shared import FOUR, WIDE, batched, strided


def _fit_skip(x, size):
    return F.pad(x, (0, size[1] - x.shape[3], 0, size[0] - x.shape[2]))


def _wrong(ends, mode="constant"):
    """Padding (or, where negative, cropping) by what ``ends(missing)`` says of each axis: before and behind it."""

    def fit_skip(x, size):
        missing = (size[1] - x.shape[3], size[0] - x.shape[2])
        return F.pad(x, [end for one in missing for end in ends(one)], mode=mode)

    return fit_skip


def _repeated(x, size):
    """The last row and the last column again and again."""
    rows, columns = (torch.arange(wanted).clamp(max=n - 1) for wanted, n in zip(size, x.shape[2:], strict=True))
    return x[:, :, rows][..., columns]


def _case(x, size, note: str = "", gradient: bool = False) -> Case:
    return Case((x,), {"size": size}, note, gradient)


def _draw(draw: Draw, height: int, width: int, dtype=torch.float32, gradient: bool = False) -> Case:
    """A map of 5 to 7 rows and 8 to 10 columns, with so many rows and columns to be added or (negative) taken away."""
    x = draw.distinct(draw.integer(1, 2), draw.integer(1, 2), draw.integer(5, 7), draw.integer(8, 10), dtype=dtype)
    return _case(x, (x.shape[2] + height, x.shape[3] + width), gradient=gradient)


def _some(draw: Draw) -> int:
    return draw.integer(2, 4)


def _mixed(draw: Draw, **how) -> Case:
    """One axis to crop, the other to pad."""
    sign = draw.choice([-1, 1])
    return _draw(draw, sign * _some(draw), -sign * _some(draw), **how)


FIT_SKIP = Exercise(
    name="fit_skip",
    title="Align a skip: crop or pad",
    lesson="10_unet",
    oracle=_fit_skip,
    banned=("alignment",),
    instead="A slice crops, and F.pad pads.",
    difficulty=1,
    minutes=8,
    facets=(
        Facet(
            "crop",
            0.5,
            "Where the map is too large, rows are taken away at the bottom and columns at the right.",
            (
                _case(batched(FOUR), (2, 1), "4 × 4 becomes 2 × 1"),
                _case(batched(WIDE), (3, 4), "5 × 7 becomes 3 × 4"),
                _case(batched(WIDE), (4, 6), "one row and one column too many, as in an odd U-Net"),
            ),
            lambda draw: [_draw(draw, -_some(draw), -_some(draw)) for _ in range(4)],
        ),
        Facet(
            "pad",
            0.5,
            "Where the map is too small, zeros are added at the bottom and at the right.",
            (
                _case(batched(FOUR), (6, 7), "4 × 4 becomes 6 × 7"),
                _case(batched(WIDE), (8, 9), "5 × 7 becomes 8 × 9"),
                _case(batched(FOUR), (5, 5), "one row and one column short, as in an odd U-Net"),
            ),
            lambda draw: [_draw(draw, _some(draw), _some(draw)) for _ in range(4)],
        ),
        Facet(
            "each axis on its own",
            0.5,
            "One axis may be cropped while the other is padded, or left alone.",
            (
                _case(batched(FOUR), (2, 6), "fewer rows, more columns"),
                _case(batched(WIDE), (8, 4), "more rows, fewer columns"),
                _case(batched(WIDE), (5, 7), "the size that it has already"),
            ),
            lambda draw: [_mixed(draw) for _ in range(4)],
        ),
        Facet(
            "any input",
            0.5,
            "Any batch, dtype and memory layout is taken, and the gradient flows back to what is kept.",
            (
                _case(batched(FOUR), (2, 6), "what was cropped gets the gradient 0", gradient=True),
                _case(batched(WIDE.double() / 3), (8, 4), "float64 stays float64"),
                _case(batched(WIDE.long()), (3, 9), "whole numbers stay whole"),
                _case(torch.zeros(0, 2, 4, 4), (2, 6), "a batch of no pictures at all"),
                _case(strided(batched(WIDE)), (8, 5), "memory that is not contiguous"),
            ),
            lambda draw: [
                _mixed(draw, dtype=draw.choice([torch.float32, torch.float64]), gradient=True) for _ in range(4)
            ],
        ),
    ),
    misconceptions=(
        Misconception(
            "half of it on each side",
            _wrong(lambda missing: (missing // 2, missing - missing // 2)),
            "You crop and pad evenly on both sides, so the whole map moves. A pooling drops the last row and column; if they are put back where they were lost, every other pixel stays above its own.",
        ),
        Misconception(
            "at the top and at the left",
            _wrong(lambda missing: (missing, 0)),
            "You crop and pad at the top and at the left, so every pixel moves. A pooling drops rows at the bottom and columns at the right: mend the map there.",
        ),
        Misconception(
            "height and width exchanged",
            lambda x, size: _fit_skip(x, tuple(reversed(size))),
            "size is (height, width), as in x.shape[2:]. You have the two exchanged; F.pad begins with the last axis, which is a good place to mix them up.",
        ),
        Misconception(
            "it only crops",
            _wrong(lambda missing: (0, min(missing, 0))),
            "You crop where there is too much, but where there is too little, the map stays too small. Pad it with zeros.",
        ),
        Misconception(
            "it only pads",
            _wrong(lambda missing: (0, max(missing, 0))),
            "You pad where there is too little, but where there is too much, the map stays too large. Crop it.",
        ),
        Misconception(
            "stretched to fit",
            lambda x, size: F.interpolate(x.double(), size=size).to(x.dtype) if x.numel() else _fit_skip(x, size),
            "You resize the map, so that nearly all its values move to another place. Only the last rows and columns may change; the others must lie exactly where they did.",
        ),
        Misconception(
            "the border repeated",
            _repeated,
            "You repeat the last row and column. The new pixels should be 0: nothing is known about them, and the skip beside them will tell.",
        ),
        Misconception(
            "padded with ones",
            lambda x, size: _fit_skip(x - 1, size) + 1,
            "Your new pixels are 1. They should be 0.",
        ),
        Misconception(
            "cut from the graph",
            lambda x, size: _fit_skip(x.detach(), size),
            "The values are right, but no gradient can flow back through them.",
        ),
    ),
    hints=(
        "x[:, :, :h, :w] crops, and where h is larger than the map it simply changes nothing. What is then still missing?",
        "F.pad(x, (left, right, top, bottom)) begins with the last axis. Here left and top are 0. How many columns are missing at the right?",
        "With h, w = size: right is w − x.shape[3], bottom is h − x.shape[2]. A negative number lets F.pad crop, so that one call does both.",
    ),
)
