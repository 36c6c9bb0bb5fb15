"""Whichever part of a cluster is lost, and whenever: the gradebook comes to the same, row for row.

The moments are seeded. First a cluster on this machine; then dask's own commands, as `python -m autograder
certificates` tells them, with TLS between all parts, one of which lies behind a network of its own.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from autograder import certificates, cluster, cluster_pool, grade, ledger, sandbox
from autograder.sandbox import Limits

pytestmark = pytest.mark.xdist_group("faults")

Rooms = Callable[[Path], Any]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the instructor is told while grading goes on."""
    said: list[str] = []
    monkeypatch.setattr(grade, "told", said.append)
    return said


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker is late after six seconds, instead of three minutes."""
    monkeypatch.setattr(cluster, "SLACK", 6 - 2 * Limits().wall_seconds)


def graded(
    room: Any, address: str, folder: Path | None = None, at: int = 0, strike: Callable[[], object] = lambda: None
) -> list[grade.Row]:
    """Grades a class on a cluster; calls ``strike`` when so many results have come.

    That is before the last of them is written: meanwhile the workers would go on, and could have nothing left to do.
    """
    grading = grade.Grading(room.root, scheduler=address, certificates=folder)
    results = grading._results

    def struck(scripts: Iterator) -> Iterator:
        for number, result in enumerate(results(scripts), 1):
            if number == at:
                strike()
            yield result

    grading._results = struck  # type: ignore[method-assign]
    return list(grading.rows())


def all_fit(address: str, count: int, folder: Path | None = None) -> None:
    """Waits until every worker has looked at itself, so that each has work in hand when something happens."""
    common = {"versions": ledger.versions(), "options": {"limits": asdict(Limits()), "trust_submissions": False}}
    look, text = cluster_pool.CALL.format(function="look"), {"text": json.dumps(common)}
    with cluster._client(address, folder) as client:
        client.wait_for_workers(count, timeout=180)
        there = client.sync(client.scheduler.identity)["workers"]
        client.gather([client.submit(eval, look, text, workers=[each], pure=False) for each in there])


def is_whole(rows: list[grade.Row], room: Any, undisturbed: list[tuple]) -> None:
    """Every learner is graded, once, and the gradebook is that of an undisturbed run; a second run changes nothing."""
    assert sorted(row.student for row in rows) == sorted({row[0] for row in undisturbed})
    assert [row.problem for row in rows] == [""] * 6
    assert room.rows() == undisturbed
    assert [row.written for row in grade.Grading(room.root).rows()] == [False] * 6
    assert room.rows() == undisturbed


def started(room: Any, environment: dict[str, str], *options: str, results: int) -> tuple[Any, Path]:
    """The command that grades, when it has this many results; and where it says what."""
    said = room.root / "said.txt"
    with open(said, "w") as file:
        command = ["autograder", "grade", *options]
        grading = room.warm.command(*command, cwd=room.root, env=environment, err=file.fileno())
    while len(list((room.root / ".ledger").glob("??/*.json"))) < results:
        assert grading.poll() is None, said.read_text()
        time.sleep(0.01)
    return grading, said


# A cluster on this machine -------------------------------------------------------------------------------------------


def test_a_worker_is_killed(
    two_workers: Any,
    class_of_six: Rooms,
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    told: list[str],
) -> None:
    moment = random.Random(1)
    at, pause, which = moment.randrange(1, 3), moment.uniform(0, 0.2), moment.randrange(2)

    def kill() -> None:
        time.sleep(pause)
        os.kill(two_workers.workers[which].pid, signal.SIGKILL)

    room = class_of_six(tmp_path)
    all_fit(two_workers.scheduler_address, 3)
    rows = graded(room, two_workers.scheduler_address, at=at, strike=kill)
    is_whole(rows, room, undisturbed)
    assert any("is gone; what it had" in line for line in told)


def test_a_worker_hangs_and_its_late_answers_are_ignored(
    two_workers: Any,
    class_of_six: Rooms,
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    soon: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    which = random.Random(3).randrange(2)
    hangs, other = two_workers.workers[which].pid, two_workers.workers[1 - which].pid
    told: list[str] = []

    def tell(sentence: str) -> None:
        told.append(sentence)
        if "does not answer in time" in sentence:  # now it answers, while the other does its work and is not done
            os.kill(other, signal.SIGSTOP)
            os.kill(hangs, signal.SIGCONT)
        elif "answers again" in sentence:
            os.kill(other, signal.SIGCONT)

    monkeypatch.setattr(grade, "told", tell)
    room = class_of_six(tmp_path)
    all_fit(two_workers.scheduler_address, 3)
    rows = graded(room, two_workers.scheduler_address, at=1, strike=lambda: os.kill(hangs, signal.SIGSTOP))
    is_whole(rows, room, undisturbed)
    assert [line for line in told if "does not answer in time" in line]
    assert "answers again" in told[-1]


def test_the_client_is_killed_and_started_again(
    two_workers: Any,
    class_of_six: Rooms,
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    environment: dict[str, str],
) -> None:
    room = class_of_six(tmp_path)
    address = two_workers.scheduler_address
    grading, _ = started(room, environment, "--scheduler", address, results=random.Random(4).randrange(1, 4))
    grading.kill()
    grading.wait()
    assert len(room.rows()) < len(undisturbed)
    is_whole(graded(room, address), room, undisturbed)


# dask's own commands, and a network of their own ---------------------------------------------------------------------


@contextmanager
def inside(network: str) -> Iterator[None]:
    """This thread, and all that it starts, is in a network that has this name."""
    with open("/proc/thread-self/ns/net") as own, open(f"/run/netns/{network}") as other:
        sandbox._call("setns", other.fileno(), sandbox.CLONE_NEWNET)
        try:
            yield
        finally:
            sandbox._call("setns", own.fileno(), sandbox.CLONE_NEWNET)


class Site:
    """A scheduler, a worker beside it and one that is far away, by the commands that ``certificates`` tells.

    The first scheduler and the first worker beside it are what these commands start. Who comes later or is far away is
    a warm process; such a worker has no nanny, because a nanny's worker is always a new one. All zygotes are warm.
    """

    def __init__(self, folder: Path, environment: dict[str, str], warm: Any, preload: str):
        told = certificates.made(folder)
        self.environment, self.warm = environment, warm
        self.folder, self.log = folder, open(folder / "log", "w")  # noqa: SIM115
        self.told = [line.strip() for line in told.splitlines() if " --tls-key " in line]
        (folder / "preload.py").write_text(preload)
        self.environment["DASK_DISTRIBUTED__WORKER__PRELOAD"] = json.dumps([str(folder / "preload.py")])
        self.near, self.there = f"near-{os.getpid()}", f"far-{os.getpid()}"  # two networks, and a way between them
        self.far = os.geteuid() == 0 and shutil.which("ip") is not None and self.ip(f"netns add {self.near}")
        self.host, self.distant = ("10.0.0.1", "10.0.0.2") if self.far else ("127.0.0.1", "")
        for arguments in (
            f"netns add {self.there}",
            f"-n {self.near} link add way type veth peer name way netns {self.there}",
            f"-n {self.near} addr add {self.host}/30 dev way",
            f"-n {self.near} link set way up",
            f"-n {self.near} link set lo up",
            f"-n {self.there} addr add {self.distant}/30 dev way",
            f"-n {self.there} link set lo up",
        ):
            assert not self.far or self.ip(arguments)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tls://{self.host}:{self.port}"
        self.processes: dict[str, Any] = {}

    def ip(self, arguments: str) -> bool:
        return subprocess.run(["ip", *arguments.split()], stderr=subprocess.DEVNULL).returncode == 0

    def reach(self, up: bool) -> None:
        """Joins the worker that is far away, or cuts it off."""
        assert self.ip(f"-n {self.there} link set way {'up' if up else 'down'}")

    def start(self, *names: str) -> None:
        """Starts what does not run."""
        if self.far:
            self.reach(True)
        for name in names:
            if name not in self.processes and name != "far":
                self.processes[name] = self.new(name)
            elif name not in self.processes or self.processes[name].poll() is not None:
                with inside(self.there) if name == "far" else nullcontext():
                    self.processes[name] = self.warm_one(name)
        while True:
            with suppress(OSError), socket.create_connection((self.host, self.port)):
                return
            assert self.processes["scheduler"].poll() is None, (self.folder / "log").read_text()
            time.sleep(0.1)

    def command(self, name: str) -> list[str]:
        """What starts it, perhaps with a variable before it."""
        scheduler, worker = (told.replace("SCHEDULER", self.host).replace("8786", str(self.port)) for told in self.told)
        return shlex.split(scheduler if name == "scheduler" else f"{worker} --nworkers 1 --name {name}")

    def new(self, name: str) -> subprocess.Popen:
        command = ["env", *self.command(name)]
        return subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True)

    def warm_one(self, name: str) -> Any:
        command = self.command(name)
        begin = command.index("dask")
        more = [] if name == "scheduler" else ["--no-nanny"]
        variables = self.environment | dict(word.split("=") for word in command[:begin])
        log = self.log.fileno()
        return self.warm.command(*command[begin:], *more, cwd=Path.cwd(), env=variables, out=log, err=log)

    def kill(self, name: str) -> None:
        """Kills a process, if it was started, and all that it started."""
        if process := self.processes.get(name):
            if isinstance(process, subprocess.Popen):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
            process.wait()

    def close(self) -> None:
        for name in self.processes:
            self.kill(name)
        self.log.close()
        if self.far:
            self.ip(f"netns del {self.near}")
            self.ip(f"netns del {self.there}")


@pytest.fixture(scope="module")
def built_site(
    tmp_path_factory: pytest.TempPathFactory,
    environment: dict[str, str],
    quiet: dict[str, str],
    warm: Any,
    warm_preload: str,
) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site") / "certificates", environment | quiet, warm, warm_preload)
    yield site
    site.close()


@pytest.fixture
def site(built_site: Site) -> Iterator[Site]:
    """The test, and all that it starts, in the network that is near.

    The machine's own network must not change: a browser would drop what it is fetching, and browsers are tested too.
    """
    with inside(built_site.near) if built_site.far else nullcontext():
        yield built_site


def test_the_network_is_cut(
    site: Site,
    class_of_six: Rooms,
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    soon: None,
    told: list[str],
) -> None:
    if not site.far:
        pytest.skip("only root, with the command ip (Debian's iproute2), may make a network to be cut")
    site.start("scheduler", "near", "far")
    room = class_of_six(tmp_path)
    all_fit(site.address, 2, site.folder)
    at = random.Random(5).randrange(1, 3)
    rows = graded(room, site.address, site.folder, at=at, strike=lambda: site.reach(False))
    is_whole(rows, room, undisturbed)
    assert [line for line in told if site.distant in line and "does not answer in time" in line]


def test_the_scheduler_is_killed_and_nobody_between_could_read_a_word(
    site: Site,
    overhear: Callable,
    class_of_six: Rooms,
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    environment: dict[str, str],
) -> None:
    site.kill("far")  # one worker has three at a time, so some are still to be handed out after the first is done
    site.start("scheduler", "near")
    room = class_of_six(tmp_path)
    impatient = environment | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    with overhear(site.address) as (address, heard):
        options = "--scheduler", address, "--certificates", str(site.folder)
        grading, words = started(room, impatient, *options, results=random.Random(6).randrange(1, 3))
        site.kill("scheduler")
        assert grading.wait(60) == 1
        said = words.read_text()
        assert f"The scheduler at {address} does not answer" in said
        assert f"connection to the scheduler at {address} is lost" in said
        assert "Traceback" not in said
        assert 0 < len(room.rows()) < len(undisturbed)
        site.kill("near")  # it would end by itself, sooner or later
        site.start("scheduler", "near")
        all_fit(site.address, 1, site.folder)  # what stands between would not wait for the scheduler
        is_whole(graded(room, address, site.folder), room, undisturbed)
    assert len(heard) > 50_000
    assert b"output_size" not in heard
