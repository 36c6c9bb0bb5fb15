"""What is known of a graded class: points from nbgrader's gradebook alone, diagnoses from the graded notebooks.

A graded notebook holds what learners wrote, so whatever is read from it is plain text of limited length.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder import messages
from autograder.course import Course, CourseError, settings
from autograder.normalize import Anomaly, id_of
from autograder.replay import METADATA
from autograder.summary import CHECK
from autograder.table import printable
from autograder.writer import Score, Writer

TEXT = 500  # characters of a diagnosis


@dataclass(frozen=True)
class Exercise:
    """One graded cell of the assignment. most: the points that it is worth."""

    notebook: str
    grade_id: str
    most: float

    @property
    def title(self) -> str:
        return self.grade_id.removeprefix(CHECK)


@dataclass(frozen=True)
class Diagnosis:
    """What a check said. misconception: the name of the one that was recognised. face: as in a verdict."""

    text: str
    misconception: str = ""
    seed: str = ""
    face: str = ""


@dataclass(frozen=True)
class Learner:
    """One learner's graded submission. score: what counts, after a penalty for lateness. seconds: of running it."""

    student_id: str
    name: str
    email: str
    scores: Mapping[Exercise, Score]
    score: float
    code: str = "OK"
    seconds: float | None = None
    anomalies: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    diagnoses: Mapping[Exercise, Diagnosis] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A graded class. missing: who is enrolled and has no grade: id, name, email."""

    assignment: str
    exercises: tuple[Exercise, ...]
    learners: tuple[Learner, ...]
    missing: tuple[tuple[str, str, str], ...]

    @cached_property
    def most(self) -> float:
        return sum(exercise.most for exercise in self.exercises)


def read(root: Path, assignment: str, db_url: str | None = None) -> Results:
    """The results of an assignment in the course at ``root``. Errors: CourseError where there are none."""
    from nbgrader.api import Gradebook

    course = Course(config=settings(root, db_url))
    file = course.db_url.removeprefix("sqlite:///")
    if file != course.db_url and not Path(file).is_file():
        raise CourseError(messages.NO_RESULTS.format(assignment=assignment))
    with Writer(course, alone=False) as writer:
        scores = writer.scores(assignment)
    if not scores:
        raise CourseError(messages.NO_RESULTS.format(assignment=assignment))
    with Gradebook(course.db_url, course.course_id) as gradebook:
        people = {one.id: (_name(one), one.email or "") for one in gradebook.students}
        penalties = {
            one.student_id: one.late_submission_penalty or 0.0 for one in gradebook.assignment_submissions(assignment)
        }
    found = {
        Exercise(notebook, cell, score.most)
        for notebooks in scores.values()
        for notebook, cells in notebooks.items()
        for cell, score in cells.items()
    }
    order = course.order(assignment)
    exercises = sorted(found, key=lambda one: (one.notebook, order.get((one.notebook, one.grade_id), 0), one.grade_id))
    learners = []
    for student, notebooks in sorted(scores.items()):
        mine = {one: notebooks[one.notebook][one.grade_id] for one in exercises if _has(notebooks, one)}
        total = max(0.0, sum(score.score for score in mine.values()) - penalties.get(student, 0.0))
        facts = _facts(course, assignment, student, mine)
        learners.append(Learner(student, *people.get(student, ("", "")), mine, total, **facts))
    missing = tuple((student, *about) for student, about in sorted(people.items()) if student not in scores)
    return Results(assignment, tuple(exercises), tuple(learners), missing)


def _has(notebooks: Mapping[str, Mapping[str, Score]], exercise: Exercise) -> bool:
    return exercise.grade_id in notebooks.get(exercise.notebook, {})


def _name(student: Any) -> str:
    return " ".join(part for part in (student.first_name, student.last_name) if part)


# What the graded notebooks say -------------------------------------------------------------------------------------


def _facts(course: Course, assignment: str, student: str, scores: Mapping[Exercise, Score]) -> dict[str, Any]:
    """The fields of Learner that a submission's graded notebooks hold."""
    codes, seconds, anomalies, weak = [], [], [], []
    diagnoses: dict[Exercise, Diagnosis] = {}
    folder = Path(course.format_path(course.autograded_directory, student, assignment))
    for name in dict.fromkeys(exercise.notebook for exercise in scores):
        notebook = _load(folder / f"{name}.ipynb")
        told = notebook["metadata"].get(METADATA)
        told = told if isinstance(told, dict) else {}
        codes.append(str(told.get("code", "OK")))
        seconds += [told["seconds"]] if isinstance(told.get("seconds"), float) else []
        weak += [_plain(each) for each in _list(told.get("weak"))]
        anomalies += [_plain(each.sentence) for each in _anomalies(told.get("anomalies"))]
        cells = {id_of(cell): cell for cell in notebook["cells"]}
        for exercise, score in scores.items():
            if exercise.notebook == name and score.score < exercise.most and exercise.grade_id in cells:
                diagnoses[exercise] = _diagnosis(cells[exercise.grade_id])
    return {
        "code": next((code for code in codes if code != "OK" and code in messages.OUTCOMES), "OK"),
        "seconds": sum(seconds) if seconds else None,
        "anomalies": tuple(anomalies),
        "weak": tuple(weak),
        "diagnoses": diagnoses,
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _anomalies(told: Any) -> Iterator[Anomaly]:
    for each in _list(told):
        if isinstance(each, list) and len(each) == 2 and str(each[0]) in messages.ANOMALIES:
            yield Anomaly(str(each[0]), str(each[1]))


def _load(path: Path) -> dict[str, Any]:
    """A graded notebook's metadata and cells; empty where there is none or where it is none."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        metadata, cells = notebook["metadata"], notebook["cells"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {"cells": [], "metadata": {}}
    return {
        "metadata": metadata if isinstance(metadata, dict) else {},
        "cells": [cell for cell in _list(cells) if isinstance(cell, dict)],
    }


def _diagnosis(cell: Mapping[str, Any]) -> Diagnosis:
    """What the last check in a graded cell said; else the error that stands there."""
    outputs = [output for output in _list(cell.get("outputs")) if isinstance(output, dict)]
    for output in reversed(outputs):
        metadata = output.get("metadata")
        verdict = metadata.get("course_lib") if isinstance(metadata, dict) else None
        if isinstance(verdict, dict):
            parts = (verdict.get(name) for name in ("diagnosis", "misconception", "seed", "face"))
            return Diagnosis(*(_plain(part or "") for part in parts))
    for output in outputs:
        if output.get("output_type") == "error":
            kind, said = str(output.get("ename")), output.get("evalue")
            return Diagnosis(_plain(said if kind in messages.OUTCOMES else f"{kind}: {said}"))
    return Diagnosis(messages.NO_DIAGNOSIS)


def _plain(text: Any) -> str:
    text = " ".join(str(text).split())
    return printable(text if len(text) <= TEXT else text[: TEXT - 1] + "…")
