"""Is a notebook's file the one that nbformat writes, byte for byte?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.normalize import copied
from autograder.notebook_text import LONGEST, Cells

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(path for part in ("solutions", "notebooks") for path in (ROOT / part).rglob("*.ipynb"))


def test_every_notebook_of_the_course_is_as_nbformat_writes_it() -> None:
    """All by one writer, so cells of other lessons and of the release stand under the same ids."""
    assert len(NOTEBOOKS) > 20
    cells = Cells()
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        expected = nbformat.writes(notebook)
        for _ in range(2):
            assert cells.text(copied(notebook)) == expected, path


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
    cells = Cells()
    for _ in range(2):
        assert cells.text(copied(notebook)) == expected


@pytest.mark.parametrize("odd", [{1: 2}, {None: 2}, {"b", "a"}, b"bytes"])
def test_what_is_no_json_is_refused(odd: Any) -> None:
    with pytest.raises(TypeError):
        Cells().text(NotebookNode(cells=[], metadata={"odd": odd}))


def test_a_cell_is_new_until_the_same_one_has_been_written() -> None:
    def notebook(source: str, outputs: Any = (), **metadata: Any) -> NotebookNode:
        return new_notebook(cells=[new_code_cell(source, id="a", outputs=list(outputs), metadata=metadata)])

    cells, same = Cells(), notebook("x = 1\ny = 2", tags=["mine"])
    assert cells.new(same) == same.cells
    expected = nbformat.writes(same)
    assert cells.text(copied(same)) == expected
    assert cells.new(same) == []
    others = [notebook("x = 1\ny = 3", tags=["mine"]), notebook("x = 1\ny = 2", tags=["yours"]), notebook("")]
    # Python calls the two results equal; their texts are not.
    results = [new_output("execute_result", {"application/json": {"x": x}}) for x in (1, True)]
    others += [notebook("x = 1\ny = 2", [result], tags=["mine"]) for result in results]
    for other in others * 2:
        assert cells.new(other) == other.cells
        expected = nbformat.writes(other)
        assert cells.text(copied(other)) == expected
    assert cells.new(same) == []


def test_a_long_cell_is_not_kept() -> None:
    cells, long = Cells(), new_notebook(cells=[new_code_cell("x" * LONGEST)])
    cells.text(copied(long))
    assert cells.new(long) == long.cells
