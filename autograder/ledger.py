"""Keeps one result for everything that it depends on: so grading can be resumed, repeated and replayed.

A result is a file named by the sha256 of the submission's script, the code that decides, the versions that it ran on,
the limits, and the secret. It is written beside its place and moved there, so that it is whole or absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from autograder.record import Record
from autograder.sandbox import Limits
from autograder.script import Script

# Rooms of course_lib whose code can change a score, and the grader's own modules that can.
DECIDE = ("checking", "exercises", "functional", "nn", "analysis", "geometry.py", "samples.py")
GRADER = ("attempt", "cells", "examiner", "record", "script")
PACKAGES = ("torch", "numpy", "ipython", "matplotlib", "scikit-image", "scikit-learn")


@dataclass(frozen=True)
class Ledger:
    """The results in a folder, for one secret and one set of limits."""

    folder: Path
    secret: str
    limits: Limits

    def key(self, script: Script) -> str:
        """The name of a submission's result."""
        parts = {
            "script": script.digest(),
            "code": code_version(),
            "environment": environment(),
            "limits": asdict(self.limits),
            "secret": hashlib.sha256(self.secret.encode()).hexdigest(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> Record | None:
        """The result, if there is a whole one."""
        try:
            return Record.from_json(json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def put(self, key: str, record: Record) -> None:
        """Keeps a result; not one of our own failures, which are to be tried again."""
        if record.code == "XX":
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(record.as_json(), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, path)
        except BaseException:
            os.unlink(scratch)
            raise

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


@cache
def code_version() -> str:
    """sha256 of the code that decides what a submission is worth."""
    import course_lib

    library, ours = Path(course_lib.__file__).parent, Path(__file__).parent
    files = [path for room in DECIDE for path in _sources(library / room)] + [ours / f"{name}.py" for name in GRADER]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))


@cache
def environment() -> str:
    """The versions that a result was reached with."""
    return " ".join([platform.python_version(), platform.machine(), *(f"{name} {version(name)}" for name in PACKAGES)])
