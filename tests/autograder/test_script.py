"""What there is to do for a submission."""

from __future__ import annotations

import json

from autograder.script import Check, Script, Step, checks_of


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


def test_a_script_comes_back_from_json_as_it_was() -> None:
    steps = (Step(0, "run", "x = 1"), Step(1, "check", "", "check_a", 2.0, (Check("a", hidden=True),)))
    script = Script(steps, {"a": "def a(): ..."})
    assert Script.from_json(json.loads(json.dumps(script.as_json()))) == script
