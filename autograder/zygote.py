"""The process of which every attempt is a fork: it has imported everything that a notebook needs, and knows no secret.

Run as ``python -m autograder.zygote CONTROL LIMITS``: CONTROL is the number of a socket. For each message there, which
carries a connection to the examiner and a pipe for the exit status, it forks an attempt. Between the zygote and the
attempt stands a *keeper*: it makes the namespaces, tells the attempt's process id, and reports how it ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
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
    if problem := sandbox.tried(sandbox.divide):
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
    control.send(b"ready")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the keepers are nobody's to wait for
    while True:
        message, handles, _, _ = socket.recv_fds(control, 16, 2)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _keep(handles[0], handles[1], paths, cells, limits, rooted="root" not in missing)
        for handle in handles:
            os.close(handle)


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


def _keep(connection: int, status: int, paths, cells, limits: Limits, rooted: bool) -> None:
    """The keeper: divides, forks the attempt, and tells the supervisor first its process id, then how it ended."""
    code = "70"
    try:
        os.setsid()
        sandbox.name_process("keeper")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sandbox.die_with_parent()
        divided = True
        try:
            sandbox.divide()
        except OSError:
            divided = False
        attempt = os.fork()
        if attempt == 0:
            os.close(status)
            _attempt(connection, paths, cells, limits, divided, rooted)
        os.close(connection)
        os.write(status, f"{attempt}\n".encode())
        _, how, used = os.wait4(attempt, 0)
        code = str(os.waitstatus_to_exitcode(how))
        if code == str(-signal.SIGKILL) and used.ru_utime + used.ru_stime >= sandbox.cpu_seconds(limits):
            code = str(-signal.SIGXCPU)  # which the first process of a PID namespace cannot be sent
    finally:
        os.write(status, f"{code}\n".encode())
        os._exit(0)


def _attempt(handle: int, paths, cells, limits: Limits, divided: bool, rooted: bool) -> None:
    """The attempt: seals itself, then serves the examiner until one of the two is gone.

    rooted: whether "/" holds nothing but what may be read; else Landlock has to see to it.
    """
    code = 70
    try:
        sandbox.die_with_parent()
        sandbox.name_process("attempt")
        connection = socket.socket(fileno=handle)
        sandbox.limit(limits)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500")  # before the zygote, where memory is short
        scratch = "/tmp" if divided else tempfile.mkdtemp(prefix="attempt-")
        if divided:
            sandbox.own_scratch(limits, paths)
            sandbox.drop_capabilities()
        os.chdir(scratch)
        if sandbox.landlock_version():
            sandbox.landlock(["/"] if divided and rooted else paths, [scratch, "/dev/null"])
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
