"""The text of a notebook's file: what nbformat writes, in a fraction of its time."""

from __future__ import annotations

from json.encoder import JSONEncoder, encode_basestring
from typing import Any

from nbformat import NotebookNode
from nbformat.v4.rwbase import split_lines, strip_transient

from autograder.normalize import copied

LONGEST = 10_000  # characters of a cell that is kept: there can be many cells, and learners' ones among them
_WORDS = {None: "null", True: "true", False: "false"}
_number = JSONEncoder().encode


class _Json(str):
    """What is JSON already."""


class Cells:
    """Cells that have been written before: in a class most are the same in everybody's notebook, the instructor's.

    Of each id the first is kept, unless it is long or has outputs: one may hold 1 where another's holds true, which
    Python calls equal. Of a cell without, only the source can be a learner's.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[NotebookNode, _Json]] = {}

    def new(self, notebook: NotebookNode) -> list[NotebookNode]:
        """The cells of a notebook that have not been written before: whoever checks what is written checks these."""
        return [cell for cell in notebook.cells if not self._written(cell)]

    def text(self, notebook: NotebookNode) -> str:
        """What ``nbformat.writes`` gives; but the lines of this very notebook are split, which nbformat copies first.

        Errors: TypeError for what is no JSON, and for a key that is no text.

        >>> print(Cells().text(NotebookNode(cells=[], metadata={}, nbformat=4, nbformat_minor=5)))
        {
         "cells": [],
         "metadata": {},
         "nbformat": 4,
         "nbformat_minor": 5
        }
        """
        cells = [self._written(cell) or self._write(cell) for cell in notebook.cells]
        return _indented(strip_transient(NotebookNode({**notebook, "cells": []})) | {"cells": cells}, "\n")

    def _written(self, cell: NotebookNode) -> _Json | None:
        kept = self._kept.get(cell.get("id", ""))
        return kept[1] if kept and kept[0] == cell else None

    def _write(self, cell: NotebookNode) -> _Json:
        kept = None if cell.get("outputs") else copied(cell)
        alone = strip_transient(split_lines(NotebookNode(cells=[cell], metadata={})))
        text = _Json(_indented(alone.cells[0], "\n  "))
        if kept and len(text) <= LONGEST:
            self._kept.setdefault(cell.get("id", ""), (kept, text))
        return text


def _indented(value: Any, line: str) -> str:
    """The JSON of a value, one space deeper for each level. Python's own encoder is slow where it has to indent."""
    if isinstance(value, str):
        return value if isinstance(value, _Json) else encode_basestring(value)
    if isinstance(value, dict):
        if not value:
            return "{}"
        deeper = f"{line} "
        parts = [f"{encode_basestring(key)}: {_indented(each, deeper)}" for key, each in sorted(value.items())]
        return f"{{{deeper}{f',{deeper}'.join(parts)}{line}}}"
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        deeper = f"{line} "
        # Nearly all are lines of a text.
        parts = [encode_basestring(each) if type(each) is str else _indented(each, deeper) for each in value]
        return f"[{deeper}{f',{deeper}'.join(parts)}{line}]"
    return _WORDS[value] if value is None or isinstance(value, bool) else _number(value)
