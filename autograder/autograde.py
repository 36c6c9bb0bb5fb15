"""nbgrader's own Autograde, for submissions that have been run already.

It imports all of nbconvert, for which a class that is written already need not wait.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from nbconvert.writers import FilesWriter
from nbformat import NotebookNode
from nbgrader.converters import Autograde, BaseConverter, NbGraderException
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, DeduplicateIds, Execute
from traitlets.utils.importstring import import_item

from autograder.build.release import Said
from autograder.course import plain_files, read
from autograder.normalize import Normalised, copied
from autograder.notebook_text import Cells
from autograder.record import Record
from autograder.replay import Replay, Submission, is_linked
from autograder.script import Script
from autograder.writer import Graded, WriteError

# What no normalised notebook gives anything to do: it has no outputs, each grade_id once, and the master's metadata.
DONE = (ClearOutput, DeduplicateIds, CheckCellMetadata)
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


class Converter(Autograde, _Plain):
    """nbgrader's Autograde of an assignment, for one submission after the other whose notebooks are there already.

    nbgrader's own two passes are one here: no file is needed between them. All metadata are those of the master.
    """

    force = True

    def __init__(self, **options: Any):
        self.said = Said()
        super().__init__(log=self.said.log, **options)
        self.writer = FilesWriter(parent=self, config=self.config)
        self.exporter = _Given(parent=self, config=self.config)
        self.exporter._preprocessors = []
        for part in (*self.sanitize_preprocessors, *self.autograde_preprocessors):
            part = import_item(part) if isinstance(part, str) else part
            if part not in DONE:
                self.exporter.register_preprocessor(Replay if part is Execute else part)

    def convert(self, student: str, notebooks: Mapping[str, Graded]) -> None:
        """Writes the notebooks of one submission. Errors: WriteError, OSError."""
        self.graded = notebooks
        self.said.records.clear()
        folder = self._format_source(self.coursedir.assignment_id, student)
        self.assignments = {folder: [os.path.join(folder, f"{name}.ipynb") for name in notebooks]}
        try:
            with contextlib.chdir(self.coursedir.root):
                self.convert_notebooks()
        except NbGraderException as error:
            raise WriteError(self.said.reason() or str(error)) from None

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
        assert isinstance(converter, Converter)
        self._current = converter.graded[notebook]
        return self._current.normalised

    def record(self, steps: Script) -> tuple[str, Record]:
        """The given result; another where the gradebook has put other cells into the notebook."""
        if steps == self._current.script:
            return self._current.key, self._current.record
        return super().record(steps)
