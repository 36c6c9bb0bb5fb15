"""The built files that stand in the repository are what their texts give when they are run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.build import sync

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("stem", sync.stems(ROOT))
def test_a_lesson_runs_and_shows_what_its_notebook_shows(
    stem: str, kernels: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kernels.items():
        monkeypatch.setenv(name, value)
    assert "\n".join(map(str, sync.check(ROOT, [stem], execute=True))) == ""


def test_the_readmes_table_is_up_to_date() -> None:
    assert [str(stale) for stale in sync.check(ROOT) if stale.path.name == "README.md"] == []
