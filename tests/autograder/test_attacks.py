"""Hostile submissions: none gains a point, reads a secret, outlives its notebook or harms the next submission.

Each file in attacks/ is one attack. Its docstring says what it tries, on which exercise, and how its process must end
(a code of autograder.record, or * where more than one is right); ``says`` is what the diagnosis must hold, and
``loops`` is there where it never ends by itself. Its cells go into the release: ``# %% max_pool_loops`` replaces that
solution, ``first`` comes before everything, and ``replace NAME`` and ``metadata NAME {…}`` change a cell that is not
the learner's to change.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import nbformat
import pytest

from autograder import learner
from autograder.examiner import grade
from autograder.normalize import Master, normalise
from autograder.sandbox import Limits
from autograder.script import Script, script
from autograder.supervisor import Zygote

ROOT = Path(__file__).parents[2]
ATTACKS = sorted((Path(__file__).parent / "attacks").glob("*.py"))
LIMITS = Limits(cell_seconds=3, wall_seconds=8, memory=512 << 20, processes=32, files=16 << 20)
# For what never ends by itself: it is as late after half a second as after three, and may compute all the while.
SOON = replace(LIMITS, cell_seconds=0.5, wall_seconds=2)
SECRET = "the instructor's secret"

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="hardened grading needs Linux"),
    pytest.mark.xdist_group("attacks"),
]


@dataclass(frozen=True)
class Attack:
    tries: str
    lesson: str
    exercise: str
    code: str
    says: str
    loops: bool
    cells: tuple[tuple[str, str], ...]


def read(path: Path) -> Attack:
    docstring, _, rest = path.read_text(encoding="utf-8").removeprefix('"""').partition('"""')
    tries, _, facts = docstring.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in facts.strip().splitlines())
    parts = re.split(r"^# %% (.+)$", rest, flags=re.MULTILINE)[1:]
    cells = tuple(zip(parts[::2], (text.strip("\n") for text in parts[1::2]), strict=True))
    says, loops = fields.get("says", ""), "loops" in fields
    return Attack(tries, fields["lesson"], fields["exercise"], fields["code"], says, loops, cells)


@cache
def master(lesson: str) -> Master:
    notebooks = (nbformat.read(ROOT / room / lesson / f"{lesson}.ipynb", 4) for room in ("solutions", "notebooks"))
    return Master(*notebooks)


@cache
def written(lesson: str, solved: bool) -> str:
    return nbformat.writes(master(lesson).source if solved else master(lesson).released)


def submission(attack: Attack) -> Script:
    """The attack as it is handed in, after the normalising that every submission goes through."""
    notebook = json.loads(written(attack.lesson, solved=False))
    named = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
    for where, text in attack.cells:
        word, _, rest = where.partition(" ")
        if word == "first":
            new = {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
            notebook["cells"].insert(0, new)
        elif word == "replace":
            named[rest]["source"] = text
        elif word == "metadata":
            name, _, metadata = rest.partition(" ")
            named[name]["metadata"].update(json.loads(metadata))
        else:
            named[where]["source"] = text
    return script(normalise(json.dumps(notebook).encode(), master(attack.lesson)).notebook)


@cache
def control(lesson: str, solved: bool) -> Script:
    return script(normalise(written(lesson, solved).encode(), master(lesson)).notebook)


@pytest.fixture(scope="module")
def zygote():
    with Zygote(LIMITS) as zygote:
        yield zygote


def points(record, exercise: str) -> float:
    return record.checks[f"check_{exercise}"]["points"]


def shown(record) -> nbformat.NotebookNode:
    """A notebook that shows all outputs, as a graded one does."""
    cell = {"cell_type": "code", "metadata": {}, "source": "", "execution_count": None}
    cells = [cell | {"id": str(index), "outputs": outputs} for index, outputs in record.outputs.items()]
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def living(zygote: Zygote) -> list[str]:
    """The commands of all processes that descend from the zygote."""
    found, ahead = [], [zygote.pid]
    while ahead:
        process = ahead.pop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one of them is gone by now
            for task in Path(f"/proc/{process}/task").glob("*/children"):
                for child in task.read_text().split():
                    ahead.append(int(child))
                    if Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                        found.append(child)
    return found


def test_there_are_attacks_and_each_says_what_it_tries() -> None:
    assert len(ATTACKS) >= 47
    for path in ATTACKS:
        attack = read(path)
        assert attack.tries.endswith("."), path.name
        assert attack.cells, path.name


def test_the_controls(zygote) -> None:
    """What is right gets its points here, and the untouched release gets none: the attacks are judged by the same."""
    right, untouched = (grade(control("01_pooling", solved), zygote, SECRET) for solved in (True, False))
    assert (right.code, untouched.code) == ("OK", "OK")
    assert [facts["points"] for facts in right.checks.values()] == [3, 4, 4, 3, 2]
    assert [facts["points"] for facts in untouched.checks.values()] == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_gains_nothing(path: Path, zygote, tmp_path, monkeypatch) -> None:
    attack = read(path)
    canary = tmp_path / "gradebook.db"
    canary.write_text("untouched")
    with monkeypatch.context() as patch:
        if attack.loops:
            patch.setattr(zygote, "limits", SOON)
            patch.setattr(learner, "GRACE", 0.5)
        record = grade(submission(attack), zygote, SECRET)
    assert points(record, attack.exercise) == 0
    assert sum(facts["points"] for facts in record.checks.values()) == 0
    assert attack.code in ("*", record.code), (record.code, record.detail)
    assert record.code == "OK" or record.sentence
    assert attack.says in record.checks[f"check_{attack.exercise}"]["diagnosis"]
    told = json.dumps(record.as_json(), ensure_ascii=False)
    assert len(told.encode()) < 20 << 20
    printed = [output["text"] for outputs in record.outputs.values() for output in outputs if "text" in output]
    assert sum(map(len, printed)) <= LIMITS.text
    assert SECRET not in told
    assert record.seconds < LIMITS.wall_seconds + 6  # whatever comes, the examiner is not busy with it for long
    nbformat.validate(shown(record))
    assert "text/html" not in json.dumps([output for index, output in record.outputs.items() if index < 5])
    assert canary.read_text() == "untouched"
    wait_until_nothing_lives(zygote)
    after = grade(control("00_start_here", True), zygote, SECRET)
    assert [facts["points"] for facts in after.checks.values()] == [4, 2]


def wait_until_nothing_lives(zygote: Zygote) -> None:
    deadline = time.monotonic() + 5
    while (left := living(zygote)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left
