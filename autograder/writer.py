"""Writes results into the autograded folder and the gradebook: nbgrader's own Autograde, one submission at a time.

While the writer is open, nbgrader's parts are given one gradebook, and a submission is in it as a whole or not at all.
Only one process may write into a course.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Notebook,
    SourceCell,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import Select, bindparam, select

from autograder.course import Course, generate
from autograder.gradebook import one_gradebook
from autograder.imports import importing
from autograder.normalize import Normalised
from autograder.record import Record
from autograder.script import Script

if TYPE_CHECKING:
    from autograder.autograde import Converter


@dataclass(frozen=True)
class Graded:
    """One notebook with its script and its result, and the result's name in the ledger."""

    normalised: Normalised
    script: Script
    key: str
    record: Record


@dataclass(frozen=True)
class Score:
    """One grade. auto: nbgrader's, None where a person has to give it. score: what counts. most: what it can be."""

    auto: float | None
    score: float
    most: float


_SCORES = (
    select(SubmittedAssignment.student_id, Notebook.name, BaseCell.name, Grade.auto_score, Grade.score, Grade.max_score)
    .select_from(Grade)
    .join(BaseCell, BaseCell.id == Grade.cell_id)
    .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
    .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
    .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    .where(Assignment.name == bindparam("assignment"))
)
_SOME_SCORES = _SCORES.where(Grade.id.in_(bindparam("grades", expanding=True)))


class WriteError(Exception):
    """nbgrader could not write a submission; the message is its own."""


class Writer:
    """Writes submissions of one course. Use it as a context manager. alone: refuse where another grading writes.

    Errors of all that it does: CourseError where the gradebook cannot be had.
    """

    def __init__(self, course: Course, alone: bool = True):
        self._course, self._alone = course, alone
        self._order: dict[str, dict[tuple[str, str], int]] = {}
        self._converters: dict[str, Converter] = {}

    def __enter__(self) -> Writer:
        self._stack = one_gradebook(self._course, self._alone)
        self._gradebook = self._stack.__enter__()
        self.longest_name = self._gradebook.longest_name
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.__exit__(*problem)

    def prepare(self, assignment: str) -> None:
        """Puts the assignment as its source is now into the gradebook. Errors: CourseError."""
        self._ready()
        with self._gradebook.changing():
            self._gradebook.whole(lambda: generate(self._course, assignment, database=True))

    def scores(self, assignment: str) -> dict[str, dict[str, dict[str, Score]]]:
        """What the gradebook holds, by learner, notebook and grade_id.

        The grade_ids are in the order of the source, which a gradebook does not know.
        """
        return self._gradebook.whole(lambda: self._scores(_SCORES, assignment))

    def _scores(self, wanted: Select, assignment: str, **more: Any) -> dict[str, dict[str, dict[str, Score]]]:
        if assignment not in self._order:
            self._order[assignment] = self._course.order(assignment)
        places = self._order[assignment]
        rows = [tuple(row) for row in self._gradebook.db.execute(wanted, more | {"assignment": assignment})]
        rows.sort(key=lambda row: (*row[:2], places.get(row[1:3], len(places)), row[2]))
        found: dict[str, dict[str, dict[str, Score]]] = {}
        for learner, notebook, cell, *score in rows:
            found.setdefault(learner, {}).setdefault(notebook, {})[cell] = Score(*score)
        return found

    def cells(self, assignment: str) -> bytes:
        """The cells of an assignment as the gradebook has them; nothing where it does not know the assignment."""
        columns = (Notebook.name, SourceCell.name, SourceCell.cell_type, SourceCell.source, SourceCell.checksum)
        wanted = (
            select(*columns)
            .join(Notebook, Notebook.id == SourceCell.notebook_id)
            .join(Assignment, Assignment.id == Notebook.assignment_id)
            .where(Assignment.name == assignment)
        )
        rows = self._gradebook.whole(lambda: [tuple(row) for row in self._gradebook.db.execute(wanted)])
        return json.dumps(sorted(rows)).encode()

    def write(self, assignment: str, student: str, notebooks: Mapping[str, Graded]) -> dict[str, dict[str, Score]]:
        """Writes one submission, all its notebooks by their names; its scores then. Errors: WriteError, OSError."""
        if assignment not in self._converters:
            self._converters[assignment] = self._converter(assignment)
        converter = self._converters[assignment]
        return self._gradebook.whole(lambda: self._convert(converter, student, notebooks))

    def _ready(self) -> None:
        """Imports what writes, which a class that is written already has no need of, and gives it the gradebook."""
        with importing():
            import autograder.autograde  # noqa: F401
        self._gradebook.give()

    def _converter(self, assignment: str) -> Converter:
        self._ready()
        from autograder.autograde import Converter

        course = Course(config=self._course.config, root=self._course.root, db_url=self._course.db_url)
        course.assignment_id = assignment
        return Converter(coursedir=course, config=self._course.config)

    def _convert(
        self, converter: Converter, student: str, notebooks: Mapping[str, Graded]
    ) -> dict[str, dict[str, Score]]:
        assignment = converter.coursedir.assignment_id
        self._gradebook.begin(assignment, student)
        converter.convert(student, notebooks)
        # By the grades' own ids, and not by the learner's: no index leads from a learner to the grades.
        graded = [self._gradebook.find_submission_notebook(name, assignment, student) for name in notebooks]
        grades = [grade.id for notebook in graded for grade in notebook.grades]
        return self._scores(_SOME_SCORES, assignment, grades=grades).get(student, {})
