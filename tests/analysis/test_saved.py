"""What stays in memory after a forward pass, worked out by hand for the block of lesson 05."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.analysis.saved import Ledger, block_ledger, ledger

X = torch.zeros(2, 3, 8, 8)


def told(book: Ledger) -> list[tuple[str, list[str], bool]]:
    return [(" → ".join(row.names), row.kept_by, row.held) for row in book.rows]


def test_a_block_keeps_three_maps_and_the_positions_in_place_or_not() -> None:
    assert told(block_ledger()) == [
        ("x", ["conv"], True),
        ("conv", ["bn"], False),
        ("bn", [], False),
        ("relu", ["relu", "pool"], False),
        ("pool", [], True),
        ("pool: positions", ["pool"], False),
    ]
    assert told(block_ledger(inplace=True))[2:4] == [("bn → relu", ["relu", "pool"], False), ("pool", [], True)]


@pytest.mark.parametrize(
    ("switches", "kept", "alive", "peak"),
    [
        ({}, 3.5, 3.75, 4),
        ({"inplace": True}, 3.5, 3.75, 3.75),
        ({"hold": True}, 3.5, 4.75, 4.75),
        ({"hold": True, "inplace": True}, 3.5, 3.75, 3.75),
        ({"pool_first": True}, 3.75, 3.75, 4),
        ({"training": False}, 0, 1.25, 3),
        ({"training": False, "inplace": True}, 0, 1.25, 3),
        ({"training": False, "hold": True, "inplace": True}, 0, 2.25, 3),
    ],
)
def test_maps_that_are_kept_alive_afterwards_and_alive_at_most(switches, kept, alive, peak) -> None:
    book, unit = block_ledger(**switches), 8 * 16 * 32 * 32 * 4
    assert (book.kept_bytes, book.alive_bytes, book.peak_bytes) == (kept * unit, alive * unit, peak * unit)


def test_the_bytes_that_are_kept_are_those_that_the_hooks_see() -> None:
    steps = [nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Sigmoid(), nn.AvgPool2d(2)]
    seen = {}

    def note(tensor):
        if tensor.dim() == 4 and not isinstance(tensor, nn.Parameter):
            seen[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        nn.Sequential(*steps)(X)
    assert ledger(dict(zip("abcd", steps, strict=True)), X).kept_bytes == sum(t.nbytes for t in seen.values())


def test_without_a_graph_an_in_place_relu_halves_what_a_folded_block_needs_beside_its_input() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    with torch.no_grad():
        plain, inplace = (ledger({"conv": conv, "relu": relu}, X).peak_bytes for relu in (F.relu, F.relu_))
    assert (plain, inplace) == (3 * X.nbytes, 2 * X.nbytes)
