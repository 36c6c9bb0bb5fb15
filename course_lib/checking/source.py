"""The text of what a learner wrote, the same from the notebook's cell and from the function or class that it made."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable
from functools import lru_cache

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
CELL = 1 << 16  # characters; what is longer is no cell, but a library's module, of which inspect reads a block faster


def source_of(work: Callable) -> str:
    """The text of a function or class; empty where there is none.

    Of a class in a notebook inspect knows no file (before Python 3.13), but the class's methods do.
    """
    from course_lib.checking.plain import functions_of  # text_in needs no torch

    functions = [inspect.unwrap(function) for function in functions_of(work) if inspect.isfunction(function)]
    for cell in sorted({_cell(function) for function in functions}):
        found = _definition(work.__name__, cell)
        if found and (inspect.isclass(work) or _first_line(found) == functions[0].__code__.co_firstlineno):
            return _text(found, cell)
    try:
        return inspect.getsource(work)
    except (OSError, TypeError, SyntaxError):
        return ""


def text_in(name: str, cell: str) -> str:
    """The text of a function or class in a cell, as source_of gives it; the whole cell where it isn't found.

    Nor is it looked for in what is too long: Python's parser can take minutes over a line of a million characters.
    """
    found = _definition(name, cell) if len(cell) < CELL else None
    return _text(found, cell) if found else cell


def tree_of(function: Callable) -> ast.AST | None:
    """A function's syntax, with the numbers of its lines in the cell; None where it has no text."""
    function = inspect.unwrap(function)
    if inspect.isfunction(function):
        for node in ast.walk(_parsed(_cell(function))):
            if isinstance(node, Definition) and _first_line(node) == function.__code__.co_firstlineno:
                return node
    try:
        lines, first = inspect.getsourcelines(function)
        return ast.increment_lineno(ast.parse(textwrap.dedent("".join(lines))), first - 1)
    except (OSError, TypeError, SyntaxError):
        return None


def _cell(function: Callable) -> str:
    """The text of the cell in which a function stands; empty where it stands in none."""
    text = "".join(linecache.getlines(function.__code__.co_filename))
    return text if len(text) < CELL else ""


@lru_cache(maxsize=16)
def _parsed(cell: str) -> ast.Module:
    try:
        return ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # too deep for Python's parser, or a NUL in it
        return ast.Module([], [])


def _definition(name: str, cell: str) -> Definition | None:
    """The last function or class of that name at a cell's top level."""
    found = [node for node in _parsed(cell).body if isinstance(node, Definition) and node.name == name]
    return found[-1] if found else None


def _first_line(node: Definition) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _text(node: Definition, cell: str) -> str:
    """Its lines, and the comments behind them that are indented as its body is, as inspect gives them."""
    lines = [line + "\n" for line in cell.splitlines()]
    last = node.end_lineno or node.lineno
    for number, line in enumerate(lines[last:], last + 1):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        if line.strip() and len(line) - len(line.lstrip()) >= node.body[0].col_offset:
            last = number
    return "".join(lines[_first_line(node) - 1 : last])
