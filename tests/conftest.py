"""Other people's commands as tests call them: nbgrader's own, and a Jupyter server that is ended in any case."""

from __future__ import annotations

import os
import shutil
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

import nbformat
import pytest
from nbformat import NotebookNode

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
def environment() -> dict[str, str]:
    """The variables with which a command finds nbgrader's parts."""
    return ENVIRONMENT


@pytest.fixture(scope="session")
def nbgrader() -> Callable[..., str]:
    """Runs one nbgrader command in a course directory: `nbgrader(root, "autograde", "01_pooling")`."""
    return run_nbgrader


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Starts a Jupyter server: `with serve(lambda port: [...], cwd, log) as address`."""
    return serving


class Classroom:
    """A scratch course with lesson 00 as it is here, in which learners hand in and a grader runs."""

    stem = "00_start_here"

    def __init__(self, root: Path):
        self.root = root
        for part in ("solutions", "notebooks"):
            (root / part / self.stem).mkdir(parents=True)
            shutil.copy(ROOT / part / self.stem / f"{self.stem}.ipynb", root / part / self.stem)
        shutil.copy(ROOT / "nbgrader_config.py", root)
        (root / ".course_secret").write_text("a secret of the tests\n", encoding="utf-8")

    def submission(self, learner: str) -> Path:
        """Where a learner's notebook lies; its folder is there."""
        path = self.root / "submitted" / learner / self.stem / f"{self.stem}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def autograded(self, learner: str) -> NotebookNode:
        return nbformat.read(self.root / "autograded" / learner / self.stem / f"{self.stem}.ipynb", as_version=4)

    def notebook(self, part: str = "notebooks", **sources: str) -> NotebookNode:
        """The released lesson, or with ``solutions`` the worked one, with other sources of some cells by grade_id."""
        notebook = nbformat.read(self.root / part / self.stem / f"{self.stem}.ipynb", as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = sources.pop(name, cell.source)
        assert not sources
        return notebook

    def hand_in(self, learner: str, notebook: NotebookNode | str) -> Path:
        text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
        self.submission(learner).write_text(text, encoding="utf-8")
        return self.submission(learner)

    def grade(self, *options: str) -> str:
        """What `python -m autograder grade` says; an assertion that it ends well."""
        command = [sys.executable, "-m", "autograder", "grade", *options]
        ran = subprocess.run(command, cwd=self.root, env=ENVIRONMENT, text=True, capture_output=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def scores(self) -> dict[str, dict[str, float | None]]:
        """The automatic scores in the gradebook, by learner and grade_id."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root}/gradebook.db", "down_and_up") as book:
            return {
                submission.student_id: {
                    grade.name: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
                }
                for submission in book.assignment_submissions(self.stem)
            }

    def rows(self) -> list[tuple]:
        """Everything that the gradebook says about learners, without its random ids."""
        query = """
            SELECT sa.student_id, a.name, sa.timestamp, n.name, sn.late_submission_penalty, c.name, c.type,
                   g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade, k.auto_comment, k.manual_comment
            FROM submitted_assignment sa JOIN assignment a ON a.id = sa.assignment_id
            JOIN submitted_notebook sn ON sn.assignment_id = sa.id JOIN notebook n ON n.id = sn.notebook_id
            JOIN base_cell c ON c.notebook_id = n.id
            LEFT JOIN grade g ON g.cell_id = c.id AND g.notebook_id = sn.id
            LEFT JOIN comment k ON k.cell_id = c.id AND k.notebook_id = sn.id
            ORDER BY sa.student_id, n.name, c.name"""
        from sqlalchemy import create_engine, text

        engine = create_engine(f"sqlite:///{self.root}/gradebook.db")
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(text(query))]
        engine.dispose()
        return found


@pytest.fixture(scope="session")
def classroom() -> Callable[[Path], Classroom]:
    """Makes a scratch course with lesson 00 in an empty folder: `room = classroom(tmp_path)`."""
    return Classroom
