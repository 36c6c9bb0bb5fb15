"""The lessons as they lie in solutions/ and notebooks/, one parameter each."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from autograder.build.sync import stems

ROOT = Path(__file__).parents[2]
STEMS = stems(ROOT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `lesson` is run on each of them; one worker has all the tests of a lesson."""
    if "lesson" in metafunc.fixturenames:
        groups = [pytest.param(stem, marks=pytest.mark.xdist_group(f"lesson_{stem}")) for stem in STEMS]
        metafunc.parametrize("lesson", groups, indirect=True, ids=STEMS)


@pytest.fixture(scope="session")
def lesson(request: pytest.FixtureRequest) -> SimpleNamespace:
    """A lesson: stem, text (a path), and its two notebooks, worked and released."""
    stem = request.param
    worked, released = (ROOT / part / stem / f"{stem}.ipynb" for part in ("solutions", "notebooks"))
    return SimpleNamespace(
        stem=stem,
        text=ROOT / "solutions" / stem / f"{stem}.py",
        worked_path=worked,
        released_path=released,
        worked=nbformat.read(worked, as_version=4),
        released=nbformat.read(released, as_version=4),
    )
