"""Does a dask cluster grade as this machine does, and who may belong to it?"""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import certificates, cluster, cluster_pool, grade
from autograder.__main__ import main
from autograder.cluster import ClusterError, grade_all
from autograder.course import CourseError
from autograder.script import Script, Step

# One worker runs these files, because their tests share a cluster and compare with one undisturbed class.
pytestmark = pytest.mark.xdist_group("faults")


def steps(source: str) -> Script:
    return Script((Step(0, "run", source),), {})


# What crosses --------------------------------------------------------------------------------------------------------


def test_a_cluster_comes_to_the_same_gradebook_and_hears_neither_the_secret_nor_where_the_gradebook_is(
    two_workers: Any,
    overhear: Callable,
    class_of_six: Callable[[Path], Any],
    undisturbed: list[tuple],
    tmp_path: Path,
    on_path: None,
    capsys: pytest.CaptureFixture,
) -> None:
    room = class_of_six(tmp_path)
    with overhear(two_workers.scheduler_address) as (address, heard):
        # The name of the file stands for the password of a database elsewhere.
        grading = grade.Grading(room.root, scheduler=address, db_url=f"sqlite:///{room.root}/hunter2.db")
        rows = list(grading.rows())
    assert [row.problem for row in rows] == [""] * 6
    (room.root / "hunter2.db").rename(room.root / "gradebook.db")
    assert room.rows() == undisturbed
    assert "is refused, because it would grade by something else" in (told := capsys.readouterr().err)
    assert "torch is 2.12.0 there and 2.13.0" in told
    assert "numpy" not in told
    assert len(heard) > 50_000
    assert b"def output_size(size, kernel_size" in heard, "this test hears what crosses"
    for kept in (b"hunter2", b"sqlite", b"a secret of the tests", b"learner1"):
        assert kept not in heard, kept


def test_where_nothing_is_to_be_graded_no_cluster_is_needed() -> None:
    assert list(grade_all([], address="tls://nowhere:1", secret="")) == []


def test_no_worker_seems_gone_while_dask_asks_the_scheduler_for_none(two_workers: Any) -> None:
    """dask's client asks for the number of workers alone, every two seconds; here a thousand times as often."""
    import dask

    often = {"distributed.client.scheduler-info-interval": "2ms"}
    with dask.config.set(often), cluster._client(two_workers.scheduler_address, None) as client:
        client.wait_for_workers(3, timeout=60)
        pool = cluster_pool.Pool(client, "", 60, print)
        assert {len(pool._present()) for _ in range(300)} == {3}


def test_scripts_are_read_as_workers_become_free(two_workers: Any) -> None:
    """A class of a thousand is never in memory as a whole."""
    read = []

    def scripts() -> Iterator[tuple[int, Script]]:
        for number in range(100):
            read.append(number)
            yield number, steps(str(number))

    results = grade_all(scripts(), address=two_workers.scheduler_address, secret="")
    next(results)
    assert len(read) <= 1 + 2 * cluster_pool.AHEAD
    results.close()


# Who may grade -------------------------------------------------------------------------------------------------------

# What a worker that starts with it is like.
NO_SANDBOX = """
import errno, pyseccomp
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for call in ("unshare", "landlock_create_ruleset"):
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), call)
rules.load()
"""
NOT_INSTALLED = """
import sys
sys.modules["autograder.cluster_worker"] = None
"""


def test_who_has_no_sandbox_or_not_this_repository_is_refused_and_where_none_is_left_it_stops(
    workers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_pool, "PATIENCE", 2)
    told: list[str] = []
    with workers(NO_SANDBOX, NOT_INSTALLED) as odd, pytest.raises(ClusterError) as stopped:
        list(grade_all([("a", steps("1"))], address=odd.scheduler_address, secret="", tell=told.append))
    without, unsafe = sorted(told, key=lambda line: "cannot run a submission" in line)
    assert "nor Landlock" in unsafe
    assert "Look whether this repository is installed there" in without
    assert "there was no worker that may grade" in str(stopped.value)
    assert unsafe in str(stopped.value)
    assert without in str(stopped.value)


# Who is spoken with --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://somewhere:8786", "ws://127.0.0.1:8786"])
def test_nothing_goes_unencrypted_to_another_machine(address: str) -> None:
    with pytest.raises(ClusterError, match="not encrypted"):
        list(grade_all([("a", steps("1"))], address=address, secret=""))


def test_certificates_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"no .*ca\.pem.*autograder certificates"):
        list(grade_all([("a", steps("1"))], address="10.0.0.1:8786", folder=tmp_path, secret=""))


def test_where_dask_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ClusterError, match=r"pip install 'down-and-up\[scale\]'"):
        list(grade_all([("a", steps("1"))], address="tcp://127.0.0.1:1", secret=""))
    with pytest.raises(CourseError, match=r"pip install 'down-and-up\[scale\]'"):
        certificates.make(tmp_path / "new")


def test_certificates_are_made_once_and_their_keys_are_for_their_owner_alone(
    tmp_path: Path, on_path: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [main(["certificates"]), main(["certificates"])] == [0, 1]
    first, again = capsys.readouterr()
    assert "dask scheduler --protocol tls" in first
    assert "certificates in" in again
    made = tmp_path / "certificates"
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    keys = sorted(made.glob("*-key.pem"))
    assert [key.name for key in keys] == ["ca-key.pem", "client-key.pem", "scheduler-key.pem", "worker-key.pem"]
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
