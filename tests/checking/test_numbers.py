"""Numbers as a learner reads them, and the part of a tensor that a report draws."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib.checking.examine import examine
from course_lib.checking.exercise import Case, Facet
from course_lib.checking.numbers import COLUMNS, PADDING, ROWS, grids_of, number, told_apart
from course_lib.exercises import find


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (1 / 3, "0.3333"),
        (123456.0, "1.235e+05"),
        (2**63 - 1, "9.223e+18"),
        pytest.param(10**5000, "a number of 16610 bits", id="very long"),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (True, "True"),
        ("max", "'max'"),
        (None, "None"),
        (["x"] * 1000, "a list"),
        (torch.ones(2), "a tensor of shape (2,)"),
        (torch.empty(1, device="meta"), "a tensor of shape (1,)"),
        (torch.tensor(2.5), "2.5"),
        (torch.tensor(7, dtype=torch.uint8), "7"),
    ],
)
def test_a_number_in_few_digits(value, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (1.0, 2.0, ("1", "2")),
        (1.0, 1.00002, ("1", "1.00002")),
        (1.0, 1.0000000001, ("1", "1.0000000001")),
        (2**40, 2**40 + 1, ("1099511627776", "1099511627777")),
        (torch.tensor(0.5), torch.tensor(0.50001), ("0.5", "0.50001")),
        ("a", "b", ("'a'", "'b'")),
        (1.0, 1.0, ("1", "1")),
        ((1, 2), (3, torch.ones(2)), ("(1, 2)", "(3, a tensor of shape (2,))")),
    ],
)
def test_two_numbers_in_enough_digits_to_tell_them_apart(one, other, words) -> None:
    assert told_apart(one, other) == words


def drawn(name: str, work, case: Case):
    """The grids for one case of an exercise, by title."""
    exercise = replace(find(name), facets=(Facet("one", 1, "One case.", (case,)),), banned=())
    finding = examine(exercise, work).facets[0].finding
    return {grid.title: grid for grid in grids_of(finding)}


def zero_padded(x, kernel_size, stride=None, padding=0, dilation=1):
    return F.max_pool2d(F.pad(x, [padding] * 4), kernel_size, stride, 0, dilation)


COLD = -torch.arange(1.0, 10).reshape(1, 1, 3, 3)


def test_input_target_yours_and_difference() -> None:
    grids = drawn("max_pool", zero_padded, Case((COLD,), {"kernel_size": 3, "stride": 2, "padding": 1}))
    assert list(grids) == ["input", "target", "yours", "yours − target"]
    assert grids["target"].cells == (("-1", "-2"), ("-4", "-5"))
    assert grids["yours"].cells == (("0", "0"), ("0", "0"))
    assert grids["yours − target"].cells == (("1", "2"), ("4", "5"))
    assert grids["yours"].wrong == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_the_window_hangs_over_the_padding() -> None:
    grid = drawn("max_pool", zero_padded, Case((COLD,), {"kernel_size": 3, "stride": 3, "padding": 1}))["input"]
    assert [line[:3] for line in grid.cells[:3]] == [(PADDING,) * 3, (PADDING, "-1", "-2"), (PADDING, "-4", "-5")]
    assert grid.window == {(row, column) for row in range(3) for column in range(3)}
    assert grid.shade[0][0] is None
    assert grid.shade[1][1] == 1


def test_a_dilated_window_marks_what_it_reads() -> None:
    case = Case((torch.arange(16.0).reshape(1, 1, 4, 4),), {"kernel_size": 2, "dilation": 3})
    grid = drawn("max_pool", lambda x, kernel_size, stride=None, padding=0, dilation=1: x[..., :1, :1], case)["input"]
    assert grid.window == {(0, 0), (0, 3), (3, 0), (3, 3)}


def test_a_signal_is_one_row() -> None:
    def work(x, kernel_size, stride=None, padding=0, dilation=1):
        return F.max_pool1d(F.pad(x, (padding, padding)), kernel_size)

    grids = drawn("max_pool", work, Case((torch.tensor([[[-2.0, -1.0, -3.0]]]),), {"kernel_size": 2, "padding": 1}))
    assert grids["input"].cells == ((PADDING, "-2", "-1", "-3"),)
    assert grids["input"].window == {(0, 0), (0, 1)}
    assert (grids["target"].cells, grids["yours"].cells) == ((("-2", "-1"),), (("0", "-1"),))


def test_an_input_of_which_one_row_is_left_out_is_called_a_part() -> None:
    case = Case((-torch.arange(1.0, 65).reshape(1, 1, 8, 8),), {"kernel_size": 3, "stride": 1, "padding": 1})
    grid = drawn("max_pool", zero_padded, case)["input (a part)"]
    assert [line[0] for line in grid.cells] == [PADDING] * ROWS
    assert grid.cells[1][1] == "-1"


def test_an_output_with_one_axis_has_grids_too(scaled) -> None:
    finding = examine(scaled, lambda x, times=2: x).facets[0].finding
    assert {grid.title: grid.cells for grid in grids_of(finding)} == {
        "target": (("2", "-4", "6"),),
        "yours": (("1", "-2", "3"),),
        "yours − target": (("-1", "2", "-3"),),
    }


def test_a_gradient_has_grids_of_its_own(scaled) -> None:
    def work(x, times=2):
        return x * times + (x - x.detach())

    finding = examine(scaled, work).facets[2].finding
    assert [grid.title for grid in grids_of(finding)] == ["target gradient", "your gradient", "yours − target"]


def test_of_a_large_output_a_part_around_the_first_wrong_element_is_drawn() -> None:
    def work(x, kernel_size, stride):
        out = x.clone()
        out[70, 80] += 1
        return out

    case = Case((torch.arange(10_000.0).reshape(100, 100),), {"kernel_size": 1, "stride": 1})
    grids = drawn("max_pool_loops", work, case)
    for title, grid in grids.items():
        assert title.endswith("(a part)")
        assert len(grid.cells) <= ROWS
        assert all(len(line) <= COLUMNS for line in grid.cells)
    [(row, column)] = grids["yours (a part)"].wrong
    assert grids["yours (a part)"].cells[row][column] == "7081"
    assert grids["yours − target (a part)"].cells[row][column] == "1"
    [(row, column)] = grids["input (a part)"].window
    assert grids["input (a part)"].cells[row][column] == "7080"


@pytest.mark.parametrize("result", [lambda x: None, lambda x: x[None], lambda x: x.double(), lambda x: [1]])
def test_where_nothing_can_be_set_side_by_side_there_are_no_grids(scaled, result) -> None:
    finding = examine(scaled, lambda x, times=2: result(x)).facets[0].finding
    assert grids_of(finding) == ()


def test_unsigned_and_boolean_outputs_have_a_difference() -> None:
    case = Case((torch.tensor([[0, 255]], dtype=torch.uint8),), {"kernel_size": 1, "stride": 1})
    grids = drawn("max_pool_loops", lambda x, kernel_size, stride: x.flip(-1), case)
    assert grids["yours − target"].cells == (("255", "-255"),)
