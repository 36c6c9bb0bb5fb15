"""What a learner gets: the notebook, its demonstrations with their pictures, and nothing that gives anything away."""

from __future__ import annotations

import ast
import itertools
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator

from autograder.build import source, sync
from course_lib import exercises

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS)|hidden=True")
# Where this machine keeps things, and where others keep theirs.
PLACES = (str(ROOT), sys.prefix, sys.base_prefix, str(Path.home()), tempfile.gettempdir())
MACHINE_PATH = re.compile("|".join(map(re.escape, PLACES)) + r"|/(home|root|tmp|opt|Users|private|var)/|[A-Z]:\\\\")


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_graded(cell: NotebookNode) -> bool:
    """Whether a cell is a solution cell or a grade cell."""
    facts = cell.metadata.get("nbgrader", {})
    return bool(facts.get("solution") or facts.get("grade"))


def test_notebooks_holds_the_lessons_and_nothing_else() -> None:
    stems = sync.stems(ROOT)
    files = {
        path.relative_to(ROOT / "notebooks").as_posix()
        for path in (ROOT / "notebooks").rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }
    assert len(stems) >= 2
    assert files == {f"{stem}/{stem}.ipynb" for stem in stems}


def test_the_release_follows_from_its_source(lesson: SimpleNamespace) -> None:
    assert [str(stale) for stale in sync.check(ROOT, [lesson.stem])] == []


def test_no_marker_is_left(lesson: SimpleNamespace) -> None:
    assert MARKER.search(lesson.text.read_text(encoding="utf-8"))
    assert not MARKER.search(lesson.released_path.read_text(encoding="utf-8"))


def test_no_line_of_a_solution_is_left(lesson: SimpleNamespace) -> None:
    """Hints may come close to it. Lines that the lesson shows elsewhere, or that say little, give nothing away."""
    text = lesson.text.read_text(encoding="utf-8")
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", text, re.DOTALL)
    outside = re.sub(r"### BEGIN SOLUTION\n.*?### END SOLUTION", "", text, flags=re.DOTALL)
    shown = {line.strip() for line in outside.splitlines()}
    secret = {line.strip() for region in regions for line in region.splitlines()} - shown
    secret = {line for line in secret if len(line) > 12}
    assert len(secret) > len(regions)
    released = "\n".join(cell.source for cell in lesson.released.cells)
    released = re.sub(r"<details><summary>Hint.*?</details>", "", released, flags=re.DOTALL)
    assert [line for line in secret if line in released] == []


def test_solution_cells_hold_the_starter(lesson: SimpleNamespace) -> None:
    cells = [cell for cell in code(lesson.released) if cell.metadata.get("nbgrader", {}).get("solution")]
    assert cells
    for cell in cells:
        name = cell.metadata.nbgrader.grade_id
        assert re.match(rf'(def|class) {name}\(.*\):\n    """.+"""\n', cell.source, re.DOTALL)
        # A class is defined without an error; it is the method that raises.
        assert re.search(r"\n( {4}| {8})# YOUR CODE HERE\n\1raise NotImplementedError\(\)$", cell.source)
        assert cell.source.startswith("class") == cell.source.endswith("\n        raise NotImplementedError()")


def test_graded_cells_have_no_outputs(lesson: SimpleNamespace) -> None:
    graded = [cell for cell in code(lesson.released) if is_graded(cell)]
    assert graded
    assert [cell.id for cell in graded if cell.outputs] == []
    assert [cell.id for cell in code(lesson.released) if cell.execution_count] == []


def test_demonstrations_keep_their_pictures(lesson: SimpleNamespace) -> None:
    def pictures(notebook: NotebookNode) -> dict[str, list[str]]:
        return {
            cell.id: [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
            for cell in code(notebook)
            if not is_graded(cell) and "clear-output" not in cell.metadata.get("tags", [])
        }

    assert any(pictures(lesson.released).values())
    assert pictures(lesson.released) == pictures(lesson.worked)


def test_no_words_answer_a_prediction_before_it_is_made(lesson: SimpleNamespace) -> None:
    """A picture may stand there: it has to be looked at. A number has been read before one knows it."""
    for question, cell in itertools.pairwise(lesson.released.cells):
        if "**Predict" in question.source:
            shown = [output for output in cell.outputs if "image/png" not in output.get("data", {})]
            assert not shown, f"{cell.id} has no tag clear-output"


def read(node: ast.AST) -> set[str]:
    """The names that a cell reads when it is run; a lambda, by itself, calls nothing."""
    if isinstance(node, ast.Lambda):
        return set()
    parts = (read(child) for child in ast.iter_child_nodes(node))
    return set().union([node.id] if isinstance(node, ast.Name) else [], *parts)


def test_run_all_passes_over_what_calls_a_function_that_is_yet_to_be_written(lesson: SimpleNamespace) -> None:
    names = {exercise.name for exercise in exercises.of_lesson(lesson.stem)}
    for cell in code(lesson.released):
        tree = ast.parse(cell.source)
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        called = read(tree) & names - defined
        if called and not is_graded(cell):
            assert "raises-exception" in cell.metadata.get("tags", []), f"{cell.id} has no tag your-code"


def test_no_widget_state(lesson: SimpleNamespace) -> None:
    for notebook in (lesson.worked, lesson.released):
        assert "widgets" not in notebook.metadata
        views = [cell.id for cell in code(notebook) for out in cell.outputs if "widget-view" in str(out.get("data"))]
        assert views == []


def test_no_path_of_a_machine(lesson: SimpleNamespace) -> None:
    for notebook in (lesson.worked, lesson.released):
        texts = [
            str(value)
            for cell in code(notebook)
            for output in cell.outputs
            for mime, value in {"text": output.get("text", ""), **output.get("data", {})}.items()
            if not mime.startswith("image/")
        ]
        assert len(texts) > 5
        assert [text for text in texts if MACHINE_PATH.search(text)] == []
        assert not [cell.id for cell in notebook.cells if MACHINE_PATH.search(cell.source)]


def test_nbgrader_accepts_the_metadata(lesson: SimpleNamespace) -> None:
    for notebook in (lesson.worked, lesson.released):
        for cell in notebook.cells:
            MetadataValidator().validate_cell(cell)
        ids = [cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata]
        assert len(ids) == len(set(ids))
    checks = [cell for cell in code(lesson.released) if cell.metadata.get("nbgrader", {}).get("grade")]
    assert all(cell.metadata.nbgrader.locked and "checksum" in cell.metadata.nbgrader for cell in checks)


def test_cell_ids_are_unique_and_come_from_the_text(lesson: SimpleNamespace) -> None:
    ids = [cell.id for cell in source.read(lesson.text).notebook.cells]
    assert len(ids) == len(set(ids))
    assert [cell.id for cell in lesson.worked.cells] == ids
    assert [cell.id for cell in lesson.released.cells] == ids
