"""The recipes of docs/grading-at-scale.md: no Kubernetes and no SLURM runs here, but their commands are dask's own."""

from __future__ import annotations

import re
import runpy
import signal
from pathlib import Path

import click
import pytest
import yaml

from autograder import __main__ as command
from autograder import certificates, messages

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "deploy" / "grading"
# dask's own profiler, on by default, samples all that a worker does and keeps what it saw.
PROFILE = "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"
DOCS = (ROOT / "docs" / "grading-at-scale.md").read_text(encoding="utf-8")


def dask(*arguments: str) -> dict[str, object]:
    """What dask's own command line makes of these arguments. An option that it does not have is an error."""
    from distributed.cli import dask_scheduler, dask_worker

    tool, role, *rest = arguments
    assert tool == "dask"
    main = {"scheduler": dask_scheduler, "worker": dask_worker}[role].main
    # The files of certificates need not exist here.
    for option in main.params:
        if isinstance(option.type, click.Path):
            option.type = click.Path(exists=False)
    return main.make_context(role, rest).params


def containers() -> dict[str, dict]:
    cluster, policy = yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text(encoding="utf-8"))
    assert (cluster["kind"], policy["kind"]) == ("DaskCluster", "NetworkPolicy")
    return {role: cluster["spec"][role]["spec"] for role in ("scheduler", "worker")}


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_a_pod_runs_a_command_that_dask_has_and_mounts_what_it_names(role: str) -> None:
    pod = containers()[role]
    (container,) = pod["containers"]
    said = dask(*container["args"])
    assert said["dashboard"] is False
    for name, file in (("tls_ca_file", "ca.pem"), ("tls_cert", f"{role}.pem"), ("tls_key", f"{role}-key.pem")):
        assert said[name] == f"/certificates/{file}"
        assert f"--from-file={file}" in DOCS
    assert f"secret generic {pod['volumes'][0]['secret']['secretName']} " in DOCS
    assert container["volumeMounts"][0]["mountPath"] == "/certificates"
    if role == "worker":
        assert (said["scheduler"], said["nthreads"], said["n_workers"]) == ("tls://grading-scheduler:8786", 1, "1")
        assert {each["name"]: each["value"] for each in container["env"]} == {PROFILE: "False"}
    else:
        assert (said["protocol"], said["port"]) == ("tls", "8786")


def test_the_workers_container_alone_is_without_the_runtimes_seccomp_profile() -> None:
    """Who removes that line, and the annotation, has a manifest that Pod Security's `restricted` takes."""
    for role, pod in containers().items():
        (container,) = pod["containers"]
        ordinary = dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), 65532) | {"runAsNonRoot": True}
        assert pod["securityContext"] == ordinary | {"seccompProfile": {"type": "RuntimeDefault"}}
        context = dict(container["securityContext"])
        assert context.pop("seccompProfile", None) == ({"type": "Unconfined"} if role == "worker" else None)
        assert context == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@pytest.mark.parametrize("role", ["scheduler", "worker"])
def test_the_commands_that_certificates_prints_are_dasks_own(role: str) -> None:
    ((set_, line),) = re.findall(rf"^ +(\S+=\S+ |)(dask {role} .*)$", messages.CERTIFICATES_MADE, re.M)
    assert set_ == (f"{PROFILE}=False " if role == "worker" else "")
    assert dask(*line.split())["tls_key"] == f"{{folder}}/{role}-key.pem"


def test_the_image_is_made_of_what_this_repository_has() -> None:
    text = (RECIPES / "Containerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.M) for name in line.split()]
    assert {"pyproject.toml", "constraints.txt", "course_lib", "autograder"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_every_command_of_ours_that_the_page_names_exists(capsys: pytest.CaptureFixture) -> None:
    named = set(re.findall(r"python -m autograder (\w+)", DOCS))
    assert {"certificates", "grade", "doctor"} <= named
    for name in sorted(named):
        with pytest.raises(SystemExit):
            command.main([name, "--help"])
    assert "--scheduler" in capsys.readouterr().out


def test_a_job_of_slurm_is_what_the_page_asks_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """By dask-jobqueue's own words, which need no SLURM. test_slurm.py runs a job."""
    (line,) = re.findall(r"^python deploy/grading/slurm\.py (.* --show)(?: +#.*)?$", DOCS, re.M)
    certificates.made(tmp_path / "certificates")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["slurm.py", *line.split(), "--port", "0"])
    # The recipe lets its end wait for these two.
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    runpy.run_path(str(RECIPES / "slurm.py"), run_name="__main__")
    for number, handler in kept.items():
        signal.signal(number, handler)
    job = capsys.readouterr().out.splitlines()
    assert {"#SBATCH -p short", "#SBATCH --cpus-per-task=16", "#SBATCH --mem=64G", "#SBATCH -t 02:00:00"} <= set(job)
    assert f"export {PROFILE}=False" in job
    (worker,) = (text.partition(" -m distributed.cli.dask_worker ")[2] for text in job if "dask_worker" in text)
    said = dask("dask", "worker", *worker.split())
    assert (said["nthreads"], said["n_workers"], said["dashboard"]) == (1, "16", False)
    assert said["tls_key"] == f"{tmp_path}/certificates/worker-key.pem"
