"""A scratch course with one small lesson: the smallest text that uses all of the format."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder import grade, schedule
from autograder.build import course_map, sync
from autograder.record import Record
from autograder.script import Script
from tests.warm_processes import skip_alembic

ROOT = Path(__file__).parents[2]
STEM = "98_halving"

LESSON = '''\
# %% [markdown]
# # Halving
#
# Every second value stays.

# %%
values = list(range(8))
values

# %% [markdown]
# ## A picture

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(2, 1))
axes.plot(values)
plt.show()

# %% tags=["varies"]
import time

print(time.perf_counter_ns())

# %% tags=["skip-execution"]
print("grading skips this cell")

# %% tags=["raises-exception"]
values[8]

# %% [markdown]
# ## Your turn

# %% nbgrader={"grade_id": "halve", "solution": true}
def halve(values):
    """Every second value of a list, from the first."""
    ### BEGIN SOLUTION
    return values[::2]
    ### END SOLUTION

# %% nbgrader={"grade_id": "check_halve", "grade": true, "points": 2}
result = 1.0 * (halve([1, 2, 3, 4]) == [1, 3])
### BEGIN HIDDEN TESTS
result += 1.0 * (halve([1, 2, 3]) == [1, 3])
### END HIDDEN TESTS
result
'''


def make_course(root: Path, lesson: str = LESSON) -> Path:
    """A course directory with nbgrader's settings of this repository, a README and one lesson's text."""
    text = root / "solutions" / STEM / f"{STEM}.py"
    text.parent.mkdir(parents=True)
    text.write_text(lesson, encoding="utf-8")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / "README.md").write_text(f"# Scratch\n\n{course_map.BEGIN}\n{course_map.END}\n", encoding="utf-8")
    return root


@pytest.fixture(scope="session", autouse=True)
def no_alembic() -> None:
    """Many gradebooks are made in the tests' own process. In commands that are not warm, nbgrader starts alembic."""
    skip_alembic()


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A scratch course that is not built."""
    return make_course(tmp_path)


@pytest.fixture
def kernels_are_warm(kernels: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test's lessons run in kernels that have imported torch."""
    for name, value in kernels.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory, kernels: dict[str, str]) -> Path:
    """A built scratch course that every test reads and none changes."""
    root = make_course(tmp_path_factory.mktemp("course"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kernels.items():
            patch.setenv(name, value)
        list(sync.build(root))
    return root


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """A built scratch course of the test's own."""
    return Path(shutil.copytree(built_once, tmp_path / "course"))


# Results without a run -----------------------------------------------------------------------------------------------


def word(scripts: Iterable[tuple[Hashable, Script]], **_: Any) -> Iterator[tuple[Hashable, Record]]:
    """Stands for schedule.grade_all: a submission says itself how many points each check gets, at most what it can."""
    for name, script in scripts:
        said = float(script.solutions["output_size"].partition("points = ")[2] or 0)
        checks = [step for step in script.steps if step.kind == "check"]
        yield name, Record(outputs={step.index: [result(min(said, step.points))] for step in checks}, seconds=0.5)


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Sees to it that nothing runs: ``points = 2`` in a submission is what it's worth. Gives what grades instead."""
    monkeypatch.setattr(schedule, "grade_all", word)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    grade.environment()
    return word


@pytest.fixture(scope="session")
def hand_in_points(classroom: Callable[[Path], Any]) -> Callable[..., Any]:
    """Makes a course to which learners have handed in what says its points: ``hand_in_points(root, {"ada": 4.0})``.

    Its gradebook has the assignment; graded: and everybody's points. times: what some learners' timestamp.txt says.
    """

    def make(
        root: Path, points: dict[str, float], times: Mapping[str, str] = {}, db_url: str = "", graded: bool = False
    ) -> Any:
        room = classroom(root)
        room.db_url = db_url or room.db_url
        for learner, said in points.items():
            path = room.hand_in(learner, room.notebook(output_size=f"points = {said}"))
            if learner in times:
                path.with_name("timestamp.txt").write_text(times[learner])
        prepare(room, word if graded else nobody)
        return room

    return make


def nobody(scripts: Iterable[tuple[Hashable, Script]], **_: Any) -> Iterator[tuple[Hashable, Record]]:
    """Stands for schedule.grade_all: asks for all that is to be run, and gives no results."""
    for _ in scripts:
        pass
    return iter(())


def prepare(room: Any, grade_all: Callable = nobody) -> None:
    """Puts the assignment into the gradebook of a course, and the results that ``grade_all`` gives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])
        patch.setattr(schedule, "grade_all", grade_all)
        grade.environment()
        list(grade.Grading(room.root, db_url=room.db_url).rows())


# A class that is graded for real ------------------------------------------------------------------------------------

# It takes a little while, so that what is killed has work in hand.
CONSTANT = """
def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    return {}

import time
time.sleep(0.3)
"""


@pytest.fixture(scope="session")
def class_of_six(tmp_path_factory: pytest.TempPathFactory, classroom: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Makes a class of six, of which every learner needs a run of their own. Its gradebook has the assignment."""
    first = classroom(tmp_path_factory.mktemp("six"))
    for number in range(5):
        first.hand_in(f"learner{number}", first.notebook("solutions", output_size=CONSTANT.format(number)))
    first.hand_in("worked", first.notebook("solutions"))
    prepare(first)

    def make(root: Path) -> Any:
        room = classroom(root)
        shutil.copytree(first.root, root, dirs_exist_ok=True)
        return room

    return make


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, class_of_six: Callable[[Path], Any]) -> list[tuple]:
    """The gradebook of that class, when nothing has happened while it was graded on this machine."""
    room = class_of_six(tmp_path_factory.mktemp("undisturbed"))
    assert "6 graded" in room.grade("--jobs", "1")
    return room.rows()


# A graded class without a run ---------------------------------------------------------------------------------------

FORMULA = "=HYPERLINK(1)"
MARKUP = "<img src=x onerror=alert(1)>"


def verdict(exercise: str, points: float, most: float, diagnosis: str, misconception: str | None = None) -> dict:
    """What stands under a check, with its facts."""
    facts = {"exercise": exercise, "points": points, "max_points": most, "diagnosis": diagnosis, "face": "wrong"}
    data = {"text/plain": diagnosis, "text/html": f"<p>{diagnosis}</p>"}
    told = {"course_lib": facts | {"misconception": misconception, "seed": None}}
    return {"output_type": "display_data", "data": data, "metadata": told}


def result(points: float) -> dict:
    return {
        "output_type": "execute_result",
        "execution_count": None,
        "metadata": {},
        "data": {"text/plain": f"{points}"},
    }


def made_up(name: str) -> tuple[str, str, list[list[dict]]]:
    """How a learner's notebook ended, and the outputs of its two checks."""
    right = [result(4.0)], [result(2.0)]
    ended = {"output_type": "error", "ename": "TO", "evalue": "It ran too long.", "traceback": ["It ran too long."]}
    rounds = [
        verdict("output_size", 2.0, 4, "The output should be 3, but it is 4.", "always rounded up"),
        result(2.0),
    ]
    return {
        "ada": ("OK", "", [*right]),
        "bob": ("OK", "", [rounds, right[1]]),
        "carl": ("OK", "", [rounds, right[1]]),
        "late": ("TO", "It ran too long.", [right[0], [ended]]),
        FORMULA: ("OK", "", [[verdict("output_size", 0.0, 4, MARKUP, MARKUP), result(0.0)], right[1]]),
    }[name]


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory, classroom: Callable[[Path], Any]) -> Any:
    """A class of five whose results are made up, and of one who has not handed in. One has edited a check."""
    from nbgrader.api import Gradebook

    def grade_all(scripts: Iterable, **_: Any) -> Iterator:
        for key, script in scripts:
            code, sentence, outputs = made_up(script.solutions["output_size"].removeprefix("# "))
            checks = [step.index for step in script.steps if step.kind == "check"]
            yield key, Record(code, "", sentence, dict(zip(checks, outputs, strict=True)), seconds=len(sentence) + 0.5)

    room = classroom(tmp_path_factory.mktemp("graded"))
    for name in ("ada", "bob", "carl", "late", FORMULA):
        edited = {"check_probe_outputs": "2.0"} if name == "carl" else {}
        room.hand_in(name, room.notebook(output_size=f"# {name}", **edited))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", os.environ["PATH"])
        patch.setattr(schedule, "grade_all", grade_all)
        grade.environment()
        list(grade.Grading(room.root).rows())
    with Gradebook(f"sqlite:///{room.root}/gradebook.db", "down_and_up") as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="King, Countess", email="@ada")
        gradebook.add_student("zoe", first_name="Zoë")
    return room


@pytest.fixture
def on_path(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Lets nbgrader find its parts when it runs in the test's own process."""
    monkeypatch.setenv("PATH", environment["PATH"])


# Clusters ------------------------------------------------------------------------------------------------------------


# dask looks at itself fifty or a hundred times a second: three workers with nothing to do take a fifth of a core.
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.monitor-interval": "2s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
}


@pytest.fixture(scope="session")
def quiet() -> dict[str, str]:
    """The variables with which dask's own commands look at themselves less often."""
    return {f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(value) for name, value in QUIET.items()}


@pytest.fixture(scope="session")
def workers() -> Iterator[Callable[..., Any]]:
    """Makes a cluster with a worker process for each text, which that worker runs when it starts.

    `with workers("", "") as cluster: cluster.scheduler_address`. All are forks of one process of dask's, which has
    imported torch, once; workers that are started as anybody starts them are in test_cluster_faults.py.
    """
    import dask
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.utils import get_mp_context

    def make(*preloads: str) -> Any:
        local = {"protocol": "tcp://", "host": "127.0.0.1", "dashboard_address": ":0"}
        # dask takes for a text what has a space in it.
        options = [{"nthreads": 1, "preload": [f"{text}\npass  # text"]} for text in preloads]
        started = {number: {"cls": Nanny, "options": each} for number, each in enumerate(options)}
        return SpecCluster(workers=started, scheduler={"cls": Scheduler, "options": local}, silence_logs=50)

    with dask.config.set(QUIET | {"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context().set_forkserver_preload(["distributed", "autograder.examiner"])
        yield make


@pytest.fixture(scope="session")
def warm_preload(warm: Any) -> str:
    """What a worker whose zygote is to be warm runs when it starts."""
    return f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.warm_processes import use; use({warm.address!r})"


OTHER_TORCH = """
from autograder import ledger
here = ledger.environment()
ledger.environment = lambda: {**here, "torch": "2.12.0"}
"""


@pytest.fixture(scope="module")
def two_workers(workers: Callable[..., Any], warm_preload: str) -> Iterator[Any]:
    """A cluster of two workers that may grade, with zygotes that are warm, and a third that has another torch."""
    with workers(warm_preload, warm_preload, OTHER_TORCH) as cluster:
        yield cluster


@contextmanager
def _overheard(address: str) -> Iterator[tuple[str, bytearray]]:
    """Another address for a scheduler, and all bytes that cross there, in both directions."""
    protocol, _, target = address.partition("://")
    host, port = target.split(":")
    heard = bytearray()
    server = socket.create_server(("127.0.0.1", 0))

    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                heard.extend(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                theirs, _ = server.accept()
            except OSError:
                return
            try:
                ours = socket.create_connection((host, int(port)))
            except OSError:
                theirs.close()
                continue
            for pair in ((theirs, ours), (ours, theirs)):
                threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"{protocol}://127.0.0.1:{server.getsockname()[1]}", heard
    finally:
        server.close()


@pytest.fixture(scope="session")
def overhear() -> Callable[[str], AbstractContextManager[tuple[str, bytearray]]]:
    """Listens between a client and a scheduler: `with overhear(address) as (address, heard)`."""
    return _overheard
