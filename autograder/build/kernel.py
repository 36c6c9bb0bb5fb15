"""The kernel that runs a lesson. It imports little, so that a kernel boots before the build imports the rest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync

# A built lesson must not depend on who builds it: on a secret seed, a learner's progress, a hash's order.
UNSET = ("DOWN_AND_UP_SECRET", "DOWN_AND_UP_PROGRESS", "JPY_SESSION_NAME")
SET = {"PYTHONHASHSEED": "0"}
# Every lesson imports these, which takes seconds: the kernel does while it boots, and gives the lesson no name by it.
SOON = "torch", "matplotlib.figure"
BOOT = f"list(map(__import__, {SOON!r})) and None"


@dataclass(frozen=True)
class Kernel:
    """A running kernel and what it writes to its own stderr."""

    manager: AsyncKernelManager
    stderr: TextIO


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Starts a kernel, so that it boots while the caller still imports and reads, and ends it in any case.

    It works in an empty scratch folder, so that a lesson leaves nothing behind in the repository.
    """
    manager = AsyncKernelManager(kernel_name="python3")
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", encoding="utf-8") as stderr:
        run_sync(manager.start_kernel)(
            cwd=folder, env=_environment(), stderr=stderr, extra_arguments=[f"--IPKernelApp.exec_lines={BOOT}"]
        )
        try:
            yield Kernel(manager, stderr)
        finally:
            if manager.has_kernel:
                run_sync(manager.shutdown_kernel)(now=True)
            run_sync(manager.cleanup_resources)()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNSET} | SET
