"""Whichever part of a grading is killed, and whenever: run again, it comes to the same gradebook, row for row.

test_writer.py kills the writer between its steps; here whole processes of a real grading are killed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# One worker runs this file, because its tests are compared with one undisturbed class.
pytestmark = pytest.mark.xdist_group("faults")

LEARNERS = 6
# The parts are named for ps, but for the scheduler, which is the command itself and writes, too.
MOMENTS = [("scheduler", 1), ("scheduler", 2), ("nursery", 1), ("worker", 1), ("zygote", 1)]


def family(pid: int) -> Iterator[tuple[int, str]]:
    """A process and its descendants, each with its name."""
    try:
        yield pid, Path(f"/proc/{pid}/comm").read_text().strip()
        children = [
            child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def named(pid: int) -> Iterator[tuple[int, str]]:
    yield pid, "scheduler"
    yield from family(pid)


def kept(room: Any) -> int:
    """How many results the ledger holds."""
    return len(list((room.root / ".ledger").glob("??/*.json")))


def kill_one(grading: Any, room: Any, part: str, seed: int) -> bool:
    """Waits for a seeded moment and kills one process of this part; False where the grading was faster."""
    moment = random.Random(f"{part} {seed}")
    results, pause = moment.randrange(LEARNERS - 2), moment.uniform(0, 0.2)
    while kept(room) < results or not (found := [pid for pid, name in named(grading.pid) if name == part]):
        if grading.poll() is not None:
            return False
        time.sleep(0.01)
    time.sleep(pause)
    try:
        os.kill(found[0], signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(("part", "seed"), MOMENTS)
def test_killed_and_run_again_it_comes_to_the_same(
    class_of_six: Callable[[Path], Any],
    tmp_path: Path,
    undisturbed: list[tuple],
    environment: dict[str, str],
    part: str,
    seed: int,
) -> None:
    assert len(undisturbed) == 4 * LEARNERS
    room = class_of_six(tmp_path)
    grading = room.warm.command("autograder", "grade", "--jobs", "2", cwd=room.root, env=environment)
    assert kill_one(grading, room, part, seed), "nothing was killed"
    status = grading.wait(120)
    if part == "scheduler":
        assert status == -signal.SIGKILL
    else:
        assert status == 0, "a worker or a zygote that is gone is replaced"
    said = room.grade("--jobs", "1")
    assert said.endswith("0 without a grade.\n")
    assert room.rows() == undisturbed
    assert f"0 graded, {LEARNERS} unchanged" in room.grade()


# The course's own disk ---------------------------------------------------------------------------------------------


# In a mount namespace of its own; an ordinary user needs a user namespace for it.
ALONE = ["unshare", "--mount" if os.geteuid() == 0 else "-rm", "sh", "-c"]
needs_mounts = pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], capture_output=True).returncode != 0,
    reason="this machine lets nobody mount a file system of its own",
)


# Grades the course in a folder, with the files that another process sees. The nursery is warm, too.
GRADE = """
import os, sys
from autograder.__main__ import main
from tests.warm_processes import join
join(int(sys.argv[1]))
os.chdir(sys.argv[2])
sys.exit(main(["grade", "--jobs", "1"]))
"""


@contextmanager
def alone(script: str, last: str = "true") -> Iterator[int]:
    """The number of a process that sees what a script has mounted, and that ends with another one."""
    holding = subprocess.Popen(
        [*ALONE, f"{script} && echo mounted && read over; {last}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holding as process:
        assert process.stdout
        assert process.stdout.readline() == b"mounted\n"
        yield process.pid
        process.communicate(b"over\n")


@needs_mounts
def test_a_disk_that_is_really_full_is_named_and_what_is_graded_is_kept(
    class_of_six: Callable[[Path], Any], tmp_path: Path, undisturbed: list[tuple], warm_python: Callable[..., Any]
) -> None:
    """The course lies on a small file system, which the graded notebooks fill; where it has more room it goes on."""
    room = class_of_six(tmp_path / "course")
    small = tmp_path / "small"
    small.mkdir()
    taken = sum(path.stat().st_size + 4096 for path in room.root.rglob("*"))
    script = f"mount -t tmpfs -o size={taken + 80_000} tmpfs {small} && cp -a {room.root}/. {small}/"
    with alone(script, last=f"cp -a {small}/. {room.root}/") as process:
        ran = warm_python(GRADE, str(process), str(small))
    said = ran.stdout + ran.stderr
    assert ran.returncode == 1, said
    assert "No space left on device" in said or "disk is full" in said, said
    assert "Traceback" not in said, said
    assert 0 < len(room.rows()) < len(undisturbed)
    assert room.grade("--jobs", "1").endswith("0 without a grade.\n")
    assert room.rows() == undisturbed


@needs_mounts
def test_a_course_that_is_read_only_is_named(
    class_of_six: Callable[[Path], Any], tmp_path: Path, warm_python: Callable[..., Any]
) -> None:
    room = class_of_six(tmp_path / "course")
    with alone(f"mount --bind -o ro {room.root} {room.root}") as process:
        ran = warm_python(GRADE, str(process), str(room.root))
    assert ran.returncode == 1
    assert "Read-only file system" in ran.stderr
    assert "Traceback" not in ran.stderr
