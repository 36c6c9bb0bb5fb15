"""Does every test that the threat model refers to exist, and every promise have one?"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_what_it_refers_to_exists() -> None:
    named = set(re.findall(r"`(?:attacks/)?(\w+\.py)`", TEXT))
    there = {path.name for path in (ROOT / "tests").rglob("*.py")}
    assert len(named) > 30
    assert named <= there


def test_every_promise_names_a_test_or_says_that_it_has_none() -> None:
    table = TEXT.partition("## What each layer stops")[2].partition("\n`python")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row[0] for row in rows if not re.search(r"\.py`|no test", row[-1])] == []
