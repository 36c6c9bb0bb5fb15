"""Renders a report for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from course_lib.checking.numbers import Grid
from course_lib.checking.report import Block, Code, Facets, Grids, Text, Title

WIDTH = 88
MARKS = {"right": "✓", "wrong": "✗", "raised": "!", "not attempted": "…", "refused": "?", "open": "·"}


def render(blocks: Sequence[Block]) -> str:
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Title):
        yield f"{MARKS[block.face]} {block.text}"
    elif isinstance(block, Facets):
        wide, digits = (max(len(row[n]) for row in block.rows) for n in (1, 2))
        for mark, name, points, asks in block.rows:
            head = f"  {MARKS[mark]} {name:<{wide}}  {points:>{digits}}  "
            yield from textwrap.wrap(asks, WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        yield ""
    elif isinstance(block, Text):
        yield from textwrap.wrap(block.text, WIDTH)
    elif isinstance(block, Code):
        yield from (f"    {line}" for line in block.text.splitlines())
    elif isinstance(block, Grids):
        yield ""
        yield from _side_by_side([_grid(grid) for grid in block.grids])


def _grid(grid: Grid) -> list[str]:
    """The numbers in columns; a wrong one in *stars*, one in the window in [brackets]."""
    words = [[_mark(cell, (r, c), grid) for c, cell in enumerate(line)] for r, line in enumerate(grid.cells)]
    wide = max((len(word) for line in words for word in line), default=1)
    return [grid.title, *(" ".join(f"{word:>{wide}}" for word in line) for line in words)]


def _mark(cell: str, at: tuple[int, int], grid: Grid) -> str:
    if at in grid.wrong:
        return f"*{cell}*"
    return f"[{cell}]" if at in grid.window else f" {cell} "


def _side_by_side(columns: Sequence[list[str]]) -> Iterator[str]:
    """Columns beside each other while they fit, then on a new row."""
    row: list[list[str]] = []
    for column in columns:
        if row and sum(_width(c) + 4 for c in row) + _width(column) > WIDTH:
            yield from _join(row)
            row = []
        row.append(column)
    yield from _join(row)


def _width(column: list[str]) -> int:
    return max(map(len, column))


def _join(row: Sequence[list[str]]) -> Iterator[str]:
    for n in range(max(map(len, row), default=0)):
        cells = (f"{column[n] if n < len(column) else '':<{_width(column)}}" for column in row)
        yield "    ".join(cells).rstrip()
    yield ""
