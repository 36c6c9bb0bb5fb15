"""The text of a notebook's file: what nbformat writes, in a fraction of its time."""

from __future__ import annotations

from json.encoder import JSONEncoder, encode_basestring
from typing import Any

from nbformat import NotebookNode
from nbformat.v4.rwbase import split_lines, strip_transient

_WORDS = {None: "null", True: "true", False: "false"}
_number = JSONEncoder().encode


def notebook_text(notebook: NotebookNode) -> str:
    """What ``nbformat.writes`` gives; but it splits the lines of this very notebook, which nbformat would copy first.

    Errors: TypeError for what is no JSON, and for a key that is no text.

    >>> print(notebook_text(NotebookNode(cells=[], metadata={}, nbformat=4, nbformat_minor=5)))
    {
     "cells": [],
     "metadata": {},
     "nbformat": 4,
     "nbformat_minor": 5
    }
    """
    return _indented(strip_transient(split_lines(notebook)), "\n")


def _indented(value: Any, line: str) -> str:
    """The JSON of a value, one space deeper for each level. Python's own encoder is slow where it has to indent."""
    if isinstance(value, str):
        return encode_basestring(value)
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
        parts = [encode_basestring(each) if isinstance(each, str) else _indented(each, deeper) for each in value]
        return f"[{deeper}{f',{deeper}'.join(parts)}{line}]"
    return _WORDS[value] if value is None or isinstance(value, bool) else _number(value)
