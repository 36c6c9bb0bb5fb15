"""A course's folders as nbgrader_config.py names them: masters, submissions, and the secret."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from autograder import messages
from autograder.normalize import SIZE_LIMIT, Anomaly, Master, Normalised, id_of, normalise

SECRET = ".course_secret"
LEDGER = ".ledger"
_STUDENT, _ASSIGNMENT = "\x1fstudent", "\x1fassignment"  # stand in a path for a name to be found


class CourseError(Exception):
    """Something about the course that its instructor has to mend; the message says what."""


def settings(root: Path, db_url: str | None = None) -> Config:
    """The settings of the course at ``root``; with another gradebook, if one is named."""
    config = Config()
    if (root / "nbgrader_config.py").is_file():
        config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    if db_url:
        config.CourseDirectory.db_url = db_url
    return config


def secret(root: Path) -> tuple[str, bool]:
    """The secret behind the hidden cases' seeds, and whether it was made just now.

    It is what .course_secret holds, else the variable DOWN_AND_UP_SECRET, else something random, which is kept.
    """
    path = root / SECRET
    for _ in range(2):
        if path.exists():
            text = path.read_text(encoding="utf-8").strip()
            if not text:
                raise CourseError(messages.EMPTY_SECRET.format(path=path))
            return text, False
        if text := os.environ.get("DOWN_AND_UP_SECRET", "").strip():
            return text, False
        if _make_secret(path):
            return path.read_text(encoding="utf-8").strip(), True
    raise CourseError(messages.EMPTY_SECRET.format(path=path))


def _make_secret(path: Path) -> bool:
    """Writes a secret that only its owner can read; False where somebody else was faster."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=SECRET)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        os.link(scratch, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(scratch)
    return True


class Course(CourseDirectory):
    """nbgrader's course directory, for which nothing that a learner hands in is a reason to stop."""

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        """When a submission was handed in, as its timestamp.txt says; None where that is no plain file or no date."""
        try:
            read(dest_path, ("timestamp.txt",), 1000)
            found = super().get_existing_timestamp(dest_path)
            return found if found and 1900 < found.year < 9000 else None  # others no time zone can be added to
        except Exception:
            return None

    def assignments(self) -> list[str]:
        """The assignments that the source folder holds."""
        return sorted(name for name in self._names(self.source_directory, ".", _ASSIGNMENT) if self.notebooks(name))

    def notebooks(self, assignment: str) -> list[str]:
        """The names of an assignment's notebooks, without ``.ipynb``."""
        return sorted(path.stem for path in self._folder(self.source_directory, assignment).glob("[!.]*.ipynb"))

    def students(self, assignment: str) -> list[str]:
        """Who has handed in something for the assignment."""
        return sorted(self._names(self.submitted_directory, _STUDENT, assignment))

    def _folder(self, step: str, assignment: str) -> Path:
        return Path(os.path.normpath(self.format_path(step, ".", assignment)))

    def _names(self, step: str, student: str, assignment: str) -> Iterator[str]:
        """What can stand in the place of the marked part of a path, which must be a folder of its own."""
        above, below = self._around(step, student, assignment)
        for name in os.listdir(above) if os.path.isdir(above) else ():
            if not name.startswith(".") and os.path.isdir(os.path.join(above, name, *below)):
                yield name

    def _around(self, step: str, student: str, assignment: str) -> tuple[str, list[str]]:
        parts = os.path.normpath(self.format_path(step, student, assignment)).split(os.sep)
        mark = _STUDENT if student == _STUDENT else _ASSIGNMENT
        if mark not in parts:
            raise CourseError(messages.STRUCTURE.format(structure=self.directory_structure))
        at = parts.index(mark)
        return os.sep.join(parts[:at]) or os.sep, parts[at + 1 :]

    # The instructor's notebooks ----------------------------------------------------------------------------------

    def master_files(self, assignment: str) -> Iterator[Path]:
        """The files from which the assignment's masters come."""
        for name in self.notebooks(assignment):
            for step in (self.source_directory, self.release_directory):
                path = self._folder(step, assignment) / f"{name}.ipynb"
                if path.is_file():
                    yield path

    def order(self, assignment: str) -> dict[tuple[str, str], int]:
        """Which cell of its notebook, from the top, each notebook's name and grade_id is, in the source."""
        folder = self._folder(self.source_directory, assignment)
        # Not by nbformat, whose check of a notebook takes longer to be made ready than an unchanged class to be seen.
        return {
            (name, id_of(cell)): position
            for name in self.notebooks(assignment)
            for position, cell in enumerate(json.loads((folder / f"{name}.ipynb").read_bytes()).get("cells", ()))
        }

    def masters(self, assignment: str) -> Mapping[str, Master]:
        """The instructor's notebooks of an assignment, each with what was released of it."""
        names = self.notebooks(assignment)
        if not names:
            raise CourseError(
                messages.NO_SOURCE.format(assignment=assignment, folder=self._folder(self.source_directory, assignment))
            )
        sources = {name: _notebook(self._folder(self.source_directory, assignment), name) for name in names}
        folder = self._folder(self.release_directory, assignment)
        if all((folder / f"{name}.ipynb").is_file() for name in names):
            released = {name: _notebook(folder, name) for name in names}
        else:
            released = generate(self, assignment, database=False)
        return {name: Master(sources[name], released[name]) for name in names}

    # What was handed in ------------------------------------------------------------------------------------------

    def submitted(self, assignment: str, student: str, notebook: str) -> tuple[bytes | None, str]:
        """The bytes of a submitted notebook; or None, and which anomaly that is."""
        above, below = self._around(self.submitted_directory, _STUDENT, assignment)
        try:
            return read(above, (student, *below, f"{notebook}.ipynb"), SIZE_LIMIT + 1), ""
        except FileNotFoundError:
            return None, "missing file"
        except NotPlain:
            return None, "not a plain file"

    def normalised(self, assignment: str, student: str, notebook: str, master: Master) -> Normalised:
        """The notebook to grade, whatever was handed in."""
        return as_normalised(*self.submitted(assignment, student, notebook), master)

    def submitted_timestamp(self, assignment: str, student: str) -> bytes:
        """What the submission's timestamp.txt says; nothing where it is no plain file."""
        above, below = self._around(self.submitted_directory, _STUDENT, assignment)
        try:
            return read(above, (student, *below, "timestamp.txt"), 1000)
        except OSError:
            return b""

    @cached_property
    def ledger_folder(self) -> Path:
        return Path(self.root, LEDGER)


def as_normalised(raw: bytes | None, anomaly: str, master: Master) -> Normalised:
    """The notebook to grade. anomaly: why there are no bytes."""
    found = normalise(raw, master)
    return Normalised(found.notebook, (Anomaly(anomaly),)) if anomaly else found


def _notebook(folder: Path, name: str) -> NotebookNode:
    """One of the instructor's notebooks, as nbgrader's ClearOutput leaves it."""
    notebook = nbformat.read(folder / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            for shown in ("collapsed", "scrolled"):
                cell.metadata.pop(shown, None)
    return notebook


def generate(course: CourseDirectory, assignment: str, database: bool) -> dict[str, NotebookNode]:
    """The released notebooks as nbgrader makes them from the source, in a scratch folder.

    database: also put the assignment into the gradebook, as ``nbgrader generate_assignment`` does.
    Errors: CourseError with nbgrader's own words.
    """
    # Only here: most runs need none of it.
    from nbgrader.converters import GenerateAssignment, NbGraderException

    from autograder.build.release import Said

    with tempfile.TemporaryDirectory(prefix="down-and-up-") as scratch:
        config = copy.deepcopy(course.config)
        config.CourseDirectory.root = course.root
        config.CourseDirectory.db_url = course.db_url
        config.CourseDirectory.assignment_id = assignment
        config.CourseDirectory.release_directory = scratch
        if not database:
            config.GenerateAssignment.no_database = True
            config.SaveCells.enabled = False
        made, said = Course(config=config), Said()
        try:
            GenerateAssignment(coursedir=made, config=config, log=said.log).start()
        except NbGraderException:
            raise CourseError(messages.NO_RELEASE.format(assignment=assignment, said=said.text())) from None
        return {name: _notebook(made._folder(scratch, assignment), name) for name in made.notebooks(assignment)}


# Reading without following links ---------------------------------------------------------------------------------


class NotPlain(OSError):
    """A part of the path is a link, or its end is no plain file."""


def read(base: str, parts: tuple[str, ...], limit: int) -> bytes:
    """At most ``limit`` bytes of the file base/part/part, where no part is a link. Errors: NotPlain, OSError."""
    handle = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            handle = _step(handle, part, os.O_DIRECTORY)
        handle = _step(handle, parts[-1], os.O_NONBLOCK)
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise NotPlain(errno.EINVAL, "no plain file", parts[-1])
        with open(handle, "rb", closefd=False) as file:
            return file.read(min(limit, facts.st_size))  # memory for as much is taken at once
    finally:
        os.close(handle)


def _step(handle: int, part: str, flags: int) -> int:
    """Opens what lies in an open folder, and closes the folder."""
    try:
        below = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            raise NotPlain(error.errno, "not followed", part) from None
        raise
    os.close(handle)
    return below


def plain_files(folder: str) -> Iterator[str]:
    """The plain files under a folder, by their paths in it; no link is followed, and no path that is too long."""
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            try:
                plain = stat.S_ISREG(os.lstat(path).st_mode)
            except OSError:
                continue
            if plain:
                yield os.path.relpath(path, folder)


def fingerprint(*contents: bytes) -> str:
    """sha256 of some contents, each by itself."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
