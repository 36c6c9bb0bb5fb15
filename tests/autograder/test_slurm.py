"""deploy/grading/slurm.py on a SLURM of the test's own, of one node: its jobs are submitted, grade, and are gone."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import certificates

ROOT = Path(__file__).parents[2]
DAEMONS = ("munged", "slurmctld", "slurmd")
# One node with two cores, whatever the machine has, and no control groups. Everything lies in a scratch folder.
SETTINGS = """
ClusterName=scratch
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES State=UP
"""


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


def until(there: Callable[[], Any], seconds: float = 30) -> Any:
    """What is there, once it is."""
    deadline = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Runs a command of SLURM: ``slurm("squeue", "-h")``."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"  # where Debian has the daemons, and a user's PATH has not
    found = [shutil.which(name, path=path) for name in DAEMONS]
    if not all(found):
        pytest.skip("no SLURM: install it (on Debian and Ubuntu: apt-get install slurm-wlm munge)")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    controller, node = free_ports(2)
    host, user = socket.gethostname().partition(".")[0], pwd.getpwuid(os.geteuid()).pw_name
    settings = folder / "slurm.conf"
    settings.write_text(SETTINGS.format(host=host, user=user, folder=folder, controller=controller, node=node))
    monkeypatch.setenv("SLURM_CONF", str(settings))
    names = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed", "key-file": "key"}
    options = (
        ["--foreground", "--force", *(f"--{option}={folder}/munge.{name}" for option, name in names.items())],
        ["-D"],
        ["-D", "-N", host],
    )

    def run(*command: str) -> str:
        return subprocess.run(command, text=True, capture_output=True, check=True).stdout

    def ready() -> bool:
        ran = subprocess.run(["sinfo", "-h", "-o", "%t"], text=True, capture_output=True)
        return ran.stdout.strip() == "idle"

    with open(folder / "log", "w") as log:
        started = []
        try:
            for program, arguments in zip(found, options, strict=True):
                started.append(subprocess.Popen([program, *arguments], stdout=log, stderr=log))
                if len(started) == 1:
                    until((folder / "munge.socket").exists)
            try:
                until(ready)
            except AssertionError:
                pytest.fail((folder / "log").read_text())
            yield run
        finally:
            for daemon in reversed(started):
                daemon.terminate()
                daemon.wait(30)


def test_a_class_is_graded_by_jobs_that_end_with_the_recipe(
    slurm: Callable[..., str],
    classroom: Callable[[Path], Any],
    warm_preload: str,
    environment: dict[str, str],
    quiet: dict[str, str],
    tmp_path: Path,
) -> None:
    room = classroom(tmp_path)
    room.hand_in("worked", room.notebook("solutions"))
    room.hand_in("released", room.notebook())
    certificates.made(tmp_path / "certificates")
    (tmp_path / "preload.py").write_text(warm_preload)
    preload = {"DASK_DISTRIBUTED__WORKER__PRELOAD": json.dumps([str(tmp_path / "preload.py")])}
    variables = environment | quiet | preload | {"SLURM_CONF": os.environ["SLURM_CONF"]}
    command = [sys.executable, str(ROOT / "deploy" / "grading" / "slurm.py")]
    options = ["--jobs", "1", "--cores", "1", "--memory", "2 GiB", "--queue", "short", "--port", "0"]
    with subprocess.Popen(
        [*command, *options], cwd=tmp_path, env=variables, text=True, stdout=subprocess.PIPE
    ) as recipe:
        try:
            assert recipe.stdout
            python, module, package, *told = recipe.stdout.readline().split()
            assert (python, module, package, told[0]) == ("python", "-m", "autograder", "grade")
            until(lambda: slurm("squeue", "-h", "-o", "%j") == "dask-worker\n")
            assert "2 graded" in room.grade(*told[1:])
        finally:
            recipe.send_signal(signal.SIGTERM)
    assert recipe.returncode == 0
    until(lambda: not slurm("squeue", "-h"))
    assert room.scores() == {
        "worked": {"check_output_size": 4.0, "check_probe_outputs": 2.0},
        "released": {"check_output_size": 0.0, "check_probe_outputs": 0.0},
    }
    (job,) = tmp_path.glob("slurm-*.out")
    assert re.search(r"Registered to: +tls://", job.read_text())
