"""Control groups around zygotes: the kernel's own limit on the memory and the processes of a submission, all together.

An extra layer, used where this process may make groups below its own: as root, in a container that was given its
groups, or in ``systemd-run --user --scope -p Delegate=yes``. Elsewhere there is none, and looks at memory ten times a
second and rlimits hold alone. A group is made for a zygote, not for an attempt: moving a process takes the kernel
longer than starting it, and a fork is in the group of its parent.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import Limits, told

MINE, TREE = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
OURS, LEAF = "down-and-up-", "down-and-up"
BESIDE = 256 << 20  # bytes that a fork copies of its zygote before it takes any of its own


@dataclass(frozen=True)
class Group:
    """A group that was made for one zygote: its folders, one a controller in version 1, one in all in version 2."""

    version: int
    folders: tuple[Path, ...]

    def add(self, pid: int) -> None:
        """Puts a process, and all that it will fork, into the group. Errors: OSError."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def killed(self) -> int:
        """How many processes the kernel has ended here for their memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    facts = dict(line.split() for line in told(f"{folder}/{name}").splitlines())
                    return int(facts.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Removes the group, once the last of its processes is gone."""
        for folder in self.folders:
            for _ in range(100):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)
                else:
                    break


def make(limits: Limits, mine: Path = MINE, tree: Path = TREE) -> Group | None:
    """A new group with these limits; None where this process may make none."""
    for version, above in _places(mine, tree):
        name = f"{OURS}{os.getpid()}-{time.monotonic_ns()}"
        group = Group(version, tuple(folder / name for folder in dict.fromkeys(above.values())))
        memory, pids = str(limits.memory + BESIDE), str(limits.processes + 1)  # and the zygote
        try:
            for folder in group.folders:
                folder.mkdir()
            (above["pids"] / name / "pids.max").write_text(pids)
            (above["memory"] / name / ("memory.max" if version == 2 else "memory.limit_in_bytes")).write_text(memory)
        except OSError:
            group.remove()
            continue
        with contextlib.suppress(OSError):  # not every kernel counts swap
            swap = ("memory.swap.max", "0") if version == 2 else ("memory.memsw.limit_in_bytes", memory)
            (above["memory"] / name / swap[0]).write_text(swap[1])
        return group
    return None


def _places(mine: Path, tree: Path) -> Iterator[tuple[int, dict[str, Path]]]:
    """Where groups could be made: the version, and a folder by controller."""
    found: dict[str, Path] = {}
    for line in mine.read_text().splitlines() if mine.is_file() else ():
        _, kinds, path = line.split(":", 2)
        if not kinds:
            own = tree / path.lstrip("/")
            for folder in (own, own.parent) if own.name == LEAF else (own,):
                with contextlib.suppress(OSError):
                    if {"memory", "pids"} <= set((folder / "cgroup.subtree_control").read_text().split()):
                        yield 2, {"memory": folder, "pids": folder}
        found |= {kind: tree / kinds / path.lstrip("/") for kind in kinds.split(",") if kind in ("memory", "pids")}
    if len(found) == 2:
        yield 1, found


def delegate(mine: Path = MINE, tree: Path = TREE) -> None:
    """In a version 2 group that holds this process alone, moves it one down, so that groups can be made beside it.

    Version 2 limits only groups below one that holds no process itself.
    """
    for line in mine.read_text().splitlines() if mine.is_file() else ():
        own = tree / line.removeprefix("0::/")
        with contextlib.suppress(OSError):
            if line.startswith("0::") and (own / "cgroup.procs").read_text().split() == [str(os.getpid())]:
                (own / LEAF).mkdir(exist_ok=True)
                (own / LEAF / "cgroup.procs").write_text(str(os.getpid()))
                (own / "cgroup.subtree_control").write_text("+memory +pids")


def sweep(mine: Path = MINE, tree: Path = TREE) -> None:
    """Removes what graders that were killed have left behind: empty groups whose process is gone."""
    for _, above in _places(mine, tree):
        for folder in dict.fromkeys(above.values()):
            for group in folder.glob(f"{OURS}*-*"):
                if not Path("/proc", group.name.removeprefix(OURS).partition("-")[0]).exists():
                    with contextlib.suppress(OSError):
                        group.rmdir()
