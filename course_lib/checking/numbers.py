"""Numbers as a learner reads them, and the small grids of numbers that a report draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from course_lib.checking import messages as say
from course_lib.checking.plain import kind_of, short, text

if TYPE_CHECKING:
    from course_lib.checking.judge import Finding

# A report shows at most so many rows and columns of a grid.
ROWS, COLUMNS = 8, 10
PADDING = "·"


@dataclass(frozen=True)
class Grid:
    """A matrix of printed numbers with some cells marked: wrong ones, and those that a window reads.

    shade: for each cell a number from 0 (smallest) to 1 (largest), or None.
    """

    title: str
    cells: tuple[tuple[str, ...], ...]
    wrong: frozenset[tuple[int, int]] = frozenset()
    window: frozenset[tuple[int, int]] = frozenset()
    shade: tuple[tuple[float | None, ...], ...] = ()


def number(value: Any) -> str:
    """A number in few digits: 3 for 3.0, 0.3333 for a third.

    What is no number is called by its kind.

    >>> number(3.0), number(1 / 3), number(torch.tensor(-torch.inf)), number(2), number([2])
    ('3', '0.3333', '-inf', '2', 'a list')
    """
    value = _item(value)
    if isinstance(value, str):
        return repr(text(value, 60))
    if value is None or isinstance(value, bool | complex):
        return repr(value)
    if not isinstance(value, int | float):
        return kind_of(value)
    if isinstance(value, float) or 10**7 <= abs(value) < 10**60:
        return "0" if value == 0 else f"{value:.4g}"
    return short(value)


def told_apart(one: Any, other: Any) -> tuple[str, str]:
    """Two numbers, or two equally long rows of them, in as many digits as it takes to tell them apart.

    >>> told_apart(1.0, 2.0), told_apart(1.00001, 1.00002), told_apart(2**31 - 1, 2**31), told_apart((0, 3), (0, 2))
    (('1', '2'), ('1.00001', '1.00002'), ('2147483647', '2147483648'), ('(0, 3)', '(0, 2)'))
    """
    if isinstance(one, tuple | list):
        pairs = [told_apart(*pair) for pair in zip(one, other, strict=True)]
        first, second = (f"({', '.join(words)})" for words in zip(*pairs, strict=True))
        return first, second
    one, other = _item(one), _item(other)
    words = number(one), number(other)
    if words[0] == words[1] and isinstance(one, int) and isinstance(other, int):
        return short(one), short(other)
    for digits in (6, 9, 17):
        if words[0] == words[1] and isinstance(one, float) and isinstance(other, float):
            words = f"{one:.{digits}g}", f"{other:.{digits}g}"
    return words


def _item(value: Any) -> Any:
    """The number in a tensor of one; anything else as it is."""
    return value.item() if isinstance(value, Tensor) and value.numel() == 1 and not value.is_meta else value


def grids_of(finding: Finding) -> tuple[Grid, ...]:
    """Input, target, yours and difference around the first wrong element, where these have one or two axes to draw."""
    found = finding.difference
    if found is None or found.wrong is None or found.index is None or not found.target.ndim:
        return ()
    target, yours, wrong = (_plane(t, found.index) for t in (found.target, found.yours, found.wrong))
    where = found.index[-2:] if found.target.ndim > 1 else (0, found.index[0])
    region = _region(target.shape, where)
    gradient = found.kind == "gradient"
    grids = [] if gradient else _input_grids(finding, found.index)
    titles = (say.TARGET_GRADIENT, say.YOUR_GRADIENT) if gradient else (say.TARGET, say.YOURS)
    grids += [_grid(titles[0], target, region), _grid(titles[1], yours, region, wrong)]
    if target.is_floating_point():
        delta = yours.double() - target.double()
    else:
        delta = yours.to(torch.int64) - target.to(torch.int64)
    return (*grids, _grid(say.DIFFERENCE, delta, region, wrong))


def _plane(tensor: Tensor, index: tuple[int, ...]) -> Tensor:
    """The last two axes of a tensor at the leading part of an index; a vector becomes one row."""
    if tensor.ndim == 1:
        return tensor[None]
    return tensor[index[:-2]]


def _region(shape, where) -> tuple[range, range]:
    """A part of at most ROWS by COLUMNS around one element."""
    spans = []
    for size, at, most in zip(shape, where, (ROWS, COLUMNS), strict=True):
        start = max(0, min(at - most // 2, size - most))
        spans.append(range(start, min(size, start + most)))
    return spans[0], spans[1]


def _grid(title: str, plane: Tensor, region: tuple[range, range], wrong: Tensor | None = None) -> Grid:
    rows, columns = region
    part = plane[rows.start : rows.stop, columns.start : columns.stop]
    cells = tuple(tuple(number(v) for v in row) for row in part)
    marks = frozenset() if wrong is None else _marks(wrong[rows.start : rows.stop, columns.start : columns.stop])
    if len(rows) < plane.shape[0] or len(columns) < plane.shape[1]:
        title = say.CROPPED.format(title=title)
    return Grid(title, cells, wrong=marks, shade=_shade(part))


def _marks(wrong: Tensor) -> frozenset[tuple[int, int]]:
    return frozenset((r, c) for r, c in wrong.nonzero().tolist())


def _shade(part: Tensor) -> tuple[tuple[float | None, ...], ...]:
    values = part.double()
    finite = values[values.isfinite()]
    if not finite.numel():
        return tuple(tuple(None for _ in row) for row in values)
    low, span = finite.min(), (finite.max() - finite.min()).clamp(min=1e-12)
    return tuple(tuple(float((v - low) / span) if v.isfinite() else None for v in row) for row in values)


def _input_grids(finding: Finding, index: tuple[int, ...]) -> list[Grid]:
    """The input around the window behind the first wrong element, padding included."""
    if not finding.reads:
        return []
    source, reads = finding.case.args[0], finding.reads
    plane = source[index[: source.ndim - len(reads)]]
    layers = len(plane) if len(reads) == 3 else 1
    if len(reads) == 3:  # channels or layers: the first that the window reads stands for all
        plane, reads = plane[next((p for p in reads[0] if 0 <= p < layers), 0)], reads[1:]
    elif len(reads) == 1:
        plane, reads = plane[None], (range(0, 1), reads[0])
    spans = []
    for r, size, most in zip(reads, plane.shape, (ROWS, COLUMNS), strict=True):
        low, high = min(r[0], 0), max(r[-1] + 1, size)
        if high - low > most:
            low = max(low, min(r[0] - 1, high - most))
            high = max(low + most, r[-1] + 1) if low + most <= high else high
        spans.append(range(low, high))
    rows, columns = spans
    height, width = plane.shape
    inside = [[0 <= r < height and 0 <= c < width for c in columns] for r in rows]
    cells = tuple(
        tuple(number(plane[r, c]) if ok else PADDING for c, ok in zip(columns, line, strict=True))
        for r, line in zip(rows, inside, strict=True)
    )
    values = torch.tensor(
        [
            [float(plane[r, c]) if ok else float("nan") for c, ok in zip(columns, line, strict=True)]
            for r, line in zip(rows, inside, strict=True)
        ]
    )
    window = frozenset(
        (rows.index(r), columns.index(c)) for r in reads[0] for c in reads[1] if r in rows and c in columns
    )
    whole = layers == 1 and max(rows.start, columns.start) <= 0 and rows.stop >= height and columns.stop >= width
    title = say.INPUT if whole else say.CROPPED.format(title=say.INPUT)
    return [Grid(title, cells, window=window, shade=_shade(values))]
