"""Makes the learner's notebook from the worked one, with nbgrader's own generate_assignment."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.build import BuildError


def make(root: Path, stem: str, notebook: NotebookNode) -> Mapping[str, bytes]:
    """The released files of a lesson, by their paths inside its folder.

    nbgrader runs on a scratch copy of the lesson, with the settings of nbgrader_config.py and without a
    database, so that neither notebooks/ nor the gradebook is touched.
    Errors: BuildError with nbgrader's own words where it refuses the notebook.
    """
    # These import much of Jupyter; a check of the sources alone need not wait for them.
    from nbgrader.converters import GenerateAssignment, NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import find_all_files
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    course = CourseDirectory(config=config)
    with tempfile.TemporaryDirectory(prefix="down-and-up-") as scratch:
        source = Path(scratch, course.source_directory, stem)
        source.mkdir(parents=True)
        original = root / course.source_directory / stem
        for path in map(Path, find_all_files(str(original), [*course.ignore, "*.ipynb"])):
            copied = source / path.relative_to(original)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
        nbformat.write(notebook, source / f"{stem}.ipynb")

        config.CourseDirectory.root = scratch
        config.CourseDirectory.assignment_id = stem
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        said = Said()
        coursedir = CourseDirectory(config=config)
        try:
            GenerateAssignment(coursedir=coursedir, config=config, log=said.log).start()
        except NbGraderException:
            raise BuildError(f"{stem}: nbgrader cannot make the release.\n{said.text()}") from None
        released = Path(scratch, course.release_directory, stem)
        return {
            path.relative_to(released).as_posix(): path.read_bytes()
            for path in sorted(released.rglob("*"))
            if path.is_file()
        }


class Said(logging.Handler):
    """Keeps what nbgrader logs, so that it is shown only where something went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []
        self.log = logging.Logger("nbgrader", self.level)
        self.log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())

    def text(self) -> str:
        return "\n".join(self.records)

    def reason(self) -> str:
        """What the traceback that was logged says of its error, else all of the log."""
        traces = [record for record in self.records if record.startswith("Traceback")]
        if not traces:
            return self.text()
        # A database's error goes on with the statement and its values, in brackets.
        said = [line for line in traces[0].strip().splitlines() if line[:1] not in (" ", "[", "(")]
        return said[-1]
