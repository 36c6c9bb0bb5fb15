"""Cells run as IPython runs them, also where they hold what is no Python."""

from __future__ import annotations

import re
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("hardened grading needs Linux", allow_module_level=True)

from IPython.core.inputtransformer2 import TransformerManager

from autograder.cells import Transformers
from autograder.sandbox import Limits
from autograder.supervisor import Zygote

pytestmark = pytest.mark.usefixtures("warm_start")

SPECIAL = [
    *("%pwd", "  %pwd", "x = %pwd", "x =%pwd", "x = \\\n%pwd", "a, b = !ls", "x=!ls", "!ls {x}", "%%time\n1", "len?"),
    *(
        "?len",
        "x.y??",
        "if x:\n    %pwd\n    !ls",
        "y = 1\n\f%pwd",
        ",f a b",
        ";f a b",
        "/f a b",
        ">>> %pwd",
        "In [1]: !ls",
    ),
]
PLAIN = [
    *(
        "x = 1",
        "a != b",
        "x %= 3",
        "x = 5 % 3",
        "f'{x!r}'",
        "x = '''\nif it is\n'''",
        "",
        "\n\n",
        "    x = 1\n    y = 2",
    ),
    *(
        ">>> x = 1",
        "x = (\n    1,\n    2,\n)",
        "'%d' % 3",
        "lambda: (1\n/ 2)",
        "x = '''\n%pwd\n'''",
        "x = '?'",
        "# why?",
    ),
]


@pytest.mark.parametrize("source", SPECIAL + PLAIN)
def test_a_cell_becomes_the_python_that_ipython_makes_of_it(source: str) -> None:
    theirs, ours = TransformerManager().transform_cell(source), Transformers().transform_cell(source)
    assert ours == theirs


def test_a_recursion_without_end_is_told_soon() -> None:
    """It is a mistake of beginners, and in a notebook with torch it took IPython half a minute to say so."""
    source = "def factorial(n):\n    return n * factorial(n - 1)\nfactorial(3)"
    with Zygote(Limits(cell_seconds=8)) as zygote:
        learner = zygote.spawn()
        answer = learner.ask({"op": "run", "source": source})
        learner.close()
    assert "late" not in answer
    [error] = answer["outputs"]
    assert error["ename"] == "RecursionError"
    assert any("return n * factorial(n - 1)" in re.sub(r"\x1b\[[0-9;]*m", "", line) for line in error["traceback"])


def test_what_is_no_plain_python_runs() -> None:
    sources = {"import asyncio\nawait asyncio.sleep(0, 7)": "7", "x = %pwd\nx": "'/tmp'", "'await'": "'await'"}
    with Zygote(Limits()) as zygote:
        learner = zygote.spawn()
        outputs = [learner.ask({"op": "run", "source": source})["outputs"] for source in sources]
        learner.close()
    assert [shown["data"]["text/plain"] for [shown] in outputs] == list(sources.values())


def test_comparing_tensors_imports_nothing_more() -> None:
    """Test cells of plain asserts do it, and torch would import what belongs to clusters in every attempt: 1.5 s."""
    sources = "torch.testing.assert_close(x := torch.ones(2), x)", "'torch.distributed.tensor' in sys.modules"
    with Zygote(Limits()) as zygote:
        learner = zygote.spawn()
        [shown] = learner.ask({"op": "run", "source": "\n".join(("import sys, torch", *sources))})["outputs"]
        learner.close()
    assert shown["data"]["text/plain"] == "False"
