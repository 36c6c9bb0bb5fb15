"""The process of which every attempt is a fork: it has imported everything that a notebook needs, and knows no secret.

Run as ``python -m autograder.zygote CONTROL LIMITS``: CONTROL is the number of a socket. For each message there, which
carries a connection to the examiner and a pipe for the exit status, it forks an attempt. Through the pipe it tells the
attempt's process id and, when that time has come, how it ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder import sandbox
from autograder.imports import importing
from autograder.sandbox import Limits

if TYPE_CHECKING:
    from autograder.cells import Cells


def main() -> None:
    serve(socket.socket(fileno=int(sys.argv[1])), Limits(**json.loads(sys.argv[2])))


def serve(control: socket.socket, limits: Limits, cells: Cells | None = None) -> None:
    """Forks attempts until the control socket is closed. cells: of a process that is warm already."""
    sandbox.die_with_parent()
    sandbox.name_process("zygote")
    paths = sandbox.readable_paths()
    missing: dict[str, str] = {}
    try:
        sandbox.enter_root(paths)
    except OSError as error:
        missing["root"] = str(error)
    user = os.getuid(), os.getgid()
    if problem := sandbox.tried(lambda: sandbox.map_user(*user), lambda: sandbox.fork(sandbox.APART)):
        missing["namespaces"] = problem
    if problem := sandbox.tried(sandbox.filter_calls):
        missing["seccomp"] = problem
    else:
        sandbox.call_filter()  # while this process may still read where libseccomp lies
    # Told before anything large is imported: where no submission may run, that is known at once.
    said: dict[str, object] = {"missing": missing, "landlock": sandbox.landlock_version()}
    if missing and (problem := sandbox.tried(sandbox.become_nobody)):
        said["stays_root"] = problem
    control.send(json.dumps(said).encode())
    cells = cells or warm()
    cells.recorder.text_left, cells.recorder.rich_left = limits.text, limits.output // 2
    if missing:
        sandbox.become_nobody()  # nothing above may have got as far as that
    sandbox.die_with_parent()  # a change of user has taken it back
    # Whoever has put the grading into the background may have had it ignore interrupts, and a loop is to end by one.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    control.send(b"ready")
    _fork_attempts(control, Circumstances(paths, limits, "namespaces" not in missing, "root" not in missing), cells)


@dataclass(frozen=True)
class Circumstances:
    """What an attempt is sealed with. paths: what may be read.

    apart: whether it has namespaces of its own. rooted: whether the zygote has a root that holds nothing but what may
    be read, and no network.
    """

    paths: list[str]
    limits: Limits
    apart: bool
    rooted: bool


def _fork_attempts(control: socket.socket, around: Circumstances, cells: Cells) -> None:
    """Forks an attempt for each message, and tells how each ended, until the control socket is closed."""
    user = os.getuid(), os.getgid()
    # A network namespace takes longer than all the others. One without a network serves for all.
    spaces = sandbox.APART & ~sandbox.CLONE_NEWNET if around.rooted else sandbox.APART
    running: dict[int, tuple[int, int]] = {}  # by a handle of the process: its id, and where to tell of it
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                waiting.unregister(ready)
                _tell_end(*running.pop(ready), around.limits)
                os.close(ready)
                continue
            message, handles, _, _ = socket.recv_fds(control, 16, 2)
            if not message:
                return
            connection, status = handles
            try:
                attempt = sandbox.fork(spaces if around.apart else 0)
            except OSError:
                _tell(status, 70)
                os.close(status)
            else:
                if attempt == 0:
                    for handle in (control.fileno(), status, *running, *(other for _, other in running.values())):
                        os.close(handle)
                    _attempt(connection, user, around, cells)
                process = os.pidfd_open(attempt)
                running[process] = attempt, status
                waiting.register(process, select.POLLIN)
                _tell(status, attempt)
            os.close(connection)


def _tell(status: int, number: int) -> None:
    with contextlib.suppress(OSError):  # nobody is there to be told
        os.write(status, f"{number}\n".encode())


def _tell_end(attempt: int, status: int, limits: Limits) -> None:
    """Tells how an attempt has ended, as subprocess tells it."""
    _, how, used = os.wait4(attempt, 0)
    code = os.waitstatus_to_exitcode(how)
    if code == -signal.SIGKILL and used.ru_utime + used.ru_stime >= sandbox.cpu_seconds(limits):
        code = -signal.SIGXCPU  # which the first process of a PID namespace cannot be sent
    _tell(status, code)
    os.close(status)


def warm() -> Cells:
    """Imports what notebooks use, and uses it once, so that no fork pays for a first time."""
    with importing():
        import matplotlib.pyplot as plt
        import torch
        import torch.nn.functional as F
        import tqdm  # noqa: F401

        import course_lib
        from autograder import attempt
        from autograder.cells import Cells

        for module in pkgutil.walk_packages(course_lib.__path__, "course_lib."):
            importlib.import_module(module.name)
        laying = threading.Thread(target=sandbox.use_huge_pages)  # beside what follows, on another core
        laying.start()
        torch.set_num_threads(1)
        # Else the first call of assert_close imports all of torch.distributed.tensor, 1.5 s in every attempt.
        vars(torch.testing._comparison)["_HAS_DTENSOR"] = False
        x = torch.randn(1, 1, 4, 4, requires_grad=True)
        F.max_pool2d(x, 2).sum().backward()
        cells = Cells(1 << 20, 1 << 20)
        cells.run("1 / 0")
        plt.figure().savefig(os.devnull, format="png")
        plt.close("all")
        attempt.warm()
    cells.forget()
    laying.join()
    sandbox.use_huge_pages()  # what has come since
    return cells


def _attempt(handle: int, user: tuple[int, int], around: Circumstances, cells: Cells) -> None:
    """The attempt: seals itself, then serves the examiner until one of the two is gone."""
    code = 70
    try:
        if around.apart:
            sandbox.map_user(*user)
        sandbox.die_with_parent()
        sandbox.name_process("attempt")
        os.setsid()
        connection = socket.socket(fileno=handle)
        sandbox.limit(around.limits)
        with contextlib.suppress(OSError):
            sandbox.tell("/proc/self/oom_score_adj", "500")  # before the zygote, where memory is short
        scratch = "/tmp" if around.apart else tempfile.mkdtemp(prefix="attempt-")
        if around.apart:
            sandbox.own_scratch(around.limits, around.paths)
            sandbox.drop_capabilities()
        os.chdir(scratch)
        if sandbox.landlock_version():
            # Where "/" holds more than may be read, Landlock has to see to it.
            sandbox.landlock(["/"] if around.apart and around.rooted else around.paths, [scratch, "/dev/null"])
        sandbox.filter_calls()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        from autograder.attempt import serve

        code = 71
        serve(connection, cells)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
