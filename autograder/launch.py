"""Starts our own processes that learners' processes are to be forks of: they are given limits, and nothing secret."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass

from autograder.sandbox import Limits

KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
SCRATCH = "/tmp"  # a learner's own


def zygote(control: socket.socket, limits: Limits) -> subprocess.Popen:
    """A zygote by itself, with a control socket."""
    return _start("zygote", control, json.dumps(asdict(limits)), environment=learners_environment())


def nursery(control: socket.socket, home: str) -> subprocess.Popen:
    """A nursery. home: a folder of its own; only what libraries keep between runs is read where it always lies."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    places = dict.fromkeys(("HOME", "IPYTHONDIR", "XDG_CONFIG_HOME"), home) | {"XDG_CACHE_HOME": cache}
    return _start("nursery", control, environment=_little() | places)


def learners_environment() -> dict[str, str]:
    """The little that a notebook may know of the instructor's environment."""
    return _little() | dict.fromkeys(("HOME", "IPYTHONDIR", "MPLCONFIGDIR"), SCRATCH)


def _little() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | SINGLE | {"MPLBACKEND": "agg"}


def _start(module: str, control: socket.socket, *more: str, environment: dict[str, str]) -> subprocess.Popen:
    command = [sys.executable, "-m", f"autograder.{module}", str(control.fileno()), *more]
    return subprocess.Popen(command, pass_fds=[control.fileno()], stdin=subprocess.DEVNULL, env=environment, cwd="/")


@dataclass
class Forked:
    """A fork of this process, as subprocess.Popen has a child."""

    pid: int

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)  # not waited for yet, so the number is still its own

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
