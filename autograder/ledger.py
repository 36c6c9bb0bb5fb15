"""Keeps one result for everything that it depends on: so grading can be resumed, repeated and replayed.

A result is a file named by the sha256 of the submission's script, the code that decides, the versions that it ran on,
the limits, and the secret. It is written beside its place and moved there, so that it is whole or absent.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from autograder.receipts import write_json
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
        return hashlib.sha256(f"{script.digest()} {self.circumstances()}".encode()).hexdigest()

    def circumstances(self) -> str:
        """A hash of everything that a result depends on besides the submission."""
        parts = {
            "versions": versions(),
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
        write_json(self._path(key), record.as_json())

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def versions() -> dict[str, str]:
    """The code and the environment that a result comes from, by names that a person knows."""
    return {"course_lib and autograder": code_version()} | environment()


@cache
def code_version() -> str:
    """sha256 of the code that decides what a submission is worth."""
    import course_lib

    library = Path(course_lib.__file__).parent
    files = sorted(path for room in DECIDE for path in _sources(library / room))
    digest = hashlib.sha256(hash_of(GRADER).encode())
    for path in files:
        digest.update(path.relative_to(library).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def hash_of(modules: tuple[str, ...]) -> str:
    """sha256 of some of the grader's own modules."""
    texts = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in modules]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))


@cache
def environment() -> dict[str, str]:
    """The versions that a result was reached with."""
    packages = {name: version(name) for name in PACKAGES}
    return {"Python": platform.python_version(), "machine": platform.machine()} | packages
