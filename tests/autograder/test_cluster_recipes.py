"""The recipes of docs/grading-at-scale.md: no Kubernetes and no SLURM runs here, but their commands are dask's own."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from autograder import __main__ as command
from autograder import messages

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


def test_slurm_has_the_options_that_the_page_names() -> None:
    """With a dask_jobqueue that is not there, its options are read from its text."""
    text = (RECIPES / "slurm.py").read_text(encoding="utf-8")
    lines = re.findall(r"^python deploy/grading/slurm\.py (.*?)(?: +#.*)?$", DOCS, re.M)
    assert len(lines) == 2
    for option in {option for line in lines for option in re.findall(r"--\w+", line)}:
        assert f'"{option}"' in text
    assert f"export {PROFILE}=False" in text
    compile(text, "slurm.py", "exec")
