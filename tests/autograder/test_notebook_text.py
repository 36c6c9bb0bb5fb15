"""Is a notebook's file the one that nbformat writes, byte for byte?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.normalize import copied
from autograder.notebook_text import notebook_text

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path for part in ("solutions", "notebooks") for path in (ROOT / part).rglob("*.ipynb"))


def test_every_notebook_of_the_course_is_as_nbformat_writes_it() -> None:
    assert len(NOTEBOOKS) > 20
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        expected = nbformat.writes(notebook)
        assert notebook_text(notebook) == expected, path


@pytest.mark.parametrize(
    "odd",
    [
        {},
        [],
        "",
        [[], {}, [[]], {"": {}}],
        (1, ["two"], ()),
        [None, True, False, 0, 1, -1, 1.0, 0.1, 1e300, -0.0, 10**30, float("nan"), float("inf"), -float("inf")],
        '\0\x1f\x7f "quoted" \\ / \t\r\n \u2028 Åse 漢字 🙂',
        {"b": 1, "a": {"z": [], "Z": [{"é": None}]}, "10": 1, "9": 1, "\n": 1},
        [1, 1.0, True, 0, 0.0, False],
    ],
)
def test_odd_values_are_as_nbformat_writes_them(odd: Any) -> None:
    data = {"text/plain": "two\nlines", "text/html": ["<b>", "\n"], "application/json": odd}
    outputs = [
        new_output("stream", text="a\n\nb"),
        new_output("execute_result", data=data, metadata={"odd": odd}, execution_count=3),
        new_output("error", ename="E", evalue="", traceback=["one", "two\n"]),
    ]
    cells = [new_code_cell("", outputs=outputs), new_code_cell("x = 1\n\n", metadata={"odd": odd, "trusted": True})]
    notebook = new_notebook(cells=cells, metadata={"odd": odd, "signature": "gone", "orig_nbformat": 3})
    expected = nbformat.writes(copied(notebook))
    assert notebook_text(notebook) == expected


@pytest.mark.parametrize("odd", [{1: 2}, {None: 2}, {"b", "a"}, b"bytes"])
def test_what_is_no_json_is_refused(odd: Any) -> None:
    with pytest.raises(TypeError):
        notebook_text(NotebookNode(cells=[], metadata={"odd": odd}))
