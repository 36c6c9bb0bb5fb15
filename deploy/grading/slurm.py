"""Starts a scheduler here and workers as SLURM jobs, until you end it: python deploy/grading/slurm.py --jobs 4

Needs this repository, its environment and the certificates on a file system that the nodes share.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from dask_jobqueue import SLURMCluster
from distributed import Security

from autograder import certificates


def security(folder: Path) -> Security:
    """TLS between all parts, with the certificates in a folder."""
    ca, *scheduler = map(str, certificates.files(folder, "scheduler"))
    _, *worker = map(str, certificates.files(folder, "worker"))
    _, *client = map(str, certificates.files(folder, "client"))
    return Security(
        require_encryption=True,
        tls_ca_file=ca,
        **dict(zip(("tls_scheduler_cert", "tls_scheduler_key"), scheduler, strict=True)),
        **dict(zip(("tls_worker_cert", "tls_worker_key"), worker, strict=True)),
        **dict(zip(("tls_client_cert", "tls_client_key"), client, strict=True)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--certificates", type=Path, metavar="FOLDER", help="else ./certificates")
    parser.add_argument("--jobs", type=int, default=1, help="SLURM jobs")
    parser.add_argument(
        "--cores", type=int, default=8, help="of one job, each of which grades one submission at a time"
    )
    parser.add_argument("--memory", help="of one job; else 4 GiB a core")
    parser.add_argument("--walltime", default="02:00:00", help="of one job; what is left over then goes to others")
    parser.add_argument("--queue", help="SLURM's partition")
    parser.add_argument("--port", type=int, default=8786, help="of the scheduler")
    parser.add_argument("--show", action="store_true", help="only show the job's script")
    chosen = parser.parse_args()
    folder = certificates.folder(chosen.certificates)
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    with SLURMCluster(
        cores=chosen.cores,
        processes=chosen.cores,
        memory=chosen.memory or f"{4 * chosen.cores} GiB",
        walltime=chosen.walltime,
        queue=chosen.queue,
        protocol="tls://",
        security=security(folder),
        scheduler_options={"port": chosen.port, "dashboard_address": "127.0.0.1:0"},
        job_script_prologue=["export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False"],
        worker_extra_args=["--no-dashboard", "--dashboard-address", "127.0.0.1:0"],
    ) as cluster:
        if chosen.show:
            print(cluster.job_script())
            return
        cluster.scale(jobs=chosen.jobs)
        address = cluster.scheduler_address
        print(f"python -m autograder grade --scheduler {address} --certificates {folder}", flush=True)
        end.wait()


if __name__ == "__main__":
    main()
