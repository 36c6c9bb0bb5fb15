"""Puts submissions together from the released notebook and a learner's answers."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.demo.answers import Answers


def write(answers: Answers, released: Path, submitted: Path) -> None:
    """Writes what this learner hands in to the path ``submitted``, made from the notebook at ``released``."""
    submitted.parent.mkdir(parents=True, exist_ok=True)
    if answers.instead is not None:
        submitted.write_text(answers.instead, encoding="utf-8")
        return
    nbformat.write(answered(nbformat.read(released, as_version=4), answers), submitted)


def answered(released: NotebookNode, answers: Answers) -> NotebookNode:
    """The released notebook with a learner's answers in it. Errors: ValueError for a cell that it does not have."""
    unknown = {*answers.cells, *answers.deleted} - set(by_grade_id(released))
    if unknown:
        raise ValueError(f"{answers.student_id}: the released notebook has no cell {', '.join(sorted(unknown))}.")
    notebook = copy.deepcopy(released)
    for grade_id, cell in by_grade_id(notebook).items():
        cell.source = answers.cells.get(grade_id, cell.source)
    gone = [cell for grade_id, cell in by_grade_id(notebook).items() if grade_id in answers.deleted]
    notebook.cells = [cell for cell in notebook.cells if not any(cell is other for other in gone)]
    return notebook


def by_grade_id(notebook: NotebookNode) -> Mapping[str, NotebookNode]:
    """nbgrader's cells by their grade_id, in the notebook's order."""
    named = ((cell.metadata.get("nbgrader", {}).get("grade_id"), cell) for cell in notebook.cells)
    return {grade_id: cell for grade_id, cell in named if grade_id}
