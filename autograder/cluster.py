"""Grades many submissions on a dask cluster: what ``schedule`` does with processes, with other machines' workers."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import json
import logging
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autograder import certificates, ledger, messages
from autograder.cluster_pool import ClusterError, Pool, Task
from autograder.record import Record
from autograder.sandbox import Limits
from autograder.script import Script

SLACK = 60.0  # seconds that a task may take besides twice its limit


def grade_all(
    scripts: Iterable[tuple[Hashable, Script]],
    *,
    address: str,
    folder: Path | None = None,
    secret: str,
    limits: Limits | None = None,
    trust_submissions: bool = False,
    tell: Callable[[str], None] = print,
) -> Iterator[tuple[Hashable, Record]]:
    """Yields each submission's name and Record as it is finished, in no certain order.

    scripts: read one by one, as workers become free. address: of dask's scheduler. folder: of the certificates. tell:
    is called with a sentence when a worker comes, is refused, is late or is gone. The secret does not leave this
    process, only the seeds that it makes. Errors: ClusterError.
    """
    limits = limits or Limits()
    options = {"limits": asdict(limits), "trust_submissions": trust_submissions}
    common: dict[str, Any] = {"versions": ledger.versions(), "options": options}
    tasks = (
        Task(key, json.dumps(common | {"script": script.as_json(), "seeds": script.seeds(secret)}))
        for key, script in scripts
    )
    first = next(tasks, None)
    if first is None:
        return  # an unchanged class needs no cluster
    with _client(address, folder) as client:
        allowed = 2 * limits.wall_seconds + SLACK
        yield from Pool(client, json.dumps(common), allowed, tell).results(itertools.chain([first], tasks))


# The connection ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _client(address: str, folder: Path | None) -> Iterator[Any]:
    """A client of a scheduler. Errors: ClusterError where there is none, or where the way to it is open to others."""
    try:
        from distributed import Client, Security
    except ImportError:
        raise ClusterError(messages.NO_DASK) from None
    where = address if "://" in address else f"tls://{address}"
    security = None
    if where.startswith("tls://"):
        ca, certificate, key = map(str, certificates.files(certificates.folder(folder), "client"))
        security = Security(tls_ca_file=ca, tls_client_cert=certificate, tls_client_key=key, require_encryption=True)
    elif not where.startswith("tcp://") or not _is_here(where):
        raise ClusterError(messages.NOT_ENCRYPTED.format(address=address))

    class Ours(Client):
        """Is closed below and nowhere else: dask would do it once more, perhaps in vain, when Python ends."""

        def __del__(self) -> None:
            pass

    # What dask would say of lost workers and other versions is said by us.
    for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            client = Ours(where, security=security, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(messages.NO_SCHEDULER.format(address=where, error=error)) from None
    try:
        yield client
    finally:
        # A scheduler that is lost has been told already; dask would tell it by tracebacks.
        with contextlib.suppress(Exception):
            client.close(timeout=5)


def _is_here(address: str) -> bool:
    """Whether an address is this machine's own, which nobody else can listen on."""
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
