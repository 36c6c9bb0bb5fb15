"""Writes results into the autograded folder and the gradebook: nbgrader's own Autograde, one submission at a time.

nbgrader opens a database engine for every step of every submission, and that takes longer than all its work. While the
writer is open, its parts are given one gradebook, which commits once for each submission: so a submission is in the
gradebook as a whole or not at all. Only one process may write into a course.
"""

from __future__ import annotations

import fnmatch
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from nbgrader import api
from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    Notebook,
    SourceCell,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.converters import Autograde, BaseConverter, NbGraderException
from nbgrader.preprocessors import CheckCellMetadata, Execute
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from autograder.build.release import Said
from autograder.course import Course, generate, plain_files, read
from autograder.normalize import Normalised
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


class WriteError(Exception):
    """nbgrader could not write a submission; the message is its own."""


class Writer:
    """Writes submissions of one course. Use it as a context manager."""

    def __init__(self, course: Course):
        self._course = course

    def __enter__(self) -> Writer:
        self._stack = _one_gradebook(self._course)
        self._gradebook = self._stack.__enter__()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stack.__exit__(*problem)

    def prepare(self, assignment: str) -> None:
        """Puts the assignment as its source is now into the gradebook. Errors: CourseError."""
        try:
            generate(self._course, assignment, database=True)
            self._gradebook.finish()
        finally:
            self._gradebook.forget()

    def scores(self, assignment: str, student: str | None = None) -> dict[str, dict[str, dict[str, Score]]]:
        """What the gradebook holds, by learner, notebook and grade_id: of one learner or of all."""
        columns = (SubmittedAssignment.student_id, Notebook.name, BaseCell.name)
        rows = (
            self._gradebook.db.query(*columns, Grade.auto_score, Grade.score, Grade.max_score)
            .select_from(Grade)
            .join(BaseCell, BaseCell.id == Grade.cell_id)
            .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
            .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == assignment)
        )
        if student is not None:
            rows = rows.filter(SubmittedAssignment.student_id == student)
        found: dict[str, dict[str, dict[str, Score]]] = {}
        for learner, notebook, cell, *score in rows:
            found.setdefault(learner, {}).setdefault(notebook, {})[cell] = Score(*score)
        return found

    def cells(self, assignment: str) -> bytes:
        """The cells of an assignment as the gradebook has them; nothing where it does not know the assignment."""
        columns = (Notebook.name, SourceCell.name, SourceCell.cell_type, SourceCell.source, SourceCell.checksum)
        rows = (
            self._gradebook.db.query(*columns)
            .join(Notebook, Notebook.id == SourceCell.notebook_id)
            .join(Assignment, Assignment.id == Notebook.assignment_id)
            .filter(Assignment.name == assignment)
            .order_by(Notebook.name, SourceCell.name)
        )
        return json.dumps([list(row) for row in rows]).encode()

    def write(self, assignment: str, student: str, notebooks: Mapping[str, Graded]) -> None:
        """Writes one submission, all its notebooks by their names. Errors: WriteError, OSError."""
        said = Said()
        course = Course(config=self._course.config, root=self._course.root, db_url=self._course.db_url)
        course.assignment_id = assignment
        converter = _Converter(student, notebooks, coursedir=course, config=self._course.config, log=said.log)
        try:
            with warnings.catch_warnings():
                # nbgrader's own add_submission makes SQLAlchemy warn.
                warnings.simplefilter("ignore", SAWarning)
                converter.start()
                self._gradebook.finish()
        except NbGraderException as error:
            raise WriteError(said.reason() or str(error)) from None
        finally:
            self._gradebook.forget()


class _Plain(BaseConverter):
    """Copies what a learner handed in beside the notebooks as nbgrader does, but only plain files, no large ones."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        source, target = self._format_source(assignment_id, student_id), self._format_dest(assignment_id, student_id)
        os.makedirs(target, exist_ok=True)
        if is_linked(source, self.coursedir.root):
            return
        for name in plain_files(source):
            parts = tuple(name.split(os.sep))
            if any(fnmatch.fnmatch(part, each) for part in parts for each in [*self.coursedir.ignore, "*.ipynb"]):
                continue
            most = 1000 * self.coursedir.max_file_size
            content = read(source, parts, most + 1)
            if len(content) <= most:
                path = Path(target, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


class _Converter(Autograde, _Plain):
    """nbgrader's Autograde for one submission whose notebooks are there already."""

    force = True

    def __init__(self, student: str, notebooks: Mapping[str, Graded], **options: Any):
        super().__init__(**options)
        self.student, self.graded = student, notebooks
        self.exporter_class = _Given

    def init_notebooks(self) -> None:
        folder = self._format_source(self.coursedir.assignment_id, self.student)
        self.assignments = {folder: [os.path.join(folder, f"{name}.ipynb") for name in self.graded]}

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """nbgrader's two passes as one: no file is needed between them. All metadata are those of the master."""
        self.exporter._preprocessors = []
        for part in (*self.sanitize_preprocessors, *self.autograde_preprocessors):
            if part is not CheckCellMetadata:
                self.exporter.register_preprocessor(Replay if part is Execute else part)
        BaseConverter.convert_single_notebook(self, notebook_filename)


class _Given(Submission):
    """Gives nbgrader the notebooks and the results that the converter has."""

    optimistic_validation = True  # once, after the last preprocessor, and not after each

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


# One gradebook -----------------------------------------------------------------------------------------------------


class _Held(Session):
    """A session that keeps every commit back until ``Session.commit`` itself is called."""

    def commit(self) -> None:
        self.flush()


class _Shared(Gradebook):
    """A gradebook that stays open when nbgrader closes it."""

    def __init__(self, db_url: str, course_id: str):
        super().__init__(db_url, course_id)
        self.db.remove()  # type: ignore[has-type]
        self.db = scoped_session(sessionmaker(bind=self.engine, class_=_Held, future=True))

    def close(self) -> None:
        self.db.expire_all()

    def finish(self) -> None:
        Session.commit(self.db())

    def forget(self) -> None:
        self.db.remove()


def _given(shared: _Shared, *_: Any, **__: Any) -> _Shared:
    return shared


@contextmanager
def _one_gradebook(course: Course) -> Iterator[_Shared]:
    """While this is open, every gradebook that a part of nbgrader opens in this process is the same one."""
    shared = _Shared(course.db_url, course.course_id)
    places = [
        name
        for name, module in sys.modules.items()
        if getattr(module, "Gradebook", None) is Gradebook and name != Gradebook.__module__
    ]
    patches: list[Any] = [mock.patch(f"{name}.Gradebook", partial(_given, shared)) for name in places]
    # nbgrader logs a database's refusal with all its tracebacks, and raises it as well: once is enough.
    patches.append(mock.patch.object(api.app_log, "disabled", True))
    for patch in patches:
        patch.start()
    try:
        yield shared
    finally:
        for patch in patches:
            patch.stop()
        shared.db.remove()
        shared.engine.dispose()
