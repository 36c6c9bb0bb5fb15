"""Control groups: where they can be made, and that the kernel then holds a submission to its limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder import cgroup
from autograder.examiner import grade
from autograder.sandbox import Limits
from autograder.script import Script, Step
from autograder.supervisor import Zygote

pytestmark = pytest.mark.usefixtures("warm_start")
LIMITS = Limits(memory=512 << 20, processes=20)


@pytest.fixture(scope="module")
def version() -> int:
    """The version of cgroups in which this process may make groups."""
    group = cgroup.make(LIMITS)
    if group is None:
        pytest.skip("this process may make no cgroup: neither version 2 delegated to it nor version 1 writable")
    group.remove()
    assert not any(folder.exists() for folder in group.folders)
    return group.version


def test_a_zygote_and_its_attempts_are_in_a_group_that_is_gone_with_it(version: int) -> None:
    with Zygote(LIMITS) as zygote:
        group = zygote._group
        assert group is not None
        learner = zygote.spawn()
        for folder in group.folders:
            assert {zygote.pid, learner.pid} <= set(map(int, (folder / "cgroup.procs").read_text().split()))
        learner.close()
    assert not any(folder.exists() for folder in group.folders)


def test_processes_are_counted_together(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.learner._resident", lambda pid: 0)
    source = """
import os
made = 0
try:
    while True:
        if os.fork() == 0:
            __import__("time").sleep(60)
        made += 1
except OSError:
    print(made)
"""
    with Zygote(LIMITS) as zygote:
        record = grade(Script((Step(0, "run", source),), {}), zygote, "")
    assert record.code == "OK", record
    assert 0 < int(record.outputs[0][0]["text"]) < LIMITS.processes


def test_what_the_kernel_ends_for_its_memory_is_told_as_that(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the looks ten times a second see nothing, and no process is too large by itself."""
    monkeypatch.setattr("autograder.learner._resident", lambda pid: 0)
    source = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        block = bytearray(os.urandom(1 << 20) * 100)
        time.sleep(60)
time.sleep(20)
"""
    with Zygote(LIMITS) as zygote:
        record = grade(Script((Step(0, "run", source),), {}), zygote, "")
        after = grade(Script((Step(0, "run", "print(1)"),), {}), zygote, "")
    assert (record.code, after.code) == ("ML", "OK")


# Where groups can be made -------------------------------------------------------------------------------------------


def tree(root: Path, mine: str, **files: str) -> tuple[Path, Path]:
    """A made-up /proc/self/cgroup and /sys/fs/cgroup."""
    (root / "mine").write_text(mine)
    for name, text in files.items():
        path = root / "fs" / name.replace("__", "/").replace("_in_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "mine", root / "fs"


def test_version_2_needs_a_group_that_was_delegated(tmp_path: Path) -> None:
    where = tree(tmp_path, "0::/user/scope\n", user__scope__cgroup_in_subtree_control="cpu\n")
    assert list(cgroup._places(*where)) == []
    (tmp_path / "fs/user/scope/cgroup.subtree_control").write_text("memory pids\n")
    scope = tmp_path / "fs/user/scope"
    assert list(cgroup._places(*where)) == [(2, {"memory": scope, "pids": scope})]


def test_alone_in_a_version_2_group_we_make_room_below_it(tmp_path: Path) -> None:
    where = tree(tmp_path, "0::/scope\n", scope__cgroup_in_procs=f"{os.getpid()}\n")
    cgroup.delegate(*where)
    scope = tmp_path / "fs/scope"
    assert (scope / cgroup.LEAF / "cgroup.procs").read_text() == str(os.getpid())
    assert (scope / "cgroup.subtree_control").read_text() == "+memory +pids"
    where = tree(tmp_path, "0::/shared\n", shared__cgroup_in_procs=f"1\n{os.getpid()}\n")
    cgroup.delegate(*where)
    assert not (tmp_path / "fs/shared" / cgroup.LEAF).exists()


def test_version_1_has_a_folder_a_controller(tmp_path: Path) -> None:
    where = tree(tmp_path, "8:pids:/a\n4:memory:/b\n1:cpu:/\n0::/\n")
    assert list(cgroup._places(*where)) == [(1, {"pids": tmp_path / "fs/pids/a", "memory": tmp_path / "fs/memory/b"})]


def test_where_there_are_no_cgroups_no_group_is_made(tmp_path: Path) -> None:
    assert cgroup.make(LIMITS, tmp_path / "none", tmp_path) is None
