"""Broken submissions: each becomes a notebook that can be graded, and the instructor is told what was strange."""

from __future__ import annotations

import json
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.normalize import SIZE_LIMIT, UNKNOWN_LIMIT, Master, normalise
from autograder.script import script


def graded(grade_id: str, source: str, *, grade: bool = False):
    metadata = {"grade_id": grade_id, "grade": grade, "solution": not grade, "locked": grade, "schema_version": 3}
    if grade:
        metadata["points"] = 2
    return new_code_cell(source, id=grade_id.replace("_", "-"), metadata={"nbgrader": metadata | {"task": False}})


def notebook(solution: str, check: str):
    """A lesson in little: a heading, an import, a demonstration, a solution and its check."""
    cells = [
        new_markdown_cell("# Double", id="heading"),
        new_code_cell("import math", id="imports"),
        new_code_cell("draw()", id="picture", metadata={"tags": ["skip-execution"]}),
        graded("double", solution),
        graded("check_double", check, grade=True),
    ]
    return new_notebook(cells=cells)


HIDDEN = "check(double)\n### BEGIN HIDDEN TESTS\ncheck(double, hidden=True)\n### END HIDDEN TESTS"
STARTER = "def double(x):\n    raise NotImplementedError()"
MASTER = Master(notebook("def double(x):\n    return 2 * x", HIDDEN), notebook(STARTER, "check(double)"))
ANSWER = "def double(x):\n    return x + x"


def submitted(change=lambda cells: None, answer: str = ANSWER) -> bytes:
    """The release with an answer typed in, after a change to its cells."""
    data = json.loads(nbformat.writes(notebook(answer, "check(double)")))
    change(data["cells"])
    return json.dumps(data).encode()


def kinds(normalised) -> list[tuple[str, str]]:
    return [(anomaly.kind, anomaly.grade_id) for anomaly in normalised.anomalies]


def sources(normalised) -> list[str]:
    return [cell.source for cell in normalised.notebook.cells]


def test_an_honest_submission_keeps_its_answer_and_gets_the_hidden_tests_back() -> None:
    normalised = normalise(submitted(), MASTER)
    assert kinds(normalised) == []
    assert sources(normalised) == ["# Double", "import math", "draw()", ANSWER, HIDDEN]
    assert [step.kind for step in script(normalised.notebook).steps] == ["run", "run", "check"]
    nbformat.validate(normalised.notebook)


def test_a_cell_of_the_learners_own_stays_where_it_is() -> None:
    def change(cells):
        cells.insert(
            3, {"cell_type": "code", "metadata": {"tags": ["skip-execution"]}, "source": ["def help():\n", "    pass"]}
        )

    normalised = normalise(submitted(change), MASTER)
    assert sources(normalised)[3] == "def help():\n    pass"
    assert normalised.notebook.cells[3].metadata == {}
    assert kinds(normalised) == []


def test_a_demonstration_that_the_learner_changed_is_run() -> None:
    def change(cells):
        cells[2]["source"] = "helper = 1"

    steps = script(normalise(submitted(change), MASTER).notebook).steps
    assert [step.source for step in steps[:2]] == ["import math", "helper = 1"]


def edit_check(cells):
    cells[4]["source"] = "2.0"


def delete_check(cells):
    del cells[4]


def delete_answer(cells):
    del cells[3]


def duplicate_check(cells):
    cells.append(deepcopy(cells[4]))


def duplicate_answer(cells):
    cells.append(deepcopy(cells[3]) | {"source": "def double(x):\n    return 0"})


def retype_check(cells):
    cells[4] = {"cell_type": "markdown", "metadata": cells[4]["metadata"], "source": "gone"}


def unknown_cell(cells):
    cells[1]["metadata"]["nbgrader"] = {"grade_id": "bonus", "grade": True, "points": 1000}


def tag_check(cells):
    cells[4]["metadata"]["tags"] = ["skip-execution"]


def more_points(cells):
    cells[4]["metadata"]["nbgrader"]["points"] = 1000


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (edit_check, [("edited", "check_double")]),
        (delete_check, [("deleted", "check_double")]),
        (delete_answer, [("deleted", "double")]),
        (duplicate_check, [("duplicated", "check_double")]),
        (duplicate_answer, [("duplicated", "double")]),
        (retype_check, [("edited", "check_double"), ("retyped", "check_double")]),
        (unknown_cell, [("unknown", "bonus")]),
        (tag_check, []),
        (more_points, []),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_changed_is_put_right_and_told(change, found) -> None:
    normalised = normalise(submitted(change), MASTER)
    assert sorted(kinds(normalised)) == sorted(found)
    assert all(anomaly.sentence.endswith(".") for anomaly in normalised.anomalies)
    assert sources(normalised).count(HIDDEN) == 1
    [check] = [cell for cell in normalised.notebook.cells if cell.source == HIDDEN]
    assert check.metadata == MASTER.source.cells[4].metadata
    answer = STARTER if change is delete_answer else ANSWER
    assert script(normalised.notebook).solutions == {"double": answer}
    assert sources(normalised).index(answer) < sources(normalised).index(HIDDEN)
    nbformat.validate(normalised.notebook)


def deep() -> bytes:
    return b'{"nbformat": 4, "cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (None, "missing file"),
        (b"", "not a notebook"),
        (b"<!DOCTYPE html>", "not a notebook"),
        (b"{}", "not a notebook"),
        (b"[]", "not a notebook"),
        (b"null", "not a notebook"),
        (b"\xff\xfe\x00", "not a notebook"),
        (b'{"nbformat": "four", "cells": []}', "not a notebook"),
        (b'{"nbformat": 4, "cells": {}}', "not a notebook"),
        (b'{"nbformat": 4, "cells": [1, null, {"cell_type": "quantum"}]}', "broken cells"),
        (b'{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "quantum"}]}]}', "broken cells"),
        (b'{"nbformat": 3, "worksheets": [{"cells": [1]}]}', "not a notebook"),
        (b'{"nbformat": -Infinity, "cells": []}', "not a notebook"),
        (b'{"nbformat": ' + b"9" * 5000 + b', "cells": []}', "not a notebook"),
        (deep(), "not a notebook"),
        (b" " * (SIZE_LIMIT + 1), "too large"),
    ],
    ids=lambda value: (value or b"None")[-20:].decode("latin") if not isinstance(value, str) else value,
)
def test_what_is_no_notebook_is_graded_as_unanswered(raw, kind) -> None:
    normalised = normalise(raw, MASTER)
    assert kinds(normalised) == [(kind, "")]
    assert sources(normalised) == [STARTER, HIDDEN]
    nbformat.validate(normalised.notebook)


def test_of_what_is_attached_to_markdown_pictures_stay() -> None:
    picture = {"image/png": "iVBORw0KGgo="}
    odd = {"a": {"image/svg+xml": "<svg/>"}, "b": {"image/png": '"><b>'}, "c": [], "\ud800": picture}

    def change(cells):
        cells.insert(
            0, {"cell_type": "markdown", "metadata": {}, "source": "", "attachments": {"here": picture, **odd}}
        )
        cells[2]["attachments"] = {"here": picture}

    notebook = normalise(submitted(change), MASTER).notebook
    assert notebook.cells[0].attachments == {"here": picture, "?": picture}
    assert all("attachments" not in cell for cell in notebook.cells[1:])
    nbformat.validate(notebook)


def test_a_notebook_of_format_3_is_read() -> None:
    def change(cells):
        for cell in cells:
            if cell["cell_type"] == "code":
                cell["input"] = cell.pop("source")
        cells.insert(0, {"cell_type": "heading", "level": 1, "source": "Title"})

    notebook = json.loads(submitted(change))
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": notebook["cells"]}]}
    normalised = normalise(json.dumps(old).encode(), MASTER)
    assert kinds(normalised) == []
    assert script(normalised.notebook).solutions == {"double": ANSWER}
    assert sources(normalised)[0] == "Title"
    nbformat.validate(normalised.notebook)


def test_of_names_that_are_unknown_a_few_are_told_and_each_in_short() -> None:
    def change(cells):
        for number in range(100):
            name = f"{number}\ud800\x1b[31m" + "long " * 1000
            cells.append({"cell_type": "code", "metadata": {"nbgrader": {"grade_id": name}}, "source": ""})

    anomalies = normalise(submitted(change), MASTER).anomalies
    assert len(anomalies) == UNKNOWN_LIMIT
    assert all(len(anomaly.grade_id) < 100 and anomaly.grade_id.isprintable() for anomaly in anomalies)


def test_text_that_no_file_could_hold_is_made_writable() -> None:
    normalised = normalise(submitted(answer="x = '\ud800'"), MASTER)
    nbformat.writes(normalised.notebook).encode()


def test_ids_stay_unique_whatever_comes_in() -> None:
    def change(cells):
        for cell in cells:
            cell["id"] = "imports"

    ids = [cell.id for cell in normalise(submitted(change), MASTER).notebook.cells]
    assert len(set(ids)) == len(ids) == 5
