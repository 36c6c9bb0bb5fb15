"""A scratch course with one small lesson: the smallest text that uses all of the format."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.build import course_map, sync

ROOT = Path(__file__).parents[2]
STEM = "98_halving"

LESSON = '''\
# %% [markdown]
# # Halving
#
# Every second value stays.

# %%
values = list(range(8))
values

# %% [markdown]
# ## A picture

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(2, 1))
axes.plot(values)
plt.show()

# %% tags=["varies"]
import time

print(time.perf_counter_ns())

# %% tags=["skip-execution"]
print("grading skips this cell")

# %% tags=["raises-exception"]
values[8]

# %% [markdown]
# ## Your turn

# %% nbgrader={"grade_id": "halve", "solution": true}
def halve(values):
    """Every second value of a list, from the first."""
    ### BEGIN SOLUTION
    return values[::2]
    ### END SOLUTION

# %% nbgrader={"grade_id": "check_halve", "grade": true, "points": 2}
result = 1.0 * (halve([1, 2, 3, 4]) == [1, 3])
### BEGIN HIDDEN TESTS
result += 1.0 * (halve([1, 2, 3]) == [1, 3])
### END HIDDEN TESTS
result
'''


def make_course(root: Path, lesson: str = LESSON) -> Path:
    """A course directory with nbgrader's settings of this repository, a README and one lesson's text."""
    text = root / "solutions" / STEM / f"{STEM}.py"
    text.parent.mkdir(parents=True)
    text.write_text(lesson, encoding="utf-8")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / "README.md").write_text(f"# Scratch\n\n{course_map.BEGIN}\n{course_map.END}\n", encoding="utf-8")
    return root


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A scratch course that is not built."""
    return make_course(tmp_path)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built scratch course that every test reads and none changes."""
    root = make_course(tmp_path_factory.mktemp("course"))
    list(sync.build(root))
    return root


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A built scratch course of the test's own."""
    return Path(shutil.copytree(built_once, tmp_path / "course"))
