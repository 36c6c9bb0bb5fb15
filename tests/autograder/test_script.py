"""What there is to do for a submission."""

from __future__ import annotations

import inspect
import textwrap

from autograder.script import Check, checks_of, function_source

CELL = '''import math


@staticmethod
def double(x):
    """Twice x."""
    return 2 * x


y = 3
'''


def test_a_cell_of_checks_alone_is_judged_outside() -> None:
    assert checks_of("check(a)\n### BEGIN HIDDEN TESTS\ncheck(a, hidden=True)\n### END HIDDEN TESTS") == (
        Check("a", hidden=False),
        Check("a", hidden=True),
    )


def test_anything_beside_a_check_makes_it_a_cell_of_plain_asserts() -> None:
    for source in (
        "",
        "check(a); x = 1",
        "check(a, seed='3')",
        "check(a.b)",
        "assert check(a) == 4",
        "check(",
        "check()",
    ):
        assert checks_of(source) == (), source


def test_a_functions_text_is_what_inspect_gives_so_that_the_hidden_seed_is_the_same() -> None:
    def double(x):
        return 2 * x

    text = textwrap.dedent(inspect.getsource(double))
    assert function_source("double", f"import math\n\n{text}\ny = 3") == text
    assert function_source("double", CELL).startswith("@staticmethod\ndef double")
    assert function_source("double", CELL).endswith("return 2 * x\n")


def test_a_cell_without_the_function_counts_as_a_whole() -> None:
    assert function_source("triple", CELL) == CELL
    assert function_source("double", "def double(") == "def double("
