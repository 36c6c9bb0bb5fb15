"""A report in a terminal."""

from __future__ import annotations

from course_lib.checking.numbers import Grid
from course_lib.checking.report import Code, Facets, Grids, Text, Title
from course_lib.checking.text import MARKS, WIDTH, render


def test_every_face_has_a_mark_of_its_own() -> None:
    marks = [MARKS[face] for face in ("right", "wrong", "raised", "not attempted", "refused")]
    assert len(set(marks)) == 5
    assert render([Title("raised", "Oh.")]) == "! Oh."


def test_facets_stand_in_columns() -> None:
    rows = (("right", "a", "1/1", "Short."), ("wrong", "long name", "0.5/10", "Also short."))
    assert render([Facets(rows)]).splitlines() == [
        "  ✓ a             1/1  Short.",
        "  ✗ long name  0.5/10  Also short.",
    ]


def test_a_paragraph_is_wrapped_and_code_is_not() -> None:
    lines = render([Text("word " * 40), Code("x = 1\n" + "y" * 200)]).splitlines()
    assert all(len(line) <= WIDTH for line in lines[:-1])
    assert lines[-2:] == ["    x = 1", "    " + "y" * 200]


def test_a_wrong_cell_wears_stars_and_a_read_one_brackets() -> None:
    grid = Grid("yours", (("1", "-20"), ("3", "4")), wrong=frozenset({(0, 1)}), window=frozenset({(1, 0)}))
    assert render([Grids((grid,))]).splitlines() == ["", "yours", "   1  *-20*", "  [3]    4"]


def test_grids_stand_side_by_side_while_they_fit() -> None:
    wide = Grid("wide", (("1",) * 10,))
    lines = render([Grids((wide, wide, wide))]).splitlines()
    assert lines[1].count("wide") == 2
    assert [line.count("wide") for line in lines].count(1) == 1
    assert all(len(line) <= WIDTH for line in lines)
