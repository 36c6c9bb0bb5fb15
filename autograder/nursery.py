"""The process of which workers and their zygotes are forks: it has imported what they need, and knows no secret.

Run as ``python -m autograder.nursery CONTROL``: CONTROL is the number of a socket. For each message there, which
carries a connection to the scheduler, it forks a worker. A worker forks its zygote, and only then is told the secret:
so one import of torch serves all, and nothing of which a learner's process is a fork has ever held the secret.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from autograder import launch, sandbox, zygote
from autograder.launch import Forked
from autograder.sandbox import SandboxError

if TYPE_CHECKING:
    from autograder.cells import Cells


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    sandbox.die_with_parent()
    sandbox.name_process("nursery")
    cells = zygote.warm()  # before the workers' own part, which imports torch, too: here it is imported in less time
    from autograder import examiner  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the workers are the scheduler's to watch
    while True:
        message, handles, _, _ = socket.recv_fds(control, 16, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _work(Connection(handles[0]), cells)
        os.close(handles[0])


def _work(connection: Connection, cells: Cells) -> None:
    """A worker: grades one script after the other until the scheduler is gone."""
    from autograder.examiner import grade
    from autograder.supervisor import Zygote

    def fork(ours: socket.socket, theirs: socket.socket) -> Forked:
        pid = os.fork()
        if pid:
            return Forked(pid)
        try:
            ours.close()
            connection.close()
            os.environ.clear()
            os.environ.update(launch.learners_environment())
            zygote.serve(theirs, limits, cells)
        finally:
            os._exit(0)

    try:
        sandbox.die_with_parent()
        sandbox.name_process("worker")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        limits, trust_submissions = connection.recv()
        nest = Zygote(limits, trust_submissions)
        nest.start(fork)
        secret = connection.recv()
        while script := connection.recv():
            connection.send(grade(script, nest, secret))
        nest.stop()
    except SandboxError as error:
        connection.send(error)
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
