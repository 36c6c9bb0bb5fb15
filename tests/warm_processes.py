"""Our own processes for the tests, warm: forks of one process that has imported torch, nbgrader and the grader, once.

To start the command that grades takes 1.5 seconds of a core, and its nursery or a zygote 3 more; the tests start a
hundred of them. What runs is the same, in the same tree of processes, and each can be killed by itself: only what
Python does before the first line of ours and after the last is left out. Processes that are started as anybody starts
them have their turn in test_grade.py (the command, and all that it starts), test_attacks.py (a zygote), test_doctor.py
(a nursery, as another user, too) and, on a cluster's machines, test_cluster_faults.py.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograder import launch, sandbox

ROOT = Path(__file__).parents[1]
MOST = 1 << 20  # bytes of a message, which holds an environment


class Warm:
    """Where warm processes are to be had: from the first time that its address is asked for until it is closed.

    What is had here descends from a process of its own, which is a fork of one that all share who test at once.
    """

    def __init__(self, folder: Path, shared: Path, until: int):
        self._socket, self._shared, self._until = str(folder / "processes.socket"), shared, until
        self._server: Process | None = None

    @property
    def address(self) -> str:
        if self._server is None:
            with listening(self._socket) as door:
                first = imported_once(self._shared, self._until)
                self._server = _start(first, "serve", (), dict(os.environ), str(ROOT), 1, 2, door.fileno())
        return self._socket

    @property
    def pid(self) -> int | None:
        """Of the process from which descends all that is had here."""
        return self._server.pid if self._server else None

    def close(self) -> None:
        if self._server:
            self._server.kill()
            self._server.wait()

    def command(self, *command: str, cwd: Path, env: Mapping[str, str], out: int = 1, err: int = 2) -> Process:
        """Starts ``autograder``, ``nbgrader``, ``dask``, Jupyter's ``server`` or, behind ``-c``, a text, warm.

        out, err: where it speaks.
        """
        return _start(self.address, command[0], command[1:], dict(env), str(cwd), out, err)


def listening(address: str) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    door.bind(address)
    door.listen(32)  # who comes before everything is imported waits here
    return door


def imported_once(folder: Path, until: int) -> str:
    """The address of the process that has imported everything, which lives until another one ends."""
    address = folder / "processes.socket"
    with address.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not address.exists():
            with listening(str(address)) as door:
                command = [sys.executable, "-m", __name__, str(door.fileno()), str(until)]
                subprocess.Popen(command, pass_fds=[door.fileno()], cwd=ROOT)
    return str(address)


def skip_alembic() -> None:
    """Lets stock nbgrader, too, ask alembic in this process which version a new gradebook has."""
    from nbgrader import api

    from autograder.gradebook import newest_version

    api.get_alembic_version = newest_version


def use(address: str) -> None:
    """Sees to it that each nursery and each zygote that this process starts is warm."""

    def start(module: str, control: socket.socket, *more: str, environment: dict[str, str]) -> Process:
        return _start(address, module, more, environment, "/", 1, 2, control.fileno())

    launch._start = start  # type: ignore[assignment]


def _start(
    address: str, module: str, arguments: Sequence[str], environment: dict[str, str], folder: str, *files: int
) -> Process:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST)
    connection.connect(address)
    asked = {"module": module, "arguments": arguments, "environment": environment, "folder": folder}
    with open("/proc/thread-self/ns/net") as network:  # in which a child of this thread would be
        socket.send_fds(connection, [json.dumps(asked).encode()], [network.fileno(), *files])
    return Process(connection)


class Process:
    """A warm process, as subprocess.Popen has a child. It is killed when this is forgotten."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self.returncode: int | None = None
        self.pid = int(connection.recv(16))

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a warm process", timeout or 0)
            self.returncode = int(self._connection.recv(16))
            self._connection.close()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


# The process of which they are forks ---------------------------------------------------------------------------------


class Child:
    """A child of this process, as subprocess.Popen has one."""

    def __init__(self, pid: int):
        self.pid, self.returncode = pid, None

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or 0)
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired("a warm process", timeout or 0)
            else:
                time.sleep(0.005)
        return self.returncode

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


def fork(module: str, control: socket.socket, *more: str, environment: dict[str, str]) -> Child:
    """In place of ``autograder.launch._start``, in a process that is warm: what it starts is a fork of its own."""
    pid = os.fork()
    if pid:
        return Child(pid)
    with contextlib.suppress(BaseException):
        become(module, more, environment, "/", (1, 2, control.fileno()))
    os._exit(1)


def run_and_leave(main: Callable[..., Any], **arguments: Any) -> NoReturn:
    """Ends this process as Python does after a program, but frees nothing before: where torch is, that takes 0.6 s."""
    try:
        status = main(**arguments)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


def enter(namespace: int, kind: int) -> None:
    """Joins a namespace, if this process is not in it: an ordinary user may join none that is not their own.

    kind: such as sandbox.CLONE_NEWNET.
    """
    name = {sandbox.CLONE_NEWNET: "net", sandbox.CLONE_NEWNS: "mnt", sandbox.CLONE_NEWUSER: "user"}[kind]
    with open(f"/proc/self/ns/{name}") as own:
        if not os.path.sameopenfile(namespace, own.fileno()):
            sandbox._call("setns", namespace, kind)


def join(process: int) -> None:
    """Sees the files that another process sees."""
    with open(f"/proc/{process}/ns/user") as user, open(f"/proc/{process}/ns/mnt") as files:
        enter(user.fileno(), sandbox.CLONE_NEWUSER)
        enter(files.fileno(), sandbox.CLONE_NEWNS)


def become(
    module: str, arguments: Sequence[str], environment: dict[str, str], folder: str, files: Sequence[int]
) -> Any:
    """Makes this process what ``python -m`` makes of one. files: the only ones that stay open, besides no input."""
    kept = [os.dup(file) for file in (os.open(os.devnull, os.O_RDONLY), *files)]  # beside where they are to be
    for number, file in enumerate(kept):
        os.dup2(file, number)
    os.closerange(len(kept), 4096)
    os.environ.clear()
    os.environ.update(environment)
    if "dask" in sys.modules:
        importlib.import_module("dask.config").refresh()  # it has read the settings of its environment already
    os.chdir(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sys.argv = [module, *(["3"] if len(kept) == 4 else []), *arguments]
    from nbgrader.apps import NbGraderApp

    from autograder import __main__, nursery, zygote

    mains: dict[str, Callable[[], int | None]] = {
        "autograder": __main__.main,
        "nbgrader": NbGraderApp.launch_instance,
        "server": lambda: importlib.import_module("jupyter_server.serverapp").main(),
        "dask": lambda: importlib.import_module("dask.cli").run_cli(),  # not everybody has installed it
        "nursery": nursery.main,
        "zygote": zygote.main,
        "-c": lambda: exec(sys.argv.pop(1), {"__name__": "__main__"}),
        "serve": lambda: serve(socket.socket(fileno=3)),
    }
    return mains[module]()


def warm_up() -> None:
    """Imports all that the grader's own processes need, and lets them be forks of this one."""
    # As our command has it, and for the same reason.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

    from autograder import grade, nursery, sandbox, zygote  # noqa: F401

    skip_alembic()
    cells = zygote.warm()
    zygote.warm = lambda: cells
    launch._start = fork  # type: ignore[assignment]


def serve(door: socket.socket, until: int | None = None) -> NoReturn:
    """Forks a process for each connection, tells its number there and, when it has ended, how.

    until: a process, with which this one ends.
    """
    end = [] if until is None else [os.pidfd_open(until)]
    living: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready = select.select([door, *end, *living, *(connection for _, connection in living.values())], [], [])[0]
        if end and end[0] in ready:
            os._exit(0)
        for handle, (pid, connection) in list(living.items()):
            if handle in ready:
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):  # nobody wants to know
                    connection.send(str(status).encode())
            elif connection in ready:  # forgotten
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            else:
                continue
            connection.close()
            os.close(handle)
            del living[handle]
        if door in ready:
            connection, _ = door.accept()
            message, (network, *files), _, _ = socket.recv_fds(connection, MOST, 4)
            asked = json.loads(message)
            if asked["module"] == "dask":
                importlib.import_module("distributed.cli.dask_worker")  # once, here
            pid = os.fork()
            if pid == 0:
                enter(network, sandbox.CLONE_NEWNET)
                run_and_leave(become, files=files, **asked)
            for file in (network, *files):
                os.close(file)
            connection.send(str(pid).encode())
            living[os.pidfd_open(pid)] = pid, connection


if __name__ == "__main__":
    warm_up()
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
