"""Is a result found again exactly when nothing has changed that it depends on?"""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder import ledger
from autograder.ledger import Ledger
from autograder.record import Record
from autograder.sandbox import Limits
from autograder.script import Script, Step

STEPS = Script((Step(1, "run", "x = 1"),), {"halve": "def halve(values): ..."})
RECORD = Record(
    outputs={1: [{"output_type": "stream", "name": "stdout", "text": "漢字\n"}]},
    checks={"check_halve": {"exercise": "halve", "points": 2.0}},
    seconds=0.25,
)


@pytest.fixture
def kept(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path, "secret", Limits())


def test_a_result_comes_back_as_it_was(kept: Ledger) -> None:
    key = kept.key(STEPS)
    assert kept.get(key) is None
    kept.put(key, RECORD)
    assert kept.get(key) == RECORD
    assert kept.get(key).outputs[1][0]["text"] == "漢字\n"


def test_the_key_is_the_same_twice(kept: Ledger) -> None:
    assert kept.key(STEPS) == Ledger(Path("elsewhere"), "secret", Limits()).key(STEPS)


@pytest.mark.parametrize(
    "other",
    [
        Script((Step(1, "run", "x = 2"),), STEPS.solutions),
        Script((Step(2, "run", "x = 1"),), STEPS.solutions),
        Script(STEPS.steps, {"halve": "def halve(values): return values"}),
    ],
)
def test_another_submission_has_another_key(kept: Ledger, other: Script) -> None:
    assert kept.key(other) != kept.key(STEPS)


@pytest.mark.parametrize("other", [{"secret": "another"}, {"limits": Limits(wall_seconds=61)}])
def test_other_seeds_and_limits_have_other_keys(kept: Ledger, other: dict) -> None:
    assert Ledger(**{**vars(kept), **other}).key(STEPS) != kept.key(STEPS)


@pytest.mark.parametrize(("part", "other"), [("code_version", "another"), ("environment", {"torch": "another"})])
def test_other_code_and_other_packages_have_other_keys(
    kept: Ledger, monkeypatch: pytest.MonkeyPatch, part: str, other: object
) -> None:
    before = kept.key(STEPS)
    monkeypatch.setattr(ledger, part, lambda: other)
    assert kept.key(STEPS) != before


def test_the_code_that_decides_is_read() -> None:
    """A path that leads nowhere would leave a change unseen."""
    library = Path(ledger.__file__).parents[1] / "course_lib"
    assert all(ledger._sources(library / room) for room in ("checking", "exercises", "functional", "geometry.py"))
    assert len(ledger.code_version()) == 64


@pytest.mark.parametrize("content", ["", "{", '{"code": "OK"', "[]", '{"outputs": {"x": []}}', '{"no such field": 1}'])
def test_a_broken_file_counts_as_none(kept: Ledger, content: str) -> None:
    key = kept.key(STEPS)
    kept.put(key, RECORD)
    (path,) = kept.folder.rglob("*.json")
    path.write_text(content)
    assert kept.get(key) is None
    kept.put(key, RECORD)
    assert kept.get(key) == RECORD


def test_our_own_failure_is_not_kept(kept: Ledger) -> None:
    key = kept.key(STEPS)
    kept.put(key, Record("XX", "the worker was killed"))
    assert kept.get(key) is None
    assert list(kept.folder.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_result(kept: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    key = kept.key(STEPS)
    kept.put(key, RECORD)

    def full(*paths: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        kept.put(key, Record())
    assert kept.get(key) == RECORD
    assert [path.suffix for path in kept.folder.rglob("*") if path.is_file()] == [".json"]
