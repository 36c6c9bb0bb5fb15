"""Grades everything that lies in submitted/: look up, run what is new, write, tell.

Each submission goes one of three ways. Its receipt fits: nothing is done. Its results are in the ledger: they are
written. Else it is run, with every other of the same text, and then written.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder import cluster, messages, schedule, summary
from autograder.course import LEDGER, Course, CourseError, as_normalised, fingerprint, secret, settings
from autograder.gradebook import identity
from autograder.ledger import Ledger, hash_of
from autograder.normalize import Anomaly, Master, Normalised
from autograder.receipts import Receipt, Receipts, stamps
from autograder.record import Record
from autograder.sandbox import Limits
from autograder.script import Script, script
from autograder.table import WIDTH
from autograder.writer import Graded, Score, WriteError, Writer

SHOWS = (
    "autograde",
    "course",
    "normalize",
    "replay",
    "script",
    "writer",
)  # our modules that decide what a graded notebook looks like


@dataclass
class Row:
    """What became of one submission. problem: why it has no grade, which is not the learner's fault."""

    assignment: str
    student: str
    code: str = "OK"
    sentence: str = ""
    anomalies: list[Anomaly] = field(default_factory=list)
    problem: str = ""
    written: bool = False
    scores: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)


@dataclass
class _Handed:
    """A submission on its way. notebooks: normalised; scripts: theirs; keys: of the results, which records collects."""

    row: Row
    state: str
    notebooks: dict[str, Normalised]
    scripts: dict[str, Script]
    keys: dict[str, str]
    records: dict[str, Record] = field(default_factory=dict)


class Grading:
    """One run over a course. ``total`` says how many submissions there are; ``rows`` grades them."""

    def __init__(
        self,
        root: Path,
        assignments: Sequence[str] = (),
        students: Sequence[str] = (),
        *,
        jobs: int | None = None,
        db_url: str | None = None,
        limits: Mapping[str, float] | None = None,
        trust_submissions: bool = False,
        nursery: schedule.Nursery | None = None,
        scheduler: str | None = None,
        certificates: Path | None = None,
    ):
        self.course = Course(config=settings(root, db_url))
        options = self.course.config.Submission
        self.limits = Limits(**{**options.get("limits", {}), **(limits or {})})
        options.limits = vars(self.limits)
        self.trust_submissions = options.trust_submissions = trust_submissions or options.get(
            "trust_submissions", False
        )
        self.jobs, self.nursery = jobs, nursery
        self.scheduler, self.certificates = scheduler, certificates
        self.secret, self.new_secret = secret(root)
        self.ledger = Ledger(root / LEDGER, self.secret, self.limits)
        self.receipts = receipts_of(self.course)
        self.chosen = _choose(self.course, assignments, students)
        self.total = sum(map(len, self.chosen.values()))
        self._masters: dict[str, Mapping[str, Master]] = {}
        self._waiting: dict[str, list[tuple[_Handed, str]]] = {}
        self._done: list[Row] = []

    def rows(self) -> Iterator[Row]:
        """Grades; yields each submission when it is finished. Errors: CourseError, SandboxError, OSError."""
        with alone(self.course.ledger_folder), Writer(self.course) as self._writer:
            for key, record in self._results(self._unknown()):
                yield from self._take()
                self.ledger.put(str(key), record)
                for handed, name in self._waiting.pop(str(key)):
                    self._arrived(handed, name, record)
                yield from self._take()
            yield from self._take()

    def _results(self, scripts: Iterator[tuple[str, Script]]) -> Iterator[tuple[Hashable, Record]]:
        """Runs scripts: on a cluster, if there is one, else here."""
        options: dict[str, Any] = {
            "secret": self.secret,
            "limits": self.limits,
            "trust_submissions": self.trust_submissions,
        }
        if self.scheduler:
            options |= {"address": self.scheduler, "folder": self.certificates, "tell": told}
            return cluster.grade_all(scripts, **options)
        return schedule.grade_all(scripts, jobs=self.jobs, nursery=self.nursery, **options)

    def _take(self) -> Iterator[Row]:
        while self._done:
            yield self._done.pop(0)

    def _unknown(self) -> Iterator[tuple[str, Script]]:
        """What has to be run, each text once; all the rest is dealt with on the way."""
        for assignment, students in self.chosen.items():
            base = self._prepare(assignment)
            standing = self._writer.scores(assignment)
            for student in students:
                row = Row(assignment, student)
                if not student.isprintable() or len(student) > self._writer.longest_name:
                    row.problem = messages.LONG_NAME if student.isprintable() else messages.BAD_NAME
                    self._done.append(row)
                    continue
                try:
                    handed = self._look(row, base, standing.get(student, {}))
                except OSError as error:
                    row.problem = messages.UNREADABLE.format(error=error)
                    self._done.append(row)
                    continue
                if handed is None:
                    continue
                for name, key in handed.keys.items():
                    record = self.ledger.get(key) if key not in self._waiting else None
                    if record:
                        self._arrived(handed, name, record)
                        continue
                    self._waiting.setdefault(key, []).append((handed, name))
                    if len(self._waiting[key]) == 1:
                        yield key, handed.scripts[name]

    def _prepare(self, assignment: str) -> str:
        """Sees to it that the gradebook has the assignment as it is; gives a hash of all but the submissions."""
        contents = [path.read_bytes() for path in self.course.master_files(assignment)]
        known = self.receipts.get(assignment, "")
        if known is None or known.state != fingerprint(self._writer.cells(assignment), *contents):
            self._writer.prepare(assignment)
            self.receipts.put(assignment, "", Receipt(fingerprint(self._writer.cells(assignment), *contents), {}, {}))
        return fingerprint(self.ledger.circumstances().encode(), hash_of(SHOWS).encode(), *contents)

    def _look(self, row: Row, base: str, standing: Mapping[str, Mapping[str, Score]]) -> _Handed | None:
        """Reads a submission; None where all of it is written already."""
        names = self.course.notebooks(row.assignment)
        raw = {name: self.course.submitted(row.assignment, row.student, name) for name in names}
        timestamp = self.course.submitted_timestamp(row.assignment, row.student)
        contents = [part for bytes_, anomaly in raw.values() for part in (bytes_ or b"", anomaly.encode())]
        state = fingerprint(base.encode(), timestamp, *contents)
        receipt = self.receipts.get(row.assignment, row.student)
        if receipt and receipt.state == state and self._is_written(row, receipt, standing):
            row.code, row.sentence, row.scores = receipt.code, receipt.sentence, standing
            row.anomalies = [Anomaly(*each) for each in receipt.anomalies]
            self._done.append(row)
            return None
        masters = self._masters_of(row.assignment)
        notebooks = {name: as_normalised(*raw[name], masters[name]) for name in names}
        scripts = {name: script(found.notebook) for name, found in notebooks.items()}
        keys = {name: self.ledger.key(steps) for name, steps in scripts.items()}
        row.anomalies = [anomaly for found in notebooks.values() for anomaly in found.anomalies]
        return _Handed(row, state, notebooks, scripts, keys)

    def _masters_of(self, assignment: str) -> Mapping[str, Master]:
        if assignment not in self._masters:
            self._masters[assignment] = self.course.masters(assignment)
        return self._masters[assignment]

    def _is_written(self, row: Row, receipt: Receipt, standing: Mapping[str, Mapping[str, Score]]) -> bool:
        scores = {name: {cell: score.auto for cell, score in cells.items()} for name, cells in standing.items()}
        return scores == receipt.scores and receipt.files == self._stamps(row)

    def _stamps(self, row: Row) -> dict[str, list[int]] | None:
        folder = self.course.format_path(self.course.autograded_directory, row.student, row.assignment)
        return stamps(folder, self.course.notebooks(row.assignment))

    def _arrived(self, handed: _Handed, name: str, record: Record) -> None:
        """Keeps a notebook's result; with the last one of a submission, writes it."""
        handed.records[name] = record
        if len(handed.records) < len(handed.keys):
            return
        row = handed.row
        self._done.append(row)
        worst = next((record for record in handed.records.values() if record.code != "OK"), record)
        row.code, row.sentence = worst.code, worst.sentence
        if row.code == "XX":
            row.problem = row.sentence
            return
        graded = {
            name: Graded(handed.notebooks[name], handed.scripts[name], key, handed.records[name])
            for name, key in handed.keys.items()
        }
        try:
            row.scores = self._writer.write(row.assignment, row.student, graded)
        except WriteError as error:
            row.problem = messages.NOT_WRITTEN.format(said=error)
            return
        row.written = True
        scores = {name: {cell: score.auto for cell, score in cells.items()} for name, cells in row.scores.items()}
        anomalies = [[anomaly.kind, anomaly.grade_id] for anomaly in row.anomalies]
        receipt = Receipt(handed.state, self._stamps(row) or {}, scores, row.code, row.sentence, anomalies, handed.keys)
        self.receipts.put(row.assignment, row.student, receipt)


def _choose(course: Course, assignments: Sequence[str], students: Sequence[str]) -> dict[str, list[str]]:
    """Who is to be graded in which assignment. Errors: CourseError for a name that there is not."""
    known = course.assignments()
    for name in assignments:
        if name not in known:
            raise CourseError(messages.NO_ASSIGNMENT.format(name=name, known=", ".join(known) or "none"))
    handed = {name: course.students(name) for name in assignments or known}
    everyone = {student for found in handed.values() for student in found}
    for student in students:
        if student not in everyone:
            raise CourseError(messages.NO_STUDENT.format(name=student, folder=course.submitted_directory))
    chosen = {name: [each for each in found if not students or each in students] for name, found in handed.items()}
    return {name: found for name, found in chosen.items() if found}


def receipts_of(course: Course) -> Receipts:
    """The receipts of a course for its gradebook: those of another one say nothing of it."""
    return Receipts(course.ledger_folder / "written" / fingerprint(identity(course).encode())[:16])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one process at a time writes into a course. Errors: CourseError where another one does."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with open(folder / "lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(messages.BUSY) from None
        yield


# The command -------------------------------------------------------------------------------------------------------


def run(grading: Grading, say: Callable[[str], None] = print) -> int:
    """Grades with a progress bar, says what came of it, and returns the exit status: 1 where something has no grade."""
    import time

    if grading.new_secret:
        say(messages.SECRET_MADE.format(path=grading.course.root))
    began = time.monotonic()
    rows = list(with_bar(grading))
    for line in summary.lines(rows, time.monotonic() - began):
        say(line)
    return 1 if any(row.problem for row in rows) else 0


def with_bar(grading: Grading) -> Iterator[Row]:
    """Grades, with a progress bar where there is a terminal."""
    from tqdm import tqdm

    failures = 0
    with tqdm(total=grading.total, desc="Grading", unit="submission", ncols=WIDTH, disable=None) as bar:
        for row in grading.rows():
            yield row
            failures += bool(row.problem)
            bar.set_postfix_str(f"failures: {failures}", refresh=False)
            bar.update()


def told(sentence: str) -> None:
    """Says something while the bar is there."""
    from tqdm import tqdm

    tqdm.write(sentence, file=sys.stderr)


def environment() -> None:
    """nbgrader calls alembic by its name, so this Python's own folder has to be on the PATH."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
