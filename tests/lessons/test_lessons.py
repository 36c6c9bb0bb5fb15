"""Every lesson keeps the course's promises: what it asks can be solved, what it says comes in the right order."""

from __future__ import annotations

import ast
import itertools
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from nbformat import NotebookNode

from autograder.build import sync
from autograder.script import script
from course_lib import exercises
from tests.warm_processes import skip_alembic

ROOT = Path(__file__).parents[2]
STEMS = sync.stems(ROOT)
SECONDS = 90  # that a lesson with its solutions may take
LINES = 25  # that a cell may have which the learner only reads
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted")  # nbgrader has SQLAlchemy warn


def test_there_are_lessons() -> None:
    assert {"00_start_here", "01_pooling"} <= set(sync.stems(ROOT))


# Under stock nbgrader ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graded(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], kernels: dict[str, str]
) -> SimpleNamespace:
    """What nbgrader's autograde gives a learner who hands in the worked notebooks, and one who did nothing.

    It is nbgrader's own API, which its commands and formgrader call: in this process, for all lessons.
    """
    from nbgrader.api import Gradebook
    from nbgrader.apps import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import PyFileConfigLoader

    root = tmp_path_factory.mktemp("graded")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for stem in STEMS:
        worked, released = (ROOT / part / stem / f"{stem}.ipynb" for part in ("solutions", "notebooks"))
        for notebook, folder in (
            (worked, "solutions"),
            (worked, "submitted/worked"),
            (released, "submitted/untouched"),
        ):
            (root / folder / stem).mkdir(parents=True)
            shutil.copy(notebook, root / folder / stem)
    seconds: dict[str, float] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("PATH", environment["PATH"])
        for name, value in {**kernels, "DOWN_AND_UP_GRADER": "stock"}.items():
            patch.setenv(name, value)
        skip_alembic()
        config = PyFileConfigLoader("nbgrader_config.py", path=".").load_config()
        api = NbGraderAPI(coursedir=CourseDirectory(config=config), config=config)
        for stem in STEMS:
            assert (made := api.generate_assignment(stem))["success"], made
            for learner in ("untouched", "worked"):
                began = time.monotonic()
                assert (done := api.autograde(stem, learner))["success"], done
                seconds[stem] = time.monotonic() - began  # the worked lesson's stays
    scores: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
    with Gradebook(f"sqlite:///{root}/gradebook.db", "down_and_up") as book:
        for learner, stem in itertools.product(("worked", "untouched"), STEMS):
            grades = book.find_submission_notebook(stem, stem, learner).grades
            scores[learner, stem] = {grade.name: (grade.score, grade.max_score) for grade in grades}
    return SimpleNamespace(scores=scores, seconds=seconds)


# One worker has all these, because they look at one course.
each_stem = pytest.mark.parametrize("stem", [pytest.param(s, marks=pytest.mark.xdist_group("graded")) for s in STEMS])


@each_stem
def test_the_worked_lesson_gets_every_point(stem: str, graded: SimpleNamespace) -> None:
    points = {f"check_{each.name}": (each.points, each.points) for each in exercises.of_lesson(stem)}
    assert graded.scores["worked", stem] == points


@each_stem
def test_the_released_lesson_gets_none(stem: str, graded: SimpleNamespace) -> None:
    points = {f"check_{each.name}": (0, each.points) for each in exercises.of_lesson(stem)}
    assert graded.scores["untouched", stem] == points


@each_stem
def test_the_worked_lesson_is_run_in_time(stem: str, graded: SimpleNamespace) -> None:
    assert graded.seconds[stem] < SECONDS


# Exercises ---------------------------------------------------------------------------------------------------


def grade_ids(notebook: NotebookNode, kind: str) -> list[str]:
    """The grade_ids of a notebook's solution cells or of its grade cells, in order."""
    cells = (cell.metadata.get("nbgrader", {}) for cell in notebook.cells if cell.cell_type == "code")
    return [cell["grade_id"] for cell in cells if cell.get(kind)]


def test_every_exercise_has_its_cell_and_its_check(lesson: SimpleNamespace) -> None:
    names = [each.name for each in exercises.of_lesson(lesson.stem)]
    assert names
    for notebook in (lesson.worked, lesson.released):
        assert grade_ids(notebook, "solution") == names
        assert grade_ids(notebook, "grade") == [f"check_{name}" for name in names]


def test_every_exercise_is_introduced_by_its_facts_and_hints(lesson: SimpleNamespace) -> None:
    for exercise in exercises.of_lesson(lesson.stem):
        section = section_of(lesson.released, exercise.name)
        assert f"## Exercise: `{exercise.name}`" in section
        assert f"**{exercise.title}** · {exercise.points:g} point" in section
        assert exercise.hints
        for hint in exercise.hints:
            assert hint in section
        assert section.count("<details><summary>Hint") == len(exercise.hints)


def test_no_directive_is_left(lesson: SimpleNamespace) -> None:
    assert not [cell.id for cell in lesson.released.cells if re.search(r"^<!-- ", cell.source, re.MULTILINE)]


# The lesson as a text ----------------------------------------------------------------------------------------


def is_heading(cell: NotebookNode, level: int = 6) -> bool:
    return cell.cell_type == "markdown" and re.match(rf"#{{1,{level}}} ", cell.source) is not None


def section_of(notebook: NotebookNode, grade_id: str) -> str:
    """The markdown from the heading above a graded cell down to that cell."""
    texts: list[str] = []
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
            break
        texts = [] if is_heading(cell) else texts
        if cell.cell_type == "markdown":
            texts.append(cell.source)
    return "\n".join(texts)


def sections(notebook: NotebookNode) -> list[list[NotebookNode]]:
    """The cells of each part that begins with a heading of the first or second level."""
    parts: list[list[NotebookNode]] = []
    for cell in notebook.cells:
        if is_heading(cell, level=2) or not parts:
            parts.append([])
        parts[-1].append(cell)
    return parts


def banner(lesson: SimpleNamespace) -> dict[str, str]:
    """The facts at the head of a lesson, by their names."""
    return dict(re.findall(r"^\| \*\*([A-Z][^*]+)\*\* \| (.+) \|$", lesson.released.cells[0].source, re.MULTILINE))


def test_the_banner_says_what_the_lesson_costs_and_gives(lesson: SimpleNamespace) -> None:
    every = exercises.of_lesson(lesson.stem)
    facts = banner(lesson)
    assert list(facts) == ["Time", "Points", "You should know", "A claim to audit"]
    assert float(facts["Points"]) == sum(each.points for each in every)
    (minutes,) = re.findall(r"^about (\d+) minutes$", facts["Time"])
    assert int(minutes) >= sum(each.minutes for each in every)
    assert "you can**\n\n- " in lesson.released.cells[0].source


def test_grading_runs_imports_definitions_and_answers_alone(lesson: SimpleNamespace) -> None:
    """A demonstration without its tag costs every submission its time: seconds, where it trains or draws."""
    steps = [step for step in script(lesson.released).steps if step.kind == "run"]
    for step in steps:
        if not step.grade_id:
            for line in ast.parse(step.source).body:
                says = isinstance(line, ast.Expr) and ast.unparse(line).startswith("print(")
                defines = isinstance(line, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
                assert says or defines, f"without a tag, line {line.lineno} of cell {step.index} is run by grading"
    assert {step.grade_id for step in steps} - {""} == {each.name for each in exercises.of_lesson(lesson.stem)}


def test_prose_stands_before_code(lesson: SimpleNamespace) -> None:
    for number, cell in enumerate(lesson.released.cells):
        if cell.cell_type != "code":
            continue
        above = lesson.released.cells[number - 1]
        while above.cell_type == "code":
            number -= 1
            above = lesson.released.cells[number - 1]
        words = re.sub(r"^#+ .*$", "", above.source, flags=re.MULTILINE).split()
        assert len(words) > 4, f"{cell.id} comes without a word of introduction"


def test_cells_are_short(lesson: SimpleNamespace) -> None:
    read_only = [cell for cell in lesson.released.cells if cell.cell_type == "code"]
    assert read_only
    assert not [cell.id for cell in read_only if len(cell.source.splitlines()) > LINES]


def test_a_prediction_is_asked_for_right_before_the_result(lesson: SimpleNamespace) -> None:
    asked = [number for number, cell in enumerate(lesson.released.cells) if "**Predict" in cell.source]
    assert asked
    for number in asked:
        after = lesson.released.cells[number + 1]
        assert after.cell_type == "code", f"{after.id} stands between a prediction and its result"


def test_no_verdict_without_a_prediction(lesson: SimpleNamespace) -> None:
    claims = 0
    for cells in sections(lesson.released):
        predicted = False
        for cell in cells:
            predicted |= "**Predict" in cell.source
            if "<summary>The verdict" in cell.source:
                claims += 1
                assert predicted, f"{cell.id} rules on a claim that nobody was asked to judge"
    assert claims


def test_every_picture_has_words(lesson: SimpleNamespace) -> None:
    pictures = [
        (cell.id, output.metadata.get("image/png", {}).get("alt", ""))
        for cell in lesson.worked.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert pictures
    for cell_id, alt in pictures:
        assert re.fullmatch(r"[A-Z].{20,}\.", alt), f"the picture of {cell_id} says {alt!r}"


def test_three_questions_to_ask_oneself_close_the_lesson(lesson: SimpleNamespace) -> None:
    (questions,) = (cells for cells in sections(lesson.released) if cells[0].source.startswith("## Ask yourself"))
    text = questions[0].source
    assert re.findall(r"<details><summary>(\d)\. .+\?</summary>\n\n.+", text) == ["1", "2", "3"]
    assert text.count("</details>") == 3


@pytest.mark.parametrize("heading", ["## The same in torch", "## Ask yourself"])
def test_the_lesson_closes_as_all_do(lesson: SimpleNamespace, heading: str) -> None:
    assert [cells for cells in sections(lesson.released) if cells[0].source.startswith(heading)]


def test_links_between_lessons_lead_somewhere(lesson: SimpleNamespace) -> None:
    text = "\n".join(cell.source for cell in lesson.released.cells if cell.cell_type == "markdown")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert (lesson.released_path.parent / link).is_file(), link
