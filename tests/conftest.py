"""Other people's commands as tests call them: nbgrader's own, and a Jupyter server that is ended in any case."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# nbgrader calls alembic and jupyter by their names, so the environment must be on the PATH.
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run_nbgrader(root: Path, *arguments: str, **variables: str) -> str:
    """What one nbgrader command says; an assertion that it ends well. variables: of its environment."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    ran = subprocess.run(
        command, cwd=root, env=ENVIRONMENT | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


@contextmanager
def serving(command: Callable[[int], list[str]], cwd: Path, log: Path, **variables: str) -> Iterator[str]:
    """The address of a Jupyter server that `command` starts on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as said:
        server = subprocess.Popen(
            command(port),
            cwd=cwd,
            env=ENVIRONMENT | variables,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/api", timeout=30).close()
                break
            except urllib.error.URLError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        yield address
    finally:
        # The whole group: make stands before its server.
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.fixture(scope="session")
def nbgrader() -> Callable[..., str]:
    """Runs one nbgrader command in a course directory: `nbgrader(root, "autograde", "01_pooling")`."""
    return run_nbgrader


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Starts a Jupyter server: `with serve(lambda port: [...], cwd, log) as address`."""
    return serving
