"""The best result of each check is remembered, and only where a person learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib import record


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of its own, in a folder that does not exist yet."""
    named = tmp_path / "new" / "progress.json"
    monkeypatch.setenv("DOWN_AND_UP_PROGRESS", str(named))
    return named


def test_the_best_result_is_kept(file: Path) -> None:
    for points in (1.0, 3.0, 2.0):
        record.note("max_pool", points)
    record.note("avg_pool", 0.5)
    assert record.best() == {"max_pool": 3.0, "avg_pool": 0.5}
    assert json.loads(file.read_text()) == {"avg_pool": 0.5, "max_pool": 3.0}
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


@pytest.mark.parametrize("text", ["", "no json", "[1, 2]", '{"max_pool": "many"}', '{"max_pool": null}', "\x00\xff"])
def test_a_record_that_can_not_be_read_is_begun_anew(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_bytes(text.encode("latin-1"))
    assert record.best() == {}
    record.note("max_pool", 1.0)
    assert record.best() == {"max_pool": 1.0}


def test_a_place_that_can_not_be_written_stops_nobody(file: Path) -> None:
    file.parent.write_text("a file where a folder should be")
    record.note("max_pool", 1.0)
    assert record.best() == {}


def test_grading_and_validating_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOWN_AND_UP_PROGRESS", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    record.note("max_pool", 1.0)
    assert record.path() is None
    assert record.best() == {}


def test_in_a_learners_notebook_it_lies_in_jupyters_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOWN_AND_UP_PROGRESS", raising=False)
    monkeypatch.setenv("JPY_SESSION_NAME", "01_pooling.ipynb")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    record.note("max_pool", 1.0)
    assert record.path() == tmp_path / "down_and_up" / "progress.json"
    assert record.best() == {"max_pool": 1.0}
