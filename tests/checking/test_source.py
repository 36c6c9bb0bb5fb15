"""The text that makes the hidden seed: the same from a notebook's cell and from what the cell defined."""

from __future__ import annotations

import inspect
import sys
import textwrap

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course_lib.checking.source import source_of, text_in

CELL = '''import math


@staticmethod
def double(x):
    """Twice x."""
    return 2 * x


y = 3
'''

MODULE_CELL = '''import torch.nn as nn


class Doubled(nn.Module):
    """Twice x."""

    factor = 2

    def __init__(self):
        super().__init__()

    def forward(self, x):
        return self.factor * x


after = Doubled()
'''


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A notebook's shell, which takes the name __main__ for its own names."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    config = Config()
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


TRIPLE = "def triple(x):\n    return 3 * x\n\n    # of x\n# and no more\n"


@pytest.mark.parametrize(("name", "cell"), [("Doubled", MODULE_CELL), ("triple", TRIPLE)])
def test_the_cell_and_what_it_defined_give_the_same_text(shell: InteractiveShell, name: str, cell: str) -> None:
    assert shell.run_cell(cell).success
    text = source_of(shell.user_ns[name])
    assert text == text_in(name, cell)
    assert text.startswith(("class Doubled(nn.Module):", "def triple(x):"))
    assert "after" not in text
    if name == "triple":
        assert text == inspect.getsource(shell.user_ns[name])
    assert text.endswith(("x\n", "# of x\n"))


def test_a_class_that_is_defined_again_has_the_text_of_its_last_cell(shell: InteractiveShell) -> None:
    again = MODULE_CELL.replace("self.factor * x", "x + x")
    shell.run_cell(MODULE_CELL)
    shell.run_cell(again)
    assert source_of(shell.user_ns["Doubled"]) == text_in("Doubled", again) != text_in("Doubled", MODULE_CELL)


def test_a_functions_text_is_what_inspect_gives() -> None:
    def double(x):
        return 2 * x

    text = textwrap.dedent(inspect.getsource(double))
    assert text_in("double", f"import math\n\n{text}\ny = 3") == text
    assert text_in("double", CELL).startswith("@staticmethod\ndef double")
    assert text_in("double", CELL).endswith("return 2 * x\n")


def test_a_cell_without_the_function_counts_as_a_whole() -> None:
    assert text_in("triple", CELL) == CELL
    assert text_in("double", "def double(") == "def double("


@pytest.mark.parametrize(
    "cell",
    ["import " + "a." * 500_000 + "a", "triple = x" + ".a" * 30_000, "not " * 20_000 + "x", "def triple(x):\0"],
    ids=["minutes to parse", "recursion", "memory", "NUL"],
)
def test_what_the_parser_cannot_take_counts_as_a_whole(cell: str) -> None:
    assert text_in("triple", cell) == cell


def test_what_has_no_text_gives_none() -> None:
    assert source_of(len) == ""
    assert source_of(type("Made", (), {})) == ""
