"""Remembers what has been written for each submission, so that what is unchanged is not even read as a notebook."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Receipt:
    """What stands in the gradebook and the autograded folder for one submission.

    state: a hash of everything that it came from. files: size and time of each graded notebook. scores: the automatic
    ones, by notebook and grade_id. code, sentence, anomalies, keys: the outcome, for tables; keys name results in the
    ledger, by notebook.
    """

    state: str
    files: dict[str, list[int]]
    scores: dict[str, dict[str, float | None]]
    code: str = "OK"
    sentence: str = ""
    anomalies: list[list[str]] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipts:
    """The receipts in a folder. A receipt that is not whole counts as none."""

    folder: Path

    def get(self, assignment: str, student: str) -> Receipt | None:
        try:
            return Receipt(**json.loads(self._path(assignment, student).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def put(self, assignment: str, student: str, receipt: Receipt) -> None:
        write_json(self._path(assignment, student), vars(receipt))

    def _path(self, assignment: str, student: str) -> Path:
        # Hashed, because a name may be one that no file can have.
        name = hashlib.sha256(json.dumps([assignment, student]).encode()).hexdigest()
        return self.folder / f"{name}.json"


def stamps(folder: str, notebooks: list[str]) -> dict[str, list[int]] | None:
    """Size and time of each notebook in a folder; None where one is missing."""
    found = {}
    for name in notebooks:
        try:
            facts = os.lstat(os.path.join(folder, f"{name}.ipynb"))
        except OSError:
            return None
        found[name] = [facts.st_size, facts.st_mtime_ns]
    return found


def write_json(path: Path, data: Any) -> None:
    """Writes plain data as JSON, as write_text does."""
    write_text(path, json.dumps(data))


def write_text(path: Path, text: str) -> None:
    """Writes a file beside its place and moves it there, so that it is whole or absent.

    The disk is not waited for: what a machine that loses its power had not written yet is made again.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise
