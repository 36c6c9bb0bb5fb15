"""Runs commands as other users, one line of JSON each, until its input ends; must be started as root.

nbgrader takes seconds to be imported: it is imported once here, and every command is a fork that becomes the user.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

# jsonschema looks for this package and would build a grammar of web addresses, in seconds and for every command.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbgrader.converters  # noqa: E402, F401
import nbgrader.exchange.default  # noqa: E402, F401
from nbgrader.apps import NbGraderApp  # noqa: E402

from autograder.__main__ import main  # noqa: E402

sys.path.append(str(Path(__file__).parents[2]))
from tests.warm_processes import run_and_leave, skip_alembic  # noqa: E402


def run(user: str, uid: int, home: str, folder: str, log: str, arguments: list[str]) -> None:
    """Becomes the user for good and runs the command, whose words go into the log."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
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


# The grader's workers look at this file again.
if __name__ == "__main__":
    skip_alembic()
    gc.freeze()  # else the collector of every fork would look at, and so copy, all that is imported
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run_and_leave(run, **json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
