"""What the zygote does with its own process before it forks attempts."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from autograder import sandbox

VERSION = tuple(int(part) for part in platform.release().split(".")[:2] if part.isdigit())
OFFERED = VERSION >= (6, 1) and Path("/sys/kernel/mm/transparent_hugepage").exists()


@pytest.mark.skipif(not OFFERED, reason="this kernel lays no memory together into huge pages (Linux 6.1 does)")
def test_memory_lies_in_huge_pages_and_holds_what_it_held() -> None:
    def huge() -> int:
        lines = dict(line.split(":") for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
        return int(lines["AnonHugePages"].split()[0]) << 10

    child = os.fork()
    if child == 0:
        status = 1
        try:
            held = bytearray(os.urandom(1 << 10) * (32 << 10))
            copy, before = bytes(held), huge()
            sandbox.use_huge_pages()
            status = int(not (held == copy and huge() - before >= 32 << 20))
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
