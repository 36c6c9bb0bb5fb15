"""A shared machine with nbgrader's exchange: an instructor, two learners and one who cheats, each another Unix user."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("grace", "ada", "bob", "eve")
UIDS = range(61000, 61004)


class Person:
    """A user of the machine: `ada("nbgrader", "list")` is what the command says; an assertion that it ends well."""

    def __init__(self, place: Path, desk: TextIO, user: str, uid: int):
        self.place, self.desk, self.user, self.uid = place, desk, user, uid
        self.home = place / user
        self.home.mkdir(mode=0o700)
        os.chown(self.home, uid, uid)

    def __call__(self, *command: str, folder: str = ".") -> str:
        status, said = self.try_(*command, folder=folder)
        assert status == 0, said
        return said

    def try_(self, *command: str, folder: str = ".") -> tuple[int, str]:
        """A command's exit status, and what it says."""
        log = self.place / "said" / self.user
        log.unlink(missing_ok=True)
        where = {"home": str(self.home), "folder": str(self.home / folder), "log": str(log)}
        asked = {"user": self.user, "uid": self.uid, "arguments": command}
        self.desk.write(json.dumps(where | asked) + "\n")
        self.desk.flush()
        return int(self.desk.readline()), log.read_text()

    def own(self, *names: str) -> None:
        """Gives the user what a test has put into their home."""
        for name in names:
            for path in (self.home / name, *(self.home / name).rglob("*")):
                os.lchown(path, self.uid, self.uid)

    def hand_in(self, lesson: str, **sources: str) -> None:
        """Gives cells of the fetched notebook other sources, by grade_id, and submits it."""
        path = self.home / lesson / f"{lesson}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = sources.pop(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        assert not sources
        nbformat.write(notebook, path)
        self("nbgrader", "submit", lesson)


class Machine:
    """The machine's users by name, and its exchange."""

    def __init__(self, place: Path, desk: TextIO):
        self.grace, self.ada, self.bob, self.eve = (
            Person(place, desk, name, uid) for name, uid in zip(NAMES, UIDS, strict=True)
        )
        self.exchange = place / "exchange"
        self.inbound = self.exchange / "down_and_up" / "inbound"


@pytest.fixture(scope="session")
def machine(anybody: Callable[..., list[str]], environment: dict[str, str], warm: Any) -> Iterator[Machine]:
    """A machine whose users are known to the commands of this test alone."""
    place = Path(tempfile.mkdtemp(prefix="down-and-up-exchange-"))
    try:
        place.chmod(0o755)
        for name, mode in (("exchange", 0o1777), ("said", 0o1777), ("scratch", 0o755), ("jupyter", 0o755)):
            (place / name).mkdir()
            (place / name).chmod(mode)
        users = [f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in zip(NAMES, UIDS, strict=True)]
        (place / "passwd").write_text(Path("/etc/passwd").read_text() + "".join(users))
        settings = (ROOT / "deploy" / "nbgrader_config.py").read_text().replace("/srv/nbgrader", str(place))
        (place / "jupyter" / "nbgrader_config.py").write_text(settings)
        known = 'mount --bind "$0" /etc/passwd && echo known && exec sleep infinity'
        command = anybody(place / "scratch", "sh", "-c", known, str(place / "passwd"))
        variables = environment | {"JUPYTER_CONFIG_PATH": str(place / "jupyter"), "OMP_NUM_THREADS": "1"}
        address = str(place / "desk.socket")
        with socket.socket(socket.AF_UNIX) as door, subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
            try:
                assert holder.stdout
                assert holder.stdout.readline() == b"known\n"
                door.bind(address)
                door.listen()
                text = f"from tests.exchange.desk import serve; serve({address!r}, {holder.pid})"
                served = warm.command("-c", text, cwd=ROOT, env=variables)
                with door.accept()[0] as connection:
                    yield Machine(place, connection.makefile("rw"))
                served.kill()
            finally:
                holder.kill()
    finally:
        shutil.rmtree(place)
