"""Every limit: what the learner is told where a notebook reaches it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("hardened grading needs Linux", allow_module_level=True)

from autograder.examiner import grade
from autograder.learner import Ended, Learner
from autograder.sandbox import Limits
from autograder.script import Script, Step
from autograder.supervisor import Zygote

pytestmark = [pytest.mark.xdist_group("limits"), pytest.mark.usefixtures("warm_start")]
LIMITS = Limits(cell_seconds=2, wall_seconds=12, memory=6 << 30, processes=20, text=1000, files=1 << 20)


@pytest.fixture(scope="module")
def zygote(warm_start: None) -> Iterator[Zygote]:
    with Zygote(LIMITS) as zygote:
        yield zygote


@pytest.mark.parametrize(
    ("source", "code", "told"),
    [
        ("while True:\n    x = 1", "OK", "was interrupted"),
        (
            "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException:\n        x = 2",
            "TO",
            "longer",
        ),
        ("import torch\ntorch.ones(1 << 31)", "OK", "more memory at once"),
        ("x = bytearray(1 << 33)", "OK", "more memory at once"),
        ("import os, time\nwhile True:\n    if not os.fork(): time.sleep(9), os._exit(0)", "OK", "more processes"),
        (
            "import threading, time\nfor _ in range(99): threading.Thread(target=time.sleep, args=(4,)).start()",
            "OK",
            "threads than it may",
        ),
        ("open('a', 'wb').write(bytes(2 << 20))", "OK", "into files"),
        ("print('x' * 2000)", "OK", "printed more than is kept"),
        ("import os\nos._exit(3)", "SG", "exit status 3"),
        ("import os\nos.abort()", "SG", "ended by itself (SIG"),
    ],
    ids=["loop", "stubborn loop", "tensor", "bytes", "processes", "threads", "files", "text", "exit", "signal"],
)
def test_a_breach_has_its_outcome_and_a_sentence(zygote: Zygote, source: str, code: str, told: str) -> None:
    record = grade(Script((Step(0, "run", source),), {}), zygote, "")
    assert (record.code, told in record.sentence) == (code, True), (record.code, record.sentence, record.outputs)


STUCK = """
import signal
calls = 0
def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    global calls
    calls += 1
    if calls == 4:  # the third case, as the first is called twice
        signal.setitimer(signal.ITIMER_REAL, 0)
        while True:
            pass
    return 1
"""


def test_of_cases_only_the_one_that_does_not_end_is_out_of_time(zygote: Zygote) -> None:
    """The answers to those before it are held back when it begins, and come with its own."""
    learner = zygote.spawn()
    learner.ask({"op": "run", "source": STUCK})
    question = {"op": "examine", "exercise": "output_size", "cases": [0, 1, 2, 3]}
    opened, *answers = learner.ask_each(question, seconds=0.5)
    learner.close()
    assert opened["problem"] is None
    assert [answer.get("outcome", {}).get("status") for answer in answers] == ["returned", "returned", None]
    assert [answer.get("late", False) for answer in answers] == [False, False, True]


IN_THE_BACKGROUND = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell has it where a command ends with &
from autograder.examiner import grade
from autograder.sandbox import Limits
from autograder.script import Script, Step
from autograder.supervisor import Zygote
with Zygote(Limits(cell_seconds=0.5)) as zygote:
    record = grade(Script((Step(0, "run", "while True: pass"), Step(1, "run", "1 + 1")), {}), zygote, "")
print(record.code, record.outputs[0][0]["ename"], record.outputs[1][0]["data"])
"""


def test_a_loop_is_interrupted_though_the_grading_itself_ignores_interrupts(warm_python: Any) -> None:
    done = warm_python(IN_THE_BACKGROUND)
    assert done.stdout == "OK KeyboardInterrupt {'text/plain': '2'}\n", done.stderr


def test_too_much_computing_by_many_threads_is_a_matter_of_time() -> None:
    """The zygote says so; the kernel's own word for it would be SIGKILL."""
    assert ending("-24").code == "TO"


def test_only_before_the_sandbox_is_made_can_its_exit_status_be_a_failure_of_ours() -> None:
    assert ending("70", serves=False).code == "XX"
    assert (ending("70").code, ending("70").detail) == ("SG", "exit status 70")


def test_a_signal_without_a_name_is_one_all_the_same() -> None:
    assert (ending("-40").code, ending("-40").detail) == ("SG", "signal 40")


def ending(status: str, serves: bool = True) -> Ended:
    """How a learner's process ended of which the zygote said so."""
    reading, writing = os.pipe()
    os.write(writing, f"{status}\n".encode())
    os.close(writing)
    with os.fdopen(reading) as said:
        ended = SimpleNamespace(_too_large=False, _has_lost_one=lambda: False, _status=said, _serves=serves)
        return Learner._ending(ended)  # type: ignore[arg-type]
