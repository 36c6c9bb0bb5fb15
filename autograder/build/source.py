"""Reads a lesson's text and completes it: nbgrader's metadata, cell ids, tags and directives."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from autograder.build import BuildError, directives

MARKER = re.compile(r"# ?%%")
SCHEMA_VERSION = 3
# nbgrader_config.py removes the outputs of the cells with this tag when it makes the release.
CLEAR_OUTPUT = "clear-output"
# Demonstrates the learner's own function: where that is not written yet, JupyterLab's "run all" goes on all the same.
YOUR_CODE, RAISES = "your-code", "raises-exception"
# jupytext's notes on blank lines in the text.
LAYOUT = ("lines_to_next_cell", "lines_to_end_of_cell_marker")
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


@dataclass(frozen=True)
class Source:
    """A lesson's notebook without outputs.

    stem: the lesson. path: its text.
    lines: for each cell the line of the text (from 1) on which the cell's own source begins.
    """

    stem: str
    path: Path
    notebook: NotebookNode
    lines: tuple[int, ...]

    def describe(self, index: int) -> str:
        """How a message names a cell: its number with its grade_id or the heading above it."""
        return f"cell {index + 1} ({_name(self.notebook.cells, index)})"


def parse(path: Path) -> Source:
    """The cells of a percent-format text as they are written: what runs, without what the exercises say.

    Errors: BuildError where a cell lacks its ``# %%`` line.
    """
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    lines = tuple(number + 1 for number, line in enumerate(text.splitlines(), 1) if MARKER.match(line))
    if len(lines) != len(notebook.cells):
        raise BuildError(
            f"{path}: {len(notebook.cells)} cells but {len(lines)} lines that begin with '# %%'. "
            "Begin every cell with such a line, the first one too, and keep such lines out of strings."
        )
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return Source(path.stem, path, notebook, lines)


def complete(source: Source) -> NotebookNode:
    """A notebook of these cells with nbgrader's metadata, cell ids, tags and what the directives stand for.

    Errors: BuildError where a directive or an exercise is unknown, or nbgrader's metadata lacks the grade_id.
    """
    notebook = copy.deepcopy(source.notebook)
    for index, cell in enumerate(notebook.cells):
        try:
            _complete(cell, index, source.stem)
        except (BuildError, KeyError) as error:
            where = f"{source.path}, line {source.lines[index] - 1}, {source.describe(index)}"
            raise BuildError(f"{where}: {error.args[0]}") from None
    return notebook


def read(path: Path) -> Source:
    """The lesson with its complete notebook, not executed. Errors: those of ``parse`` and ``complete``."""
    source = parse(path)
    return replace(source, notebook=complete(source))


def _complete(cell: NotebookNode, index: int, stem: str) -> None:
    cell.id = f"cell-{index + 1:03d}"
    for note in LAYOUT:
        cell.metadata.pop(note, None)
    if cell.cell_type == "markdown":
        cell.source = directives.fill(cell.source, stem)
    if YOUR_CODE in cell.metadata.get("tags", []):
        cell.metadata.tags = [*cell.metadata.tags, RAISES]
    written = cell.metadata.get("nbgrader")
    if written is None:
        return
    if "grade_id" not in written:
        raise BuildError('nbgrader metadata needs a grade_id, for example {"grade_id": "max_pool", …}.')
    cell.id = written["grade_id"].replace("_", "-")
    grade, solution = written.get("grade", False), written.get("solution", False)
    completed = {
        "schema_version": SCHEMA_VERSION,
        "cell_type": cell.cell_type,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
        **written,
    }
    if grade and "points" not in written:
        completed["points"] = directives.exercises().find(written["grade_id"].removeprefix("check_")).points
    cell.metadata.nbgrader = NotebookNode(completed)
    if cell.cell_type == "code" and (grade or solution):
        cell.metadata.tags = [*cell.metadata.get("tags", []), CLEAR_OUTPUT]


def _name(cells: list[NotebookNode], index: int) -> str:
    grade_id = cells[index].metadata.get("nbgrader", {}).get("grade_id")
    if grade_id:
        return grade_id
    for cell in reversed(cells[: index + 1]):
        headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        if headings:
            return f"under “{headings[-1]}”"
    return "before the first heading"
