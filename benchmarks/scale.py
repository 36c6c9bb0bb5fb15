"""Grades a large class on a cluster of this machine, and says what larger ones need: python benchmarks/scale.py --save

dask's own commands run here, with TLS: a scheduler, and one worker or two. Each submission to lesson 01 has a text of
its own, so that each is run. First the workers alone, with a quarter of the class: their results are kept and nothing
is written; and once more with half a core for each worker, so that all parts have cores enough (by a control group, as
root). Then the whole class and the gradebook, while the memory of every part is looked at. Then once more with
nothing changed. From these a model says what 10,000 and 100,000 submissions need.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from grading import make_course, scores

from autograder import certificates

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks" / "scale.md"
LESSON = "01_pooling"
WORKERS = (1, 2)
SETTINGS = {"OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
SIZES = (1_000, 10_000, 100_000)
SHARE = 0.5  # of a core
PARTS = ("client and writer", "scheduler", "workers", "zygotes and learners")
Processes = Sequence[psutil.Process]


# The cluster ---------------------------------------------------------------------------------------------------------


@contextmanager
def cluster(folder: Path, workers: int, share: float | None = None) -> Iterator[tuple[str, dict[str, Processes]]]:
    """The address of a scheduler with so many workers, and the processes of both. share: of a core, for each worker."""
    tls = ("--tls-ca-file", folder / "ca.pem")

    def started(command: str, role: str, *options: str) -> subprocess.Popen:
        own = ("--tls-cert", folder / f"{role}.pem", "--tls-key", folder / f"{role}-key.pem", "--no-dashboard")
        quiet = ("--dashboard-address", "127.0.0.1:0")
        line = [sys.executable, "-m", "dask", command, *options, *tls, *own, *quiet]
        log = open(folder / f"{role}.log", "a")  # noqa: SIM115
        return subprocess.Popen(line, stdout=log, stderr=log, env=os.environ | SETTINGS)

    address = "tls://127.0.0.1:8798"
    scheduler = started("scheduler", "scheduler", "--host", "127.0.0.1", "--protocol", "tls", "--port", "8798")
    all_workers = [started("worker", "worker", address, "--nworkers", "1", "--nthreads", "1") for _ in range(workers)]
    groups = [held(worker.pid, share) for worker in all_workers if share]
    try:
        yield (
            address,
            {
                "scheduler": [psutil.Process(scheduler.pid)],
                "workers": [psutil.Process(worker.pid) for worker in all_workers],
            },
        )
    finally:
        for process in (*all_workers, scheduler):
            process.send_signal(signal.SIGINT)
        for process in (*all_workers, scheduler):
            process.wait()
        for group in groups:
            while (group / "cgroup.procs").read_text():  # what a worker had started ends a moment after it
                time.sleep(0.1)
            group.rmdir()


def held(pid: int, share: float) -> Path:
    """A new control group in which a process, and all that it will start, gets no more than this of a core."""
    above, period = Path("/sys/fs/cgroup"), 100_000  # microseconds
    version_2 = (above / "cgroup.controllers").exists()
    group = (above if version_2 else above / "cpu") / f"scale-{pid}"
    quota = f"{int(share * period)}"
    try:
        group.mkdir()
        (group / ("cpu.max" if version_2 else "cpu.cfs_quota_us")).write_text(
            f"{quota} {period}" if version_2 else quota
        )
        (group / "cgroup.procs").write_text(str(pid))
    except OSError as error:
        raise SystemExit(
            f"{group}: {error.strerror}. Only root may hold a process back, where control groups are"
        ) from None
    return group


class Memory:
    """Looks at the memory of the parts, once a second: MiB of their own, and of what they share their share (PSS)."""

    def __init__(self, parts: Mapping[str, Processes]):
        self.parts, self.samples, self.over = dict(parts), [], threading.Event()
        self.thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Memory:
        self.began = time.monotonic()
        self.thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.over.set()
        self.thread.join()

    def _sample(self) -> None:
        while not self.over.wait(1):
            taken = dict.fromkeys(PARTS, 0.0)
            for part, processes in self.parts.items():
                for each in (each for process in processes for each in family(process)):
                    kind = "zygotes and learners" if is_zygote(each) else part
                    taken[kind] += pss(each)
            self.samples.append((time.monotonic() - self.began, taken))


def family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def is_zygote(process: psutil.Process) -> bool:
    """Whether a process is a zygote or a fork of one."""
    try:
        return "autograder.zygote" in process.cmdline()
    except psutil.Error:
        return False


def pss(process: psutil.Process) -> float:
    """MiB."""
    try:
        return process.memory_full_info().pss / 2**20
    except psutil.Error:
        return 0.0


# The runs ------------------------------------------------------------------------------------------------------------


class Spent:
    """Seconds that calls of a function took together, and each of them."""

    def __init__(self, function: Callable[..., Any]):
        self.function, self.each = function, []

    def __get__(self, owner: Any, _: Any = None) -> Callable[..., Any]:
        return lambda *arguments, **options: self(owner, *arguments, **options)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return self.function(*arguments, **options)
        finally:
            self.each.append(time.perf_counter() - began)


def client(root: Path, address: str, folder: Path, write: bool) -> None:
    """Grades the course at ``root``, in a process of its own, and prints what took how long, as JSON."""
    import queue

    from autograder import cluster_pool, grade
    from autograder.writer import Writer

    class Queue(queue.SimpleQueue):
        get = Spent(queue.SimpleQueue.get)

    grade.environment()
    cluster_pool.queue = SimpleNamespace(SimpleQueue=Queue, Empty=queue.Empty)  # type: ignore[assignment]
    Writer.write = Spent(Writer.write)  # type: ignore[method-assign, assignment]
    grading = grade.Grading(root, scheduler=address, certificates=folder)
    finished = []
    began = time.monotonic()
    if write:
        for row in grading.rows():
            assert not row.problem, row.problem
            finished.append(time.monotonic() - began)
    else:
        with Writer(grading.course) as grading._writer:
            for key, record in grading._results(grading._unknown()):
                assert record.code != "XX", record.detail
                grading.ledger.put(str(key), record)
                del grading._waiting[str(key)]
                finished.append(time.monotonic() - began)
    said = {"finished": finished, "seconds": time.monotonic() - began}
    spent = {"wait": vars(Queue)["get"].each, "write": vars(Writer)["write"].each}
    print(json.dumps(said | spent))


def run(root: Path, address: str, folder: Path, parts: Mapping[str, Processes], write: bool) -> dict[str, Any]:
    """What a run of the client said, with the memory of every part over time."""
    command = [sys.executable, __file__, "--client", str(root), address, str(folder), *(["--write"] if write else [])]
    process = subprocess.Popen(command, cwd=root, text=True, stdout=subprocess.PIPE)
    with Memory({"client and writer": [psutil.Process(process.pid)], **parts}) as memory:
        said = process.communicate()[0]
    if process.returncode:
        raise SystemExit("the client failed")
    return json.loads(said.splitlines()[-1]) | {"memory": memory.samples}


def rate(found: Mapping[str, Any]) -> float:
    """Submissions a second once the workers are warm: of the eight tenths in the middle."""
    finished = found["finished"]
    first, last = len(finished) // 10, len(finished) - 1 - len(finished) // 10
    return (last - first) / (finished[last] - finished[first])


def measure(scratch: Path, learners: int) -> dict[str, Any]:
    """All runs: of the workers alone, of the whole way, and again with nothing changed."""
    folder = scratch / "certificates"
    certificates.make(folder)
    found: dict[str, Any] = {}
    for workers in WORKERS:
        with cluster(folder, workers) as (address, parts):
            for name, write in (("alone", False), ("whole", True)):
                root = make_course(scratch / f"{name}{workers}", LESSON, range(learners if write else learners // 4))
                found[f"{name} {workers}"] = run(root, address, folder, parts, write)
                print(f"{name}, {workers} workers: {rate(found[f'{name} {workers}']):.1f} a second", flush=True)
    for workers in WORKERS:
        with cluster(folder, workers, SHARE) as (address, parts):
            root = make_course(scratch / f"held{workers}", LESSON, range(learners // 4))
            found[f"held {workers}"] = run(root, address, folder, parts, write=False)
            print(f"held, {workers} workers: {rate(found[f'held {workers}']):.1f} a second", flush=True)
    root = scratch / f"whole{WORKERS[-1]}"
    rows = {tuple(sorted(scores(scratch / f"whole{workers}").items())) for workers in WORKERS}
    if len(rows) != 1:
        raise SystemExit("the scores differ")
    began, records = time.monotonic(), kept(root)
    command = [sys.executable, "-m", "autograder", "grade", "--scheduler", address, "--certificates", str(folder)]
    said = subprocess.run(command, cwd=root, text=True, capture_output=True, check=True).stdout
    assert f" 0 graded, {learners} unchanged" in said, said[-300:]
    assert kept(root) == records
    found["again"] = time.monotonic() - began
    found["gradebook"] = (root / "gradebook.db").stat().st_size / learners
    found["ledger"] = size(root / ".ledger") / learners
    found["autograded"] = size(root / "autograded") / learners
    return found


def kept(root: Path) -> list[tuple[str, int]]:
    """The results in the ledger, and when each was written."""
    return sorted((path.name, path.stat().st_mtime_ns) for path in (root / ".ledger").glob("??/*.json"))


def size(folder: Path) -> int:
    """Bytes on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*"))


# The model -----------------------------------------------------------------------------------------------------------


class Model:
    """What a class needs. All figures are of one submission to this lesson on a core like these.

    A worker grades one submission after the other, and the client, which writes, does too: so a class takes as long as
    the slower of the two. worker, client: seconds. growth: MiB of the client's memory.
    """

    def __init__(self, found: Mapping[str, Any]):
        self.worker = 1 / rate(found["alone 1"])
        first = found["whole 1"]
        count = len(first["finished"])
        self.client = (first["seconds"] - sum(first["wait"])) / count
        self.gradebook, self.disk = found["gradebook"], found["ledger"] + found["autograded"]
        samples = [(at, taken[PARTS[0]]) for at, taken in first["memory"] if taken[PARTS[0]]]
        middle, end = samples[len(samples) // 2], samples[-2]
        done = [sum(each <= at for each in first["finished"]) for at, _ in (middle, end)]
        self.growth = max(0.0, (end[1] - middle[1]) / max(1, done[1] - done[0]))
        self.base = end[1] - self.growth * done[1]

    def hours(self, learners: int, workers: float) -> float:
        return learners * max(self.worker / workers, self.client) / 3600

    def useful(self) -> int:
        """Workers that keep the client busy; more are idle."""
        return max(1, round(self.worker / self.client))


# The page ------------------------------------------------------------------------------------------------------------


def picture(found: Mapping[str, Any], model: Model, path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from course_lib.figures import style

    colours = dict(zip(PARTS, (style.BLUE, style.PURPLE, style.ORANGE, style.GREEN), strict=True))
    figure, (memory, pace, need) = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
    samples = found[f"whole {WORKERS[-1]}"]["memory"]
    for (part, colour), line in zip(colours.items(), ("-", "--", "-.", ":"), strict=True):
        memory.plot([at for at, _ in samples], [taken[part] for _, taken in samples], line, color=colour, label=part)
    memory.set(xlabel="seconds", ylabel="MiB (PSS)", title=f"Memory, {WORKERS[-1]} workers, with the gradebook", ylim=0)
    memory.set_ylim(0, 1.3 * max(max(taken.values()) for _, taken in samples))
    memory.legend(fontsize=8, loc="upper right", ncols=2)
    names = [
        f"{kind}\n{workers} worker{'s' * (workers > 1)}" for kind in ("grading", "and writing") for workers in WORKERS
    ]
    rates = [rate(found[f"{kind} {workers}"]) for kind in ("alone", "whole") for workers in WORKERS]
    bars = pace.bar(names, rates, color=[style.SKY] * 2 + [style.BLUE] * 2, edgecolor=style.INK)
    pace.bar_label(bars, fmt="%.1f")
    pace.set(ylabel="submissions a second", title=f"Throughput on {len(os.sched_getaffinity(0))} cores")
    workers = [1, 2, 4, 8, 16, 32, 64]
    for learners, colour, mark in zip(SIZES, (style.GREEN, style.BLUE, style.VERMILLION), "os^", strict=True):
        hours = [model.hours(learners, each) for each in workers]
        need.plot(workers, hours, marker=mark, color=colour, label=f"{learners:,} submissions")
    need.axvline(model.worker / model.client, color=style.QUIET, linestyle="--", label="the writer is full")
    need.set(xscale="log", yscale="log", xlabel="workers, a core each", ylabel="hours", title="Model")
    need.set_xticks(workers, map(str, workers), minor=False)
    need.set_ylim(top=10 * model.hours(SIZES[-1], 1))
    need.legend(fontsize=8, loc="upper right", ncols=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def page(found: Mapping[str, Any], model: Model, learners: int) -> list[str]:
    grading = {kind: rate(found[f"{kind} 2"]) / rate(found[f"{kind} 1"]) / 2 for kind in ("held", "alone")}
    rows = []
    kinds = {
        "held": f"workers alone, {SHARE} of a core each",
        "alone": "workers alone, a core each",
        "whole": "with the gradebook",
    }
    for kind, told in kinds.items():
        first = rate(found[f"{kind} {WORKERS[0]}"])
        for workers in WORKERS:
            each = found[f"{kind} {workers}"]
            took, efficiency = each["seconds"], rate(each) / first / workers
            own, writing = took - sum(each["wait"]), sum(each["write"])
            rows.append(
                f"| {told} | {len(each['finished']):,} | {workers} | {took:.0f} | {rate(each):.1f} | "
                f"{efficiency:.2f} | {writing / took:.0%} | {own / took:.0%} |"
            )
    memory = found[f"whole {WORKERS[-1]}"]["memory"]
    parts = []
    for part in PARTS:
        taken = [sample[part] for _, sample in memory][:-1]
        half = len(taken) // 2
        parts.append(f"| {part} | {taken[half]:.0f} | {taken[-1]:.0f} | {max(taken):.0f} |")
    writes = found["whole 1"]["write"]
    tenth = max(1, len(writes) // 10)
    early, late = (1000 * sum(part) / len(part) for part in (writes[tenth : 2 * tenth], writes[-tenth:]))
    needs = [
        f"| {size:,} | {model.hours(size, 1):.2f} | {model.hours(size, 2):.2f} | {model.useful()} | "
        f"{model.hours(size, model.useful()):.2f} | {size * model.gradebook / 2**20:,.0f} MiB | "
        f"{size * model.disk / 2**30:.1f} GiB | {model.base + size * model.growth:,.0f} MiB |"
        for size in SIZES
    ]
    return [
        "# A large class, measured",
        "",
        f"{date.today():%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}. "
        f"{learners:,} submissions to lesson {LESSON}, no two alike, on a dask cluster of this machine with TLS. "
        "Made by `python benchmarks/scale.py --save`.",
        "",
        "![Memory of each part over time, throughput with one worker and two, and hours over workers](scale.png)",
        "",
        "| | submissions | workers | seconds | submissions a second | efficiency | writing | client's own work |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        "Seconds count from the client's first task to its last, with the start of the workers' zygotes; the rates are "
        "those of the eight tenths in the middle. Efficiency is the rate for each worker, beside that of one worker. "
        "Writing and own work are shares of the client's time: own work is all but waiting, writing is a part of it.",
        "",
        f"Where every part has cores enough, two workers have an efficiency of {grading['held']:.2f}: that is what the "
        "scheduler, the network and the client, which they share, leave of it. With a core for each worker it is "
        f"{grading['alone']:.2f} here, because scheduler and client take from the same "
        f"{len(os.sched_getaffinity(0))} cores.",
        "",
        f"Run again with nothing changed: {found['again']:.1f} s, no submission run or written again; that is "
        f"{1000 * found['again'] / learners:.1f} ms for each, and needs no worker.",
        "",
        f"Writing one submission took {early:.0f} ms early in the run and {late:.0f} ms at its end.",
        "",
        f"## Memory with {WORKERS[-1]} workers, in MiB",
        "",
        "| | half-way | at the end | most |",
        "|---|--:|--:|--:|",
        *parts,
        "",
        "## What larger classes need",
        "",
        f"One submission takes a worker {1000 * model.worker:.0f} ms and the client {1000 * model.client:.0f} ms, "
        "one after the other in each. So a class takes as long as the slower of the two sides, and more workers than "
        "keep the client busy are idle. This is a model, and assumes cores like these, a lesson like this one, and a "
        "gradebook that is as fast when it is large (a test holds that no statement looks through a table that grows): "
        f"no class of more than the {learners:,} above was run.",
        "",
        "| submissions | hours, 1 worker | hours, 2 workers | workers that are of use | hours then | gradebook | "
        "ledger and graded notebooks | client's memory |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|",
        *needs,
        "",
        "Each worker takes a core, and the client one more.",
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=1000, help="submissions; 30 for a quick look")
    parser.add_argument("--save", action="store_true", help=f"write {PAGE.relative_to(ROOT)} and its picture")
    parser.add_argument("--client", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.client:
        root, address, folder = chosen.client
        client(Path(root), address, Path(folder), chosen.write)
        return
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(Path(scratch), chosen.learners)
        model = Model(found)
        text = "\n".join(page(found, model, chosen.learners))
        print(text)
        target = PAGE if chosen.save else Path(tempfile.gettempdir()) / PAGE.name
        target.write_text(text, encoding="utf-8")
        picture(found, model, target.with_suffix(".png"))
        print(target)


if __name__ == "__main__":
    main()
