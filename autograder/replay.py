"""Puts the sandbox into nbgrader's own autograde: nbgrader_config.py names the two classes here, so the command line,
formgrader and our writer all go this way.

``Submission`` stands in the place of the exporter that reads notebooks: what it gives nbgrader is the submission
rebuilt from the instructor's cells. ``Replay`` stands in the place of Execute: it runs nothing here, but puts
in what the ledger has, or what the sandbox gives.
"""

from __future__ import annotations

import filecmp
import html
import os
import sys
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, from_dict
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import determine_grade
from traitlets import Bool, Dict

from autograder import messages
from autograder.normalize import Anomaly, Master, Normalised, id_of

if sys.platform != "linux":
    raise ImportError(messages.NOT_LINUX)

from autograder.course import LEDGER, Course, plain_files, secret
from autograder.ledger import Ledger
from autograder.record import Record, error
from autograder.sandbox import Limits
from autograder.schedule import TRIES
from autograder.script import Script, script

METADATA = "down_and_up"
NOTE_ID = "grader-note"


class GraderFailed(Exception):
    """The grader itself failed, so this submission has no grade yet."""


class Submission(NotebookExporter):
    """Reads what a learner handed in as nbgrader reads a notebook; but it never fails, and follows no link."""

    limits = Dict(help="What one submission may use: fields of autograder.sandbox.Limits.").tag(config=True)
    trust_submissions = Bool(False, help="Run submissions even where this machine offers no sandbox.").tag(config=True)

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> Any:
        facts = resources["nbgrader"]
        handed_in = self.course.format_path(self.course.submitted_directory, facts["student"], facts["assignment"])
        if not filename.startswith(os.path.join(handed_in, "")):
            return super().from_filename(filename, resources, **kw)
        self._keep_plain_files(handed_in, facts)
        found = self.normalised(facts["assignment"], facts["student"], facts["notebook"])
        found.notebook.metadata[METADATA] = {"anomalies": [[each.kind, each.grade_id] for each in found.anomalies]}
        resources["metadata"] = {"name": facts["notebook"], "path": handed_in}
        return self.from_notebook_node(found.notebook, resources, **kw)

    @cached_property
    def course(self) -> Course:
        """The course of the converter that this exporter belongs to."""
        assert self.parent is not None
        theirs = self.parent.coursedir
        ours = Course(config=theirs.config)
        for name in theirs.trait_names(config=True):
            setattr(ours, name, getattr(theirs, name))
        return ours

    def normalised(self, assignment: str, student: str, notebook: str) -> Normalised:
        """The notebook to grade."""
        return self.course.normalised(assignment, student, notebook, self._masters(assignment)[notebook])

    def _masters(self, assignment: str) -> dict[str, Master]:
        if assignment not in self._known:
            self._known[assignment] = dict(self.course.masters(assignment))
        return self._known[assignment]

    @cached_property
    def _known(self) -> dict[str, dict[str, Master]]:
        return {}

    def _keep_plain_files(self, handed_in: str, facts: dict[str, str]) -> None:
        """Removes from the graded submission what nbgrader copied by following a link that the learner handed in."""
        copied = self.course.format_path(self.course.autograded_directory, facts["student"], facts["assignment"])
        plain = set() if is_linked(handed_in, self.course.root) else set(plain_files(handed_in))
        masters = self.course.format_path(self.course.source_directory, ".", facts["assignment"])
        for name in list(plain_files(copied)):
            if name not in plain and os.path.lexists(os.path.join(handed_in, name)):
                ours, found = os.path.join(masters, name), os.path.join(copied, name)
                # By now nbgrader has put the instructor's own files in the place of the learner's.
                if not (os.path.isfile(ours) and filecmp.cmp(ours, found, shallow=False)):
                    os.remove(found)

    # What a submission is worth ----------------------------------------------------------------------------------

    def record(self, steps: Script) -> tuple[str, Record]:
        """The result of a submission and its name in the ledger: what is kept there, else what the sandbox gives."""
        key = self._ledger.key(steps)
        record = self._ledger.get(key)
        if record is None:
            record = self._run(steps)
            self._ledger.put(key, record)
        return key, record

    def _run(self, steps: Script) -> Record:
        # Only here: a replay needs no torch.
        from autograder.examiner import grade

        for _ in range(TRIES):
            record = grade(steps, self._zygote, self._ledger.secret)
            if record.code != "XX":
                break
        return record

    @cached_property
    def _ledger(self) -> Ledger:
        root = Path(self.course.root)
        text, made = secret(root)
        if made:
            self.log.warning(messages.SECRET_MADE.format(path=root))
        return Ledger(root / LEDGER, text, Limits(**self.limits))

    @cached_property
    def _zygote(self) -> Any:
        from autograder.supervisor import Zygote

        zygote = Zygote(self._ledger.limits, self.trust_submissions)
        weakref.finalize(self, zygote.stop)
        zygote.start()
        return zygote


class Replay(NbGraderPreprocessor):
    """Puts the outputs of a submission's result under its cells. Errors: GraderFailed for our own fault."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        key, record = self.parent.record(script(nb))
        if record.code == "XX":
            raise GraderFailed(record.sentence)
        reset(resources["nbgrader"])
        for index, outputs in record.outputs.items():
            cell = nb.cells[index]
            cell.outputs = from_dict(outputs)
            results = [output for output in cell.outputs if output.output_type == "execute_result"]
            cell.execution_count = next((output.execution_count for output in results), None)
            _ensure_score(cell)
        told = nb.metadata.setdefault(METADATA, NotebookNode())
        told.update(key=key, code=record.code, detail=record.detail, seconds=record.seconds, weak=record.weak)
        anomalies = [Anomaly(kind, grade_id) for kind, grade_id in told.get("anomalies", [])]
        sentences = [*([record.sentence] if record.sentence else []), *(each.sentence for each in anomalies)]
        if sentences:
            nb.cells.insert(0, _note(sentences))
        return nb, resources


class Review(NbGraderPreprocessor):
    """Asks for a person's look where plain asserts gave points: they ran beside the learner's code."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        facts, weak = resources["nbgrader"], nb.metadata.get(METADATA, {}).get("weak", [])
        if weak:
            with Gradebook(facts["db_url"]) as gradebook:
                for grade_id in weak:
                    grade = gradebook.find_grade(grade_id, facts["notebook"], facts["assignment"], facts["student"])
                    grade.needs_manual_grade = bool(grade.needs_manual_grade or grade.auto_score)
                gradebook.db.commit()
        return nb, resources


def reset(facts: dict[str, str]) -> None:
    """Takes back the automatic scores of the last attempt: what this one doesn't reach gets no points."""
    with Gradebook(facts["db_url"]) as gradebook:
        try:
            notebook = gradebook.find_submission_notebook(facts["notebook"], facts["assignment"], facts["student"])
        except MissingEntry:
            return
        for grade in notebook.grades:
            grade.auto_score = 0.0
        gradebook.db.commit()


def _ensure_score(cell: NotebookNode) -> None:
    """Replaces outputs from which nbgrader can read no score, and which would end its work, with an error."""
    if not id_of(cell) or not cell.metadata.nbgrader.get("grade"):
        return
    try:
        determine_grade(cell)
    except (ValueError, KeyError, TypeError):
        cell.outputs = from_dict([error("NoScore", messages.NO_SCORE)])


def _note(sentences: list[str]) -> NotebookNode:
    """A cell that tells learner and instructor what happened, in words that can do nothing but be read."""
    lines = "".join(f"<li>{html.escape(' '.join(sentence.split()))}</li>\n" for sentence in sentences)
    source = f"**{messages.NOTE}**\n\n<ul>\n{lines}</ul>"
    return from_dict({"cell_type": "markdown", "id": NOTE_ID, "metadata": {}, "source": source})


def is_linked(folder: str, root: str) -> bool:
    """Whether the way from the course to a folder leads over a link below the step's own folder."""
    parts = os.path.relpath(folder, root).split(os.sep)
    return any(os.path.islink(os.path.join(root, *parts[:end])) for end in range(2, len(parts) + 1))
