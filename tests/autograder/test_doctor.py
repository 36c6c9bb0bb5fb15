"""What the doctor says of this machine, and of one that offers less."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder import messages
from autograder.doctor import memory_of_cgroup

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="hardened grading needs Linux"),
    pytest.mark.xdist_group("doctor"),
]

ROOT = Path(__file__).parents[2]
Python = Callable[..., subprocess.CompletedProcess[str]]

# Goes on behind a seccomp filter: these system calls are refused, as containers refuse them; after a colon, with this
# first argument only. With unshare goes a clone into new namespaces.
REFUSE = """
import errno, sys, pyseccomp
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for call in sys.argv[1].split(","):
    name, _, first = call.partition(":")
    arguments = [pyseccomp.Arg(0, pyseccomp.EQ, int(first))] if first else []
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name, *arguments)
    if name == "unshare":
        new_user = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 0x10000000, 0x10000000)
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", new_user)
rules.load()
"""
DOCTOR = ["-m", "autograder", "doctor"]
BEHIND = f"{REFUSE}\nfrom autograder.__main__ import main\nsys.exit(main(['doctor']))"


def ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, dict[str, bool], str]:
    """The exit status, which layer is there by its title, and all that was said."""
    lines = [line for line in done.stdout.splitlines() if line[:2] in ("✓ ", "✗ ")]
    titles = [layer.title for layer in messages.LAYERS.values()]
    there = {title: line[0] == "✓" for line in lines for title in titles if line[2:].startswith(title)}
    return done.returncode, there, " ".join(done.stdout.split()) + done.stderr


def test_this_machine() -> None:
    status, there, text = said(ran(sys.executable, *DOCTOR))
    assert status == 0, text
    assert list(there) == [layer.title for layer in messages.LAYERS.values()]
    assert there["seccomp"]
    assert there["unprivileged user"]
    assert text.count(messages.WITHOUT) == list(there.values()).count(False)


def test_where_namespaces_are_refused_landlock_holds_and_the_doctor_says_what_is_missing(warm_python: Python) -> None:
    status, there, text = said(warm_python(BEHIND, "unshare,mount"))
    if not there["Landlock"]:
        pytest.skip("this kernel has no Landlock")
    assert status == 0, text
    assert not any(there[title] for title in ("user namespace", "PID namespace", "network namespace"))
    assert messages.LAYERS["process"].without in text
    assert messages.FIT_PARTLY in text


def test_with_neither_namespaces_nor_landlock_nothing_is_graded() -> None:
    status, there, text = said(ran(sys.executable, "-c", BEHIND, "unshare,mount,landlock_create_ruleset"))
    assert status == 1
    assert not there["Landlock"]
    assert "neither namespaces" in text


def test_without_seccomp_nothing_is_graded_whatever_else_there_is() -> None:
    status, there, text = said(ran(sys.executable, "-c", BEHIND, "seccomp,prctl:22"))  # PR_SET_SECCOMP
    assert status == 1
    assert not there["seccomp"]
    assert "libseccomp2" in text
    assert "Submissions cannot be graded here. seccomp does not work here" in text


# What the sandbox lacks, and what comes of opening a file in a cell.
OPEN = """
import sys
from autograder.supervisor import Zygote
with Zygote() as zygote:
    learner = zygote.spawn()
    outputs = learner.ask({"op": "run", "source": f"open({sys.argv[-1]!r})"})["outputs"]
    learner.close()
print(sorted(zygote.missing), outputs[0].get("ename", "opened"))
"""


def test_without_a_root_of_its_own_a_submission_can_open_no_more_than_with_it(warm_python: Python) -> None:
    secret = str(ROOT / "README.md")  # the course's and no learner's
    with_it, without = warm_python(OPEN, secret), warm_python(REFUSE + OPEN, "pivot_root", secret)
    assert with_it.stdout == "[] FileNotFoundError\n", with_it.stderr
    # Below /tmp, the submission's own /tmp hides it; elsewhere Landlock keeps it closed.
    refused = "FileNotFoundError" if secret.startswith("/tmp/") else "PermissionError"
    assert without.stdout == f"['root'] {refused}\n", without.stderr


# What an attempt sees of a folder that it may read, where that lies below /tmp, which is to be its scratch.
BELOW = """
import os, sys
from autograder import sandbox
course = sys.argv[1]
sandbox.enter_root([*sandbox.readable_paths(), course])
user = os.getuid(), os.getgid()
if sandbox.fork(sandbox.APART) == 0:
    sandbox.map_user(*user)
    sandbox.own_scratch(sandbox.Limits(), [course])
    print(open(f"{course}/kept.txt").read(), os.listdir(os.path.dirname(course)), flush=True)
    os._exit(0)
os.wait()
"""


def test_a_course_below_tmp_is_seen_and_nothing_beside_it(tmp_path: Path) -> None:
    assert tmp_path.resolve().is_relative_to("/tmp")
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "kept.txt").write_text("kept")
    (tmp_path / "other.txt").write_text("another's")
    done = ran(sys.executable, "-c", BELOW, str(tmp_path / "course"))
    assert done.stdout == "kept ['course']\n", done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("unshare") is None, reason="util-linux is not installed")
def test_who_is_root_and_may_become_nobody_else_is_told_so() -> None:
    """As in a container that runs as root, without the capabilities of root."""
    status, there, text = said(ran("unshare", "--user", "--map-root-user", sys.executable, *DOCTOR))
    assert status == 1
    assert not there["unprivileged user"]
    assert "so a submission would run as root. Grade as an ordinary user" in text
    assert "Traceback" not in text


@pytest.mark.skipif(os.getuid() != 0, reason="every other test here is run as an ordinary user already")
def test_an_ordinary_user_can_grade(anybody: Callable[..., list[str]], tmp_path: Path) -> None:
    user = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "env", "HOME=/"]
    status, there, text = said(ran(*anybody(tmp_path, *user, sys.executable, *DOCTOR)))
    assert status == 0, text
    assert there["root of its own"], text


def test_the_memory_limit_of_a_cgroup_is_the_least_on_the_way_up(tmp_path: Path) -> None:
    mine, tree = tmp_path / "cgroup", tmp_path / "fs"
    (tree / "course/grading").mkdir(parents=True)
    (tree / "course/memory.max").write_text("8589934592\n")
    (tree / "course/grading/memory.max").write_text("max\n")
    mine.write_text("0::/course/grading\n")
    assert memory_of_cgroup(mine, tree) == 8 << 30


def test_the_older_cgroups_are_read_too(tmp_path: Path) -> None:
    mine, tree = tmp_path / "cgroup", tmp_path / "fs"
    (tree / "memory/course").mkdir(parents=True)
    (tree / "memory/course/memory.limit_in_bytes").write_text("1073741824\n")
    (tree / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")  # none
    mine.write_text("4:memory:/course\n1:cpu:/\n0::/\n")
    assert memory_of_cgroup(mine, tree) == 1 << 30


def test_without_a_limit_there_is_none(tmp_path: Path) -> None:
    assert memory_of_cgroup(tmp_path / "none", tmp_path) is None
