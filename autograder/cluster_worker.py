"""What runs in a worker of a cluster: it says what it is, and grades what it is sent.

Text comes and text goes, in JSON. A learner's code runs in forks of a zygote and never in the worker itself; each of
the worker's threads has a zygote of its own, which ends with the thread that started it.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.supervisor import Zygote

_mine = threading.local()


def look(common: str) -> str:
    """This worker's versions, and why it cannot run a submission: nothing where it can."""
    from autograder import doctor

    zygote, answer = _ready(json.loads(common))
    return json.dumps(answer | {"problem": doctor.tried(zygote)} if zygote else answer)


def grade(task: str) -> str:
    """The Record of a submission; or, as ``look`` says it, why another worker has to grade it."""
    from autograder import examiner
    from autograder.script import Script

    sent = json.loads(task)
    # Looked at once more: another worker may have come to the same address.
    zygote, answer = _ready(sent)
    if zygote:
        record = examiner.grade(Script.from_json(sent["script"]), zygote, sent["seeds"])
        answer = {"record": record.as_json()}
    return json.dumps(answer)


def _ready(common: dict[str, Any]) -> tuple[Zygote | None, dict[str, Any]]:
    """This thread's zygote, if the versions are the right ones and there is a sandbox; and what there is to say."""
    from autograder import ledger, sandbox

    answer = {"versions": ledger.versions(), "problem": ""}
    if answer["versions"] != common["versions"]:
        return None, answer
    try:
        return _zygote(common["options"]), answer
    except (sandbox.SandboxError, OSError) as error:
        return None, answer | {"problem": str(error)}


def _zygote(options: dict[str, Any]) -> Zygote:
    import torch

    from autograder import cgroup
    from autograder.sandbox import Limits
    from autograder.supervisor import Zygote

    if getattr(_mine, "options", None) != options:
        if kept := getattr(_mine, "zygote", None):
            kept.stop()
        _mine.options = None
        torch.set_num_threads(1)
        cgroup.sweep()  # of a worker that was killed
        _mine.zygote = Zygote(Limits(**options["limits"]), options["trust_submissions"])
        _mine.zygote.start()
        _mine.options = options
    return _mine.zygote
