"""The text of what a learner wrote, the same from the notebook's cell and from the function or class that it made."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable


def source_of(work: Callable) -> str:
    """The text of a function or class; empty where there is none.

    inspect finds the text of a function wherever it stands. Of a class in a notebook it knows no file (before Python
    3.13), but the class's methods do.
    """
    try:
        return inspect.getsource(work)
    except (OSError, TypeError, SyntaxError):
        from course_lib.checking.plain import functions_of  # text_in needs no torch

        files = {function.__code__.co_filename for function in functions_of(work) if inspect.isfunction(function)}
    cells = ["".join(linecache.getlines(file)) for file in sorted(files)]
    return next((text for cell in cells if (text := _block(work.__name__, cell))), "")


def text_in(name: str, cell: str) -> str:
    """The text of a function or class in a cell, as source_of gives it; the whole cell where it isn't found."""
    return _block(name, cell) or cell


def _block(name: str, cell: str) -> str:
    """The lines of the last function or class of that name at a cell's top level; empty where there is none."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:
        return ""
    found = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name]
    if not found:
        return ""
    first = min([found[-1].lineno, *(each.lineno for each in found[-1].decorator_list)])
    lines = [line + "\n" for line in cell.splitlines()]
    return "".join(inspect.getblock(lines[first - 1 :]))
