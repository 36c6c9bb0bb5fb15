"""What this machine offers for running strangers' code: ``python -m autograder doctor``.

Every layer of the sandbox is tried, in a fork, as the unprivileged user that a submission runs as. Whether grading is
possible is not concluded from that: a notebook of one cell is run in the sandbox itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder import cgroup, messages, sandbox, schedule
from autograder.record import Record
from autograder.script import Script, Step
from autograder.table import wrapped

if TYPE_CHECKING:
    from autograder.supervisor import Zygote

# What can forbid a user namespace: a setting under /proc/sys, the value that forbids, and one that allows.
SWITCHES = (
    ("kernel.unprivileged_userns_clone", "0", "1"),  # Debian's kernels
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),  # Ubuntu from 23.10
    ("user.max_user_namespaces", "0", "15000"),
)
NAMESPACES = {
    "mount": sandbox.CLONE_NEWNS,
    "process": sandbox.CLONE_NEWPID,
    "network": sandbox.CLONE_NEWNET,
    "ipc": sandbox.CLONE_NEWIPC,
}

EXTRA = ("group", "cgroup")  # good to have, and nothing that grading needs


@dataclass(frozen=True)
class Layer:
    """One layer: its key in messages.LAYERS, what is wrong with it (empty where it is there), and a fact to show."""

    name: str
    problem: str
    fact: str = ""


def layers() -> Iterator[Layer]:
    """Every layer in the order in which an attempt gets them."""
    yield Layer("user", sandbox.tried(_as_nobody(lambda: _unshare(0))))
    for name, flag in NAMESPACES.items():
        yield Layer(name, sandbox.tried(_as_nobody(lambda flag=flag: _unshare(flag))))  # type: ignore[misc]
    yield Layer("root", sandbox.tried(lambda: sandbox.enter_root(sandbox.readable_paths())))
    version = sandbox.landlock_version()
    yield Layer("landlock", "" if version else messages.NO_LANDLOCK, f"version {version}")
    yield Layer("seccomp", sandbox.tried(sandbox.filter_calls))
    yield Layer("uid", sandbox.tried(_unprivileged))
    yield Layer("limits", sandbox.tried(lambda: sandbox.limit(sandbox.Limits())))
    cgroup.delegate()
    group = cgroup.make(sandbox.Limits())
    if group:
        group.remove()
    yield Layer("group", "" if group else messages.NO_CGROUP, f"version {group.version}" if group else "")
    most = memory_of_cgroup()
    yield Layer("cgroup", "" if most else messages.NO_CGROUP_LIMIT, f"{(most or 0) / (1 << 30):.1f} GiB")


def _as_nobody(action: Callable[[], object]) -> Callable[[], object]:
    def act() -> None:
        sandbox.become_nobody()
        action()

    return act


def _unshare(flag: int) -> None:
    sandbox._call("unshare", sandbox.CLONE_NEWUSER | flag)


def _unprivileged() -> None:
    sandbox.become_nobody()
    if os.getuid() == 0:
        raise OSError("still root")


def memory_of_cgroup(mine: Path = Path("/proc/self/cgroup"), tree: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The bytes of memory that this process and all that it starts may take together; None without such a limit.

    mine: which groups this process is in, of cgroup v2 (``0::/path``) or v1 (``4:memory:/path``).
    """
    found = []
    for line in mine.read_text().splitlines() if mine.is_file() else ():
        _, kind, path = line.split(":", 2)
        file = {"": "memory.max", "memory": "memory.limit_in_bytes"}.get(kind, "")
        place = tree / kind / path.lstrip("/")
        for folder in (place, *place.parents):
            if file and folder.is_relative_to(tree) and (folder / file).is_file():
                text = (folder / file).read_text().strip()
                found += [int(text)] if text.isdigit() and int(text) < 1 << 60 else []
    return min(found, default=None)


TRIAL = Script((Step(0, "run", "print(6 * 7)"),), {})


def trial() -> str:
    """Runs a notebook of one cell in the sandbox; why that is impossible, or nothing."""
    from autograder.supervisor import Zygote

    try:
        Zygote().look()  # what no submission can do without is known at once
        ((_, record),) = schedule.grade_all([("trial", TRIAL)], secret="", jobs=1)  # this process imports no torch
    except (sandbox.SandboxError, OSError) as error:
        return str(error)
    return _problem(record)


def tried(zygote: Zygote) -> str:
    """Runs a notebook of one cell in a fork of this zygote; why that fails, or nothing."""
    from autograder.examiner import grade

    return _problem(grade(TRIAL, zygote, ""))


def _problem(record: Record) -> str:
    said = "".join(output.get("text", "") for output in record.outputs.get(0, []))
    return "" if said.strip() == "42" else record.sentence or messages.TRIAL_SILENT


def advice(name: str) -> str:
    """What to install or allow so that a layer is there."""
    if name in ("user", *NAMESPACES, "root"):
        for switch, bad, good in SWITCHES:
            path = Path("/proc/sys", *switch.split("."))
            if path.is_file() and path.read_text().strip() == bad:
                return messages.SWITCH.format(switch=switch, good=good)
    return messages.LAYERS[name].advice


def run(say: Callable[[str], None] = print) -> int:
    """Says what this machine offers; the exit status is 0 where submissions can be graded."""
    if sys.platform != "linux":
        say(messages.NOT_LINUX)
        return 1
    say(messages.DOCTOR_TITLE)
    say("")
    missing, mended = [], []
    for layer in layers():
        about = messages.LAYERS[layer.name]
        end = layer.problem or layer.fact
        say(f"{'✗' if layer.problem else '✓'} {about.title:28}{end}".rstrip())
        if layer.problem:
            missing.append(layer.name)
            told = [messages.WITHOUT + about.without]
            if (mend := advice(layer.name)) not in mended:  # one thing to do may mend several layers
                mended.append(mend)
                told.append(messages.MEND + mend)
            for line in (line for text in told for line in wrapped(text)):
                say(f"    {line}")
    problem = trial()
    say(f"{'✗' if problem else '✓'} {messages.TRIAL}")
    say("")
    needed = [name for name in missing if name not in EXTRA]
    verdict = messages.UNFIT.format(problem=problem) if problem else messages.FIT_PARTLY if needed else messages.FIT
    for line in wrapped(verdict):
        say(line)
    return 1 if problem else 0
