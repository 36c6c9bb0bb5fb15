"""Writes results into the autograded folder and the gradebook: nbgrader's own Autograde, one submission at a time.

While the writer is open, nbgrader's parts are given one gradebook, and a submission is in it as a whole or not at all.
Only one process may write into a course.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nbconvert.writers import FilesWriter
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Notebook,
    SourceCell,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde, BaseConverter, NbGraderException
from nbgrader.preprocessors import CheckCellMetadata, Execute
from sqlalchemy import Select, bindparam, select

from autograder.build.release import Said
from autograder.course import Course, generate, plain_files, read
from autograder.gradebook import one_gradebook
from autograder.normalize import Normalised, copied
from autograder.notebook_text import Cells
from autograder.record import Record
from autograder.replay import Replay, Submission, is_linked
from autograder.script import Script


@dataclass(frozen=True)
class Graded:
    """One notebook with its result, and the result's name in the ledger."""

    normalised: Normalised
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
        self._converters: dict[str, _Converter] = {}

    def __enter__(self) -> Writer:
        self._stack = one_gradebook(self._course, self._alone)
        self._gradebook = self._stack.__enter__()
        self.longest_name = self._gradebook.longest_name
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.__exit__(*problem)

    def prepare(self, assignment: str) -> None:
        """Puts the assignment as its source is now into the gradebook. Errors: CourseError."""
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
            course = Course(config=self._course.config, root=self._course.root, db_url=self._course.db_url)
            course.assignment_id = assignment
            self._converters[assignment] = _Converter(Said(), coursedir=course, config=self._course.config)
        converter = self._converters[assignment]
        try:
            return self._gradebook.whole(lambda: self._convert(converter, student, notebooks))
        except NbGraderException as error:
            raise WriteError(converter.said.reason() or str(error)) from None

    def _convert(
        self, converter: _Converter, student: str, notebooks: Mapping[str, Graded]
    ) -> dict[str, dict[str, Score]]:
        assignment = converter.coursedir.assignment_id
        self._gradebook.begin(assignment, student)
        converter.convert(student, notebooks)
        # By the grades' own ids, and not by the learner's: no index leads from a learner to the grades.
        graded = [self._gradebook.find_submission_notebook(name, assignment, student) for name in notebooks]
        grades = [grade.id for notebook in graded for grade in notebook.grades]
        return self._scores(_SOME_SCORES, assignment, grades=grades).get(student, {})


LONGEST = 1000  # characters of a path in a submission; the kernel takes four times as many of a whole one


class _Plain(BaseConverter):
    """Copies what a learner handed in beside the notebooks as nbgrader does, but only plain files, and not too much."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source, target = self._format_source(assignment_id, student_id), self._format_dest(assignment_id, student_id)
        os.makedirs(target, exist_ok=True)
        if is_linked(source, self.coursedir.root):
            return
        left = 1000 * self.coursedir.max_dir_size
        for name in plain_files(source):
            parts = tuple(name.split(os.sep))
            if len(name) > LONGEST or any(
                fnmatch.fnmatch(part, each) for part in parts for each in [*self.coursedir.ignore, "*.ipynb"]
            ):
                continue
            most = min(1000 * self.coursedir.max_file_size, left)
            try:
                content = read(source, parts, most + 1)
            except OSError:  # a file that nobody can read is none
                continue
            if len(content) <= most:
                left -= len(content)
                path = Path(target, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


class _Converter(Autograde, _Plain):
    """nbgrader's Autograde of an assignment, for one submission after the other whose notebooks are there already.

    nbgrader's own two passes are one here: no file is needed between them. All metadata are those of the master.
    """

    force = True

    def __init__(self, said: Said, **options: Any):
        super().__init__(log=said.log, **options)
        self.said = said
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = _Given(parent=self, config=self.config)
        self.exporter._preprocessors = []
        for part in (*self.sanitize_preprocessors, *self.autograde_preprocessors):
            if part is not CheckCellMetadata:
                self.exporter.register_preprocessor(Replay if part is Execute else part)

    def convert(self, student: str, notebooks: Mapping[str, Graded]) -> None:
        """Errors: NbGraderException, after which ``said`` knows more."""
        self.graded = notebooks
        self.said.records.clear()
        folder = self._format_source(self.coursedir.assignment_id, student)
        self.assignments = {folder: [os.path.join(folder, f"{name}.ipynb") for name in notebooks]}
        with contextlib.chdir(self.coursedir.root):
            self.convert_notebooks()

    def convert_single_notebook(self, notebook_filename: str) -> None:
        BaseConverter.convert_single_notebook(self, notebook_filename)


class _Given(Submission):
    """Gives nbgrader the notebooks and the results that the converter has.

    nbconvert copies a notebook before each step that may change it, and checks it each time that it is read or
    written. Here it is copied once, and checked once: as it is after the last preprocessor, and but for cells that have
    been checked in another notebook.
    """

    def from_notebook_node(  # type: ignore[override]  # text, as NotebookExporter gives it
        self, nb: NotebookNode, resources: Any = None, **_: Any
    ) -> tuple[str, Any]:
        nb, resources = copied(nb), self._init_resources(resources)
        for part in self._preprocessors:
            nb, resources = part(nb, resources)
        self._validate_preprocessor(NotebookNode({**nb, "cells": self._cells.new(nb)}), part)
        return f"{self._cells.text(nb)}\n", resources

    @cached_property
    def _cells(self) -> Cells:
        return Cells()

    def normalised(self, assignment: str, student: str, notebook: str) -> Normalised:
        converter = self.parent
        assert isinstance(converter, _Converter)
        self._current = converter.graded[notebook]
        return self._current.normalised

    def record(self, steps: Script) -> tuple[str, Record]:
        """The given result; another where the gradebook has put other cells into the notebook."""
        if self._ledger.key(steps) == self._current.key:
            return self._current.key, self._current.record
        return super().record(steps)
