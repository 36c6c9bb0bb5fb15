"""Other people's commands as tests call them: nbgrader's own, and a Jupyter server that is ended in any case."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest
from nbformat import NotebookNode

from autograder import launch
from autograder.imports import importing
from tests.warm_kernels import warm_kernels
from tests.warm_processes import Warm, use

ROOT = Path(__file__).parents[1]
# torch.compile's own imports take seconds: one worker has all tests that need them.
COMPILE = "test_torch_compile"
# Where the tests are that take longest, by themselves or as a group that one worker has: the longest first.
LONG = (
    "tests/autograder/test_faults.py",
    "tests/lessons/test_lessons.py",
    "tests/browser",
    "tests/test_built_files.py",
    COMPILE,
    "tests/autograder",
    "tests/lessons",
    "tests/exercises",
    "tests/analysis",
)
# nbgrader calls alembic and jupyter by their names, so the environment must be on the PATH.
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """While all modules are imported the collector rests."""
    gc.set_threshold(20_000)  # torch.compile makes so many objects that it would look a fifth of the time
    with importing():
        return (yield)


def pytest_sessionfinish() -> None:
    """A worker that ends frees what it holds and does not look through it six times before: 3 seconds."""
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a worker waits for a tenth of its time, for servers, browsers and time limits."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, so that in the end the many short ones fill all workers alike."""

    def place(item: pytest.Item) -> int:
        names = item.path.relative_to(ROOT).as_posix(), item.name
        return next((number for number, long in enumerate(LONG) if any(n.startswith(long) for n in names)), len(LONG))

    for item in items:
        if item.name.startswith(COMPILE):
            item.add_marker(pytest.mark.xdist_group(COMPILE))
    items.sort(key=place)


def run_nbgrader(root: Path, *arguments: str, **variables: str) -> str:
    """What one nbgrader command says; an assertion that it ends well. variables: of its environment."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    ran = subprocess.run(
        command, cwd=root, env=ENVIRONMENT | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout


# In a mount namespace of its own: these paths, in a folder that is no longer closed.
OPENED = """
set -e
scratch=$1 closed=$2
shift 2
mount -t tmpfs -o mode=755 tmpfs "$scratch"
while [ "$1" != -- ]; do
  mkdir -p "$scratch${1#"$closed"}"
  mount --rbind "$1" "$scratch${1#"$closed"}"
  shift
done
shift
mount --rbind "$scratch" "$closed"
exec "$@"
"""


def as_anybody(scratch: Path, *command: str) -> list[str]:
    """The command, run by root so that other users reach this Python and the course, whatever root keeps closed.

    scratch: an empty folder. A test that asks for this is skipped where there is no root, or no mount for root.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can become other users: run this test as root, in a container for example")
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("util-linux is not installed")
    if subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", scratch], check=False).returncode:
        pytest.skip("root may not mount anything here, as in a container without CAP_SYS_ADMIN")
    needed = [str(path) for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix))]
    above = (folder for path in needed for folder in reversed(Path(path).parents))
    closed = next((str(folder) for folder in above if not folder.stat().st_mode & 1), None)
    if closed:
        kept = [path for path in needed if path.startswith(f"{closed}/")]
        command = ("sh", "-c", OPENED, "sh", str(scratch), closed, *kept, "--", *command)
    return ["unshare", "--mount", *command]


@contextmanager
def serving(
    command: Callable[[int], list[str]], cwd: Path, log: Path, warm: Warm | None = None, **variables: str
) -> Iterator[str]:
    """The address of a Jupyter server that `command` starts on a free port, until the block ends.

    warm: where the server is to be had warm, and with it the zygotes that it starts.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    env = ENVIRONMENT | variables
    # Where JupyterLab finds Node.js it asks it twice for what is needed to build JupyterLab, which takes a second.
    without = log.parent / f"without-{port}"
    without.mkdir()
    for name in ("node", "npm"):
        (without / name).symlink_to(shutil.which("false") or "false")
    env["PATH"] = f"{without}{os.pathsep}{env['PATH']}"
    with log.open("w") as said:
        server = (
            warm.command(*command(port), cwd=cwd, env=env, out=said.fileno(), err=said.fileno())
            if warm
            else subprocess.Popen(command(port), cwd=cwd, env=env, stdout=said, stderr=said, start_new_session=True)
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
        # The whole group: make stands before its server. A warm one has no group of its own.
        (os.kill if warm else os.killpg)(server.pid, signal.SIGTERM)
        server.wait(30)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The variables with which a command finds nbgrader's parts."""
    return ENVIRONMENT


@pytest.fixture(scope="session")
def anybody() -> Callable[..., list[str]]:
    """A command as other users can run it: `anybody(scratch, "setpriv", "--reuid=…", sys.executable, …)`."""
    return as_anybody


@pytest.fixture(scope="session")
def cold_nbgrader() -> Callable[..., str]:
    """Runs one nbgrader command in a course directory, as anybody starts it."""
    return run_nbgrader


@pytest.fixture(scope="session")
def nbgrader(warm: Warm) -> Callable[..., str]:
    """The same, without the seconds in which it is imported: `nbgrader(root, "autograde", "01_pooling")`."""
    return lambda root, *arguments, **variables: said(
        warm, "nbgrader", *arguments, cwd=root, env=ENVIRONMENT | variables
    )


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Starts a Jupyter server: `with serve(lambda port: [...], cwd, log) as address`."""
    return serving


# What else a Jupyter server has here; formgrader needs none of it.
OTHERS = "jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals", "jupytext"


@pytest.fixture(scope="session")
def serve_formgrader(warm: Warm) -> Callable[..., AbstractContextManager[str]]:
    """Starts a Jupyter server with formgrader, warm, whose token is "token": `with serve_formgrader(root, log)`."""

    def command(port: int) -> list[str]:
        options = [f"--port={port}", "--IdentityProvider.token=token"]
        options.append(f"--ServerApp.jpserver_extensions={dict.fromkeys(OTHERS, False)}")
        return ["server", "--no-browser", "--allow-root", *options]

    return lambda root, log, **variables: serving(command, root, log, warm, **variables)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder that all workers of this run have in common, and the number of the process with which the run ends."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent, os.getppid()) if "PYTEST_XDIST_WORKER" in os.environ else (folder, os.getpid())


@pytest.fixture(scope="session")
def kernels(shared: tuple[Path, int]) -> dict[str, str]:
    """The variables with which lessons get kernels that have imported torch."""
    return warm_kernels(*shared)


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory, shared: tuple[Path, int]) -> Iterator[Warm]:
    """The grader's own processes, warm: `warm.command("grade", cwd=root, env=environment)`."""
    warm = Warm(tmp_path_factory.mktemp("warm"), *shared)
    yield warm
    warm.close()


@pytest.fixture(scope="module")
def warm_start(warm: Warm) -> Iterator[None]:
    """Lets what a module's tests start in their own process be warm: a nursery, a zygote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "_start", launch._start)  # is put back
        use(warm.address)
        yield


def said(warm: Warm, *command: str, cwd: Path, env: Mapping[str, str]) -> str:
    """What a warm command says; an assertion that it ends well."""
    ran = run_warm(warm, *command, cwd=cwd, env=env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def run_warm(warm: Warm, *command: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        status = warm.command(*command, cwd=cwd, env=env, out=out.fileno(), err=err.fileno()).wait()
        words = [os.pread(file.fileno(), 1 << 24, 0).decode() for file in (out, err)]
    return subprocess.CompletedProcess(command, status, *words)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real browser without a window, of Playwright's; one process can have no second Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    # The first is the same browser without the windows, menus and extensions that nobody sees here.
    names = "chromium-headless-shell", "chromium", "google-chrome"
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium-headless-shell, or chromium")
    flags = ["--no-sandbox", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=found, args=flags)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def warm_python(warm: Warm) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a text of Python's as ``python -c`` does, but warm, with all that it starts: `warm_python(text, "word")`."""
    return lambda text, *arguments: run_warm(warm, "-c", text, *arguments, cwd=ROOT, env=ENVIRONMENT)


class Classroom:
    """A scratch course with lesson 00 as it is here, in which learners hand in and a grader runs."""

    stem = "00_start_here"

    def __init__(self, root: Path, warm: Warm):
        self.root, self.warm = root, warm
        self.db_url = f"sqlite:///{root}/gradebook.db"  # of the gradebook that scores() and rows() read
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
        return said(self.warm, "autograder", "grade", *options, cwd=self.root, env=ENVIRONMENT)

    def scores(self) -> dict[str, dict[str, float | None]]:
        """The automatic scores in the gradebook, by learner and grade_id."""
        from nbgrader.api import Gradebook

        with Gradebook(self.db_url, "down_and_up") as book:
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
            LEFT JOIN comment k ON k.cell_id = c.id AND k.notebook_id = sn.id"""
        from sqlalchemy import Boolean, DateTime, create_engine, text

        engine = create_engine(self.db_url)
        columns = text(query).columns(timestamp=DateTime, needs_manual_grade=Boolean)
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.execute(columns)]
        engine.dispose()
        # Sorted here: each database has its own order of letters.
        return sorted(found, key=lambda row: (row[0], row[3], row[5]))


@pytest.fixture(scope="session")
def classroom(warm: Warm) -> Callable[[Path], Classroom]:
    """Makes a scratch course with lesson 00 in an empty folder: `room = classroom(tmp_path)`."""
    return lambda root: Classroom(root, warm)


class PostgreSQL:
    """A server of the tests' own, in a scratch folder. It listens on a socket there and on the loopback address."""

    owner, password = "owner", "p@ss/w:ord%"  # a password with all that must be written otherwise in an address

    def __init__(self, binaries: Path, folder: Path):
        self._binaries, self.folder, self._count = binaries, folder, 0
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "password").write_text(self.password)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth-local=trust"]
        self._run("initdb", "-U", self.owner, "--auth-host=scram-sha-256", f"--pwfile={folder}/password", *options)
        with open(folder / "data" / "postgresql.conf", "a") as settings:
            settings.write(f"unix_socket_directories='{folder}'\nport={self.port}\nfsync=off\n")
            settings.write("listen_addresses='127.0.0.1'\nmax_connections=30\nshared_buffers='16MB'\n")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self.folder / "data"), *arguments]
        with open(self.folder / "said.txt", "a") as said:
            ran = subprocess.run(command, cwd=self.folder, stdout=said, stderr=said, **self._user)
        assert ran.returncode == 0, (self.folder / "said.txt").read_text()

    def start(self) -> None:
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log.txt"))

    def stop(self) -> None:
        """As if the machine had lost its power."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-m", "immediate")

    def restart(self) -> None:
        self._run("pg_ctl", "restart", "-w", "-m", "immediate", "-l", str(self.folder / "log.txt"))

    def url(self, database: str) -> str:
        """The address of a database, by the socket: nobody is asked for a password there."""
        return f"postgresql://{self.owner}@/{database}?host={self.folder}&port={self.port}"

    def url_by_network(self, database: str, password: str = "") -> str:
        """By the loopback address, where the server asks for the password."""
        known = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{self.owner}{known}@127.0.0.1:{self.port}/{database}"

    def database(self, like: str = "template0") -> str:
        """The address of a new database: an empty one, or a copy of that at another address."""
        from sqlalchemy import create_engine, make_url, text

        self._count += 1
        template = make_url(like).database if "://" in like else like
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE course{self._count} TEMPLATE {template}"))
        engine.dispose()
        return self.url(f"course{self._count}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A server for all tests of one process; each takes a database of its own."""
    pytest.importorskip("psycopg", reason="no psycopg: make setup installs it")
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default="")
    if not found:
        pytest.skip("no PostgreSQL server: install it (on Debian and Ubuntu: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="down-and-up-") as scratch:
        server = PostgreSQL(Path(found).resolve().parent, Path(scratch))
        try:
            yield server
        finally:
            server.stop()
