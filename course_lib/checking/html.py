"""Renders a report for a notebook: inline styles only, so that it also survives in nbgrader's feedback page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from course_lib.checking.numbers import PADDING, Grid
from course_lib.checking.report import Block, Code, Facets, Text, Title
from course_lib.checking.text import MARKS

# Okabe–Ito; each face has its own mark as well, so that colour never stands alone.
COLOURS = {
    "right": "#009E73",
    "wrong": "#D55E00",
    "raised": "#CC79A7",
    "not attempted": "#56B4E9",
    "refused": "#E69F00",
    "open": "#56B4E9",
}
_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:0.92em;"
_HATCH = "background:repeating-linear-gradient(45deg,transparent 0 4px,rgba(127,127,127,.35) 4px 5px);"


def render(blocks: Sequence[Block]) -> str:
    face = next((block.face for block in blocks if isinstance(block, Title)), "refused")
    body = "".join(_html(block) for block in blocks)
    style = f"border-left:6px solid {COLOURS[face]};padding:0.3em 0 0.3em 1em;margin:0.4em 0;max-width:62em;"
    return f'<div class="down-and-up-report" data-face="{face}" style="{style}">{body}</div>'


def _html(block: Block) -> str:
    if isinstance(block, Title):
        mark = _badge(block.face)
        return f'<p style="font-size:1.15em;font-weight:600;margin:0.2em 0 0.5em">{mark} {escape(block.text)}</p>'
    if isinstance(block, Facets):
        rows = "".join(_row(*row) for row in block.rows)
        return f'<table style="border-collapse:collapse;margin:0 0 0.7em;font-size:0.95em">{rows}</table>'
    if isinstance(block, Text):
        weight = "font-weight:600;" if block.strong else ""
        return f'<p style="margin:0.35em 0;{weight}">{escape(block.text)}</p>'
    if isinstance(block, Code):
        style = (
            f"{_MONO}margin:0.3em 0 0.7em;padding:0.4em 0.8em;white-space:pre-wrap;background:rgba(127,127,127,.12);"
        )
        return f'<pre style="{style}">{escape(block.text)}</pre>'
    grids = "".join(_grid(grid) for grid in block.grids)
    return f'<div style="display:flex;flex-wrap:wrap;gap:1.6em;margin:0.7em 0">{grids}</div>'


def _badge(face: str) -> str:
    """A mark on its colour. Black ink reads on all of them, in light and dark: at least 5.4 to 1."""
    style = (
        f"display:inline-block;width:1.5em;text-align:center;border-radius:0.3em;color:#000;"
        f"background:{COLOURS[face]};font-weight:bold;"
    )
    return f'<span aria-hidden="true" style="{style}">{MARKS[face]}</span>'


def _row(mark: str, name: str, points: str, asks: str) -> str:
    cell = "padding:0.15em 0.9em 0.15em 0;text-align:left;vertical-align:top;border:none;background:none;"
    sign = f'<td style="{cell}">{_badge(mark)}</td>'
    return (
        f'<tr style="background:none">{sign}<td style="{cell}font-weight:600;white-space:nowrap">{escape(name)}</td>'
        f'<td style="{cell}white-space:nowrap">{escape(points)}</td><td style="{cell}">{escape(asks)}</td></tr>'
    )


def _grid(grid: Grid) -> str:
    lines = "".join(
        "<tr style='background:none'>" + "".join(_cell(cell, (r, c), grid) for c, cell in enumerate(line)) + "</tr>"
        for r, line in enumerate(grid.cells)
    )
    title = f'<figcaption style="font-weight:600;margin-bottom:0.25em">{escape(grid.title)}</figcaption>'
    return f'<figure style="margin:0">{title}<table style="border-collapse:collapse;{_MONO}">{lines}</table></figure>'


def _cell(cell: str, at: tuple[int, int], grid: Grid) -> str:
    style = "padding:0.2em 0.5em;text-align:right;border:1px solid rgba(127,127,127,.4);min-width:1.6em;"
    shade = grid.shade[at[0]][at[1]] if grid.shade else None
    if cell == PADDING:
        style += _HATCH
    elif shade is not None:
        style += f"background:rgba(86,180,233,{0.04 + 0.46 * shade:.2f});"
    label = escape(cell)
    if at in grid.wrong:
        style += "outline:2px solid #D55E00;outline-offset:-2px;font-weight:bold;"
        label = f"{label}&nbsp;✗"
    elif at in grid.window:
        style += "outline:2px dashed currentColor;outline-offset:-2px;font-weight:bold;"
    return f'<td style="{style}">{label}</td>'
