"""Reads the results that nbgrader has written: points from its gradebook, diagnoses from the graded notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.demo.answers import Answers
from autograder.demo.grading import Graded, database
from autograder.demo.submissions import Change, by_grade_id, changed_tests

# How the lessons name a grade cell after its exercise.
CHECK = "check_"


@dataclass(frozen=True)
class Diagnosis:
    """Why an exercise lost points. misconception: the name of the one that was recognised."""

    text: str
    misconception: str | None = None


@dataclass(frozen=True)
class Result:
    """One learner's row. points: by exercise; None where nbgrader has no score.

    problem: why there is no graded notebook. changes: what was done to test cells, by exercise.
    """

    student_id: str
    name: str
    points: Mapping[str, float | None]
    total: float
    problem: str | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)
    diagnoses: Mapping[str, Diagnosis] = field(default_factory=dict)
    feedback: Path | None = None


@dataclass(frozen=True)
class Results:
    """A graded class. points: what each exercise is worth, in the notebook's order."""

    assignment: str
    points: Mapping[str, float]
    rows: tuple[Result, ...]


def read(course: Path, assignment: str, learners: Iterable[Answers], graded: Iterable[Graded]) -> Results:
    """The results of a class, in the order of ``learners``."""
    from nbgrader.api import Gradebook

    released = nbformat.read(course / "notebooks" / assignment / f"{assignment}.ipynb", as_version=4)
    points = {
        grade_id.removeprefix(CHECK): float(cell.metadata.nbgrader.points)
        for grade_id, cell in by_grade_id(released).items()
        if cell.metadata.nbgrader.grade
    }
    problems = {each.student_id: each.problem for each in graded}
    rows = []
    with Gradebook(database(course)) as gradebook:
        for learner in learners:
            notebook = gradebook.find_submission_notebook(assignment, assignment, learner.student_id)
            given = {grade.name.removeprefix(CHECK): _points(grade) for grade in notebook.grades}
            scores = {exercise: given[exercise] for exercise in points}
            row = (learner.student_id, learner.name, scores, notebook.score)
            problem = problems[learner.student_id]
            if problem:
                rows.append(Result(*row, problem))
                continue
            name = Path(learner.student_id, assignment, f"{assignment}.ipynb")
            submitted = nbformat.read(course / "submitted" / name, as_version=4)
            autograded = nbformat.read(course / "autograded" / name, as_version=4)
            changes = {k.removeprefix(CHECK): v for k, v in changed_tests(submitted, released).items()}
            diagnoses = {
                exercise: diagnosis(autograded, exercise)
                for exercise, score in scores.items()
                if score is None or score < points[exercise]
            }
            feedback = course / "feedback" / name.with_suffix(".html")
            rows.append(Result(*row, None, changes, diagnoses, feedback))
    return Results(assignment, points, tuple(rows))


def _points(grade) -> float | None:
    """The score of a grade; None where neither nbgrader nor a person has given one."""
    return None if grade.auto_score is None and grade.manual_score is None else grade.score


def diagnosis(autograded: NotebookNode, exercise: str) -> Diagnosis:
    """Why an exercise lost points: the verdict of its last check, else the error that kept the check from running."""
    cells = by_grade_id(autograded)
    if CHECK + exercise not in cells:
        return Diagnosis("The test cell was deleted, so there is nothing that nbgrader could score.")
    test = cells[CHECK + exercise]
    for output in reversed(test.outputs):
        verdict = output.get("metadata", {}).get("course_lib")
        if verdict:
            waiting = verdict["face"] == "not attempted"
            return Diagnosis("Not attempted." if waiting else verdict["diagnosis"], verdict["misconception"])
    for cell in (cells.get(exercise, test), test):
        for output in cell.outputs:
            if output.output_type == "error":
                # IPython names the file that it compiles a cell as.
                what = re.sub(r"\(\d+\.py, (line \d+)\)", r"(\1)", output.evalue)
                return Diagnosis(f"{output.ename}: {what}")
    return Diagnosis("The test cell has neither a verdict nor an error among its outputs.")
