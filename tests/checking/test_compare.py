"""How an output differs from its target, one kind of difference after the other."""

from __future__ import annotations

import math

import pytest
import torch

from course_lib.checking.compare import TOLERANCES, buffer_difference, difference, gradient_difference, part_difference
from course_lib.checking.plain import Foreign

GRID = torch.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "target",
    [
        GRID,
        GRID.to(torch.uint8),
        GRID > 2,
        torch.tensor([math.nan, math.inf, -math.inf]),
        torch.tensor(3.0),
        torch.zeros(0, 3),
        (GRID, 3),
        {"a": [1, 2.5, "x"], "b": GRID},
        3,
        2.5,
        math.nan,
        "max",
        True,
        None,
    ],
    ids=repr,
)
def test_what_is_right_differs_in_nothing(target) -> None:
    assert difference(target, target) is None


@pytest.mark.parametrize(
    ("target", "yours", "kind"),
    [
        (GRID, None, "nothing"),
        (GRID, [0, 1, 2, 3, 4, 5], "type"),
        (GRID, Foreign("an ndarray", "numpy"), "type"),
        (GRID, GRID.T, "shape"),
        (GRID, GRID[None], "shape"),
        (GRID, GRID.double(), "dtype"),
        (GRID, GRID.to("meta"), "device"),
        (GRID, GRID + torch.tensor([0, 0, math.nan]), "nan"),
        (GRID, GRID + 1, "value"),
        (GRID, GRID.to(torch.complex64), "dtype"),
        (torch.tensor([-math.inf]), torch.tensor([math.inf]), "value"),
        (torch.tensor([math.nan]), torch.tensor([0.0]), "value"),
        ((GRID, GRID), GRID, "type"),
        ((GRID, GRID), (GRID,), "length"),
        ((GRID, GRID), (GRID, GRID + 1), "value"),
        ({"a": 1}, [1], "type"),
        ({"a": 1}, {"b": 1}, "keys"),
        ({"a": 1}, {"a": 2}, "value"),
        pytest.param(2.5, 10**400, "value", id="beyond every float"),
        ({"a": 1}, {"a": None}, "nothing"),
        ([1.0, 2.0], [1.0], "length"),
        ([1.0, 2.0], [1.0, "2"], "type"),
        (3, 3.0, "type"),
        (3, True, "type"),
        (True, 1, "type"),
        (3, 4, "value"),
        (2.5, math.nan, "nan"),
        (2.5, 2.6, "value"),
        ("max", "avg", "value"),
        ("max", 3, "type"),
    ],
)
def test_the_kind_of_a_difference(target, yours, kind: str) -> None:
    found = difference(target, yours)
    assert found is not None
    assert found.kind == kind


def test_the_first_wrong_element_and_their_number() -> None:
    found = difference(GRID, torch.tensor([[0.0, 1.0, 9.0], [3.0, 9.0, 5.0]]))
    assert found is not None
    assert (found.index, found.count, found.total) == ((0, 2), 2, 6)
    assert found.wrong.tolist() == [[False, False, True], [False, True, False]]


def test_a_nan_comes_before_any_other_wrong_value() -> None:
    found = difference(GRID, torch.tensor([[9.0, 9.0, 9.0], [3.0, math.nan, 5.0]]))
    assert found is not None
    assert (found.kind, found.index, found.count) == ("nan", (1, 1), 1)


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_rounding_error_passes_and_a_tenfold_tolerance_does_not(dtype: torch.dtype) -> None:
    rtol, _ = TOLERANCES[dtype]
    one = torch.ones(3, dtype=dtype)
    assert difference(one, one + rtol / 2) is None
    assert difference(one, one + 10 * rtol) is not None


def test_whole_numbers_have_no_tolerance() -> None:
    large = torch.tensor([2**62])
    assert difference(large, large + 1) is not None


def test_an_entry_of_a_list_is_named_by_its_position_and_a_pair_is_shown_whole() -> None:
    assert difference([1, 2, 3], [1, 2, 4]).part == 2
    found = difference([(0, 3), (2, 5)], [(0, 3), (2, 4)])
    assert (found.part, found.target, found.yours) == (1, (2, 5), (2, 4))


@pytest.mark.parametrize("yours", [{"a": 1, "b": 9}, {"a": 1}])
def test_a_part_is_judged_alone(yours) -> None:
    assert part_difference({"a": 1, "b": 2}, yours, "a") is None
    assert part_difference({"a": 1, "b": 2}, yours, "b") is not None


def test_a_position_of_a_tuple_is_judged_alone() -> None:
    assert part_difference((GRID, 3), (GRID, 4), 0) is None
    assert part_difference((GRID, 3), (GRID, 4), 1).part == 1
    assert part_difference((GRID, 3), (GRID,), 0).kind == "length"
    assert part_difference((GRID, 3), GRID, 0).kind == "type"


def test_gradients_are_compared_by_the_arguments_place_or_the_parameters_name() -> None:
    assert gradient_difference({0: GRID, "bias": None}, {0: GRID, "bias": None}) is None
    assert gradient_difference({0: GRID, 1: GRID}, {0: GRID, 1: None}).kind == "no gradient"
    assert gradient_difference({0: GRID, 1: GRID}, {0: GRID, 1: "a word"}).part == 1
    assert gradient_difference({"weight": GRID}, {}).part == "weight"
    found = gradient_difference({0: GRID, "bias": GRID}, {0: GRID, "bias": GRID + torch.eye(2, 3)})
    assert (found.kind, found.part, found.index, found.count) == ("gradient", "bias", (0, 0), 2)


def test_buffers_are_compared_by_name_and_none_hangs_on_the_graph() -> None:
    assert buffer_difference({"mean": GRID, "var": None}, {"mean": GRID, "var": None, "more": GRID}) is None
    assert buffer_difference({"mean": GRID}, {}).kind == "no buffer"
    assert buffer_difference({"mean": GRID}, {"mean": GRID.double()}).kind == "no buffer"
    assert buffer_difference({"mean": GRID}, {"mean": None}).kind == "attached"
    found = buffer_difference({"calls": torch.tensor(3)}, {"calls": torch.tensor(4)})
    assert (found.kind, found.part, found.index) == ("buffer", "calls", ())
