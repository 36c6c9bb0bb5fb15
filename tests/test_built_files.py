"""The built files that stand in the repository are what their texts give when they are run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.build import course_map, kernel, sync

ROOT = Path(__file__).parents[1]

# Where a lesson trains networks its numbers are tagged `varies` and not compared: one seed, the fewest steps, every
# eighth digit and scene run every line of it. `python -m autograder build --check --execute` trains as the lesson says.
BRIEFLY = """exec('''
from importlib import import_module
def eighth(each):
    return each[::8] if hasattr(each, "shape") else type(each)(each.pictures[::8], each.sides[::8])
def fewer(compare):
    return lambda parts, first, second, **rest: compare(parts, eighth(first), eighth(second), **rest)
for name, length in {"any_size": 2, "segmentation": 3, "shift_consistency": 2, "super_resolution": 180}.items():
    module = import_module(f"course_lib.analysis.{name}")
    brief = {(0, 1, 2): (0,), length: 1 if length < 10 else 10}
    assert set(brief) <= set(module.compare.__defaults__)
    module.compare.__defaults__ = tuple(brief.get(value, value) for value in module.compare.__defaults__)
    if name in ("any_size", "segmentation"):
        module.compare = fewer(module.compare)
shifts, scenes = (import_module(f"course_lib.analysis.{name}") for name in ("shift_consistency", "scenes"))
shifts.framed = lambda digits, framed=shifts.framed: framed(digits[: len(digits) // 8])
# The first two draws of scenes are shown; those behind them only judge.
scenes.make = lambda count, *of, make=scenes.make, **how: make(count if of[2] < 2 else count // 10, *of, **how)
''', {})"""


@pytest.mark.parametrize("stem", sync.stems(ROOT))
def test_a_lesson_runs_and_shows_what_its_notebook_shows(
    stem: str, kernels: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kernels.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kernel, "BOOT", BRIEFLY)
    assert "\n".join(map(str, sync.check(ROOT, [stem], execute=True))) == ""


def test_the_readmes_table_is_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert course_map.readme(readme) == readme
