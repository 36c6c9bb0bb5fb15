"""Runs commands as other users, one line of JSON each, until nobody asks any more; root alone can.

nbgrader takes seconds to be imported, and torch, too: this is run in a warm process, and every command is a fork of it
that becomes the user.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from nbgrader.apps import NbGraderApp

from autograder import sandbox
from autograder.__main__ import main
from tests.warm_processes import join, run_and_leave


def run(user: str, uid: int, home: str, folder: str, log: str, arguments: list[str]) -> None:
    """Becomes the user for good and runs the command, whose words go into the log."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # As after execve: what is in /proc of this process is the user's.
    sandbox._call("prctl", sandbox.PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.umask(0o022)
    os.environ.update(HOME=home, USER=user, LOGNAME=user)
    os.chdir(folder)
    match arguments:
        case ["nbgrader", *rest]:
            NbGraderApp.launch_instance(rest)
        case ["python", "-m", "autograder", *rest]:
            sys.exit(main(rest))
        case _:
            os.execvp(arguments[0], arguments)


def serve(address: str, holder: int) -> None:
    """Serves whoever listens there, among the files that another process sees."""
    join(holder)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        asked = connection.makefile("r")
        for line in asked:
            child = os.fork()
            if child == 0:
                run_and_leave(run, **json.loads(line))
            connection.send(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())
