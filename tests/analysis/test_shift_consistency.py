from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from course_lib.analysis.shift_consistency import (
    SHIFTS,
    DigitNet,
    compare,
    consistency,
    logits_by_shift,
    moved,
    split,
    table,
    train,
)

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "shift_consistency.py"


def logits(predicted: list[list[int]], classes: int = 3) -> torch.Tensor:
    return F.one_hot(torch.tensor(predicted), classes).float()


@pytest.mark.parametrize(
    ("predicted", "share"),
    [
        ([[0, 1], [0, 1]], 1.0),
        ([[0, 1], [0, 2]], 0.5),
        ([[0], [0], [1]], 1 / 3),
        ([[0], [1], [0], [1]], 2 / 6),
    ],
)
def test_consistency_is_the_share_of_pairs_that_agree(predicted, share) -> None:
    assert consistency(logits(predicted)) == pytest.approx(share)


def test_one_shift_alone_has_no_pair() -> None:
    with pytest.raises(ValueError, match=r"at least 2 shifts, but the shape is \(1, 1, 3\)"):
        consistency(logits([[0]]))


def test_pictures_move_down_and_to_the_right() -> None:
    picture = torch.arange(6).reshape(1, 1, 2, 3)
    assert moved(picture, 1, 0).tolist() == [[[[3, 4, 5], [0, 1, 2]]]]
    assert moved(picture, 0, 1).tolist() == [[[[2, 0, 1], [5, 3, 4]]]]


def test_there_are_16_shifts_and_the_first_stands_still() -> None:
    assert SHIFTS[0] == (0, 0)
    assert len(set(SHIFTS)) == 16
    assert {row for row, _ in SHIFTS} == {column for _, column in SHIFTS} == {0, 1, 2, 3}


def test_a_shift_by_the_product_of_the_strides_is_not_noticed() -> None:
    """Far from the border a picture may move by 4 pixels: both halvings keep the same values again."""
    torch.manual_seed(0)
    net = DigitNet(lambda x: F.max_pool2d(x, 2)).eval()
    picture = F.pad(torch.rand(1, 1, 8, 8), (24, 24, 24, 24))
    still, by_four, by_one = logits_by_shift(net, picture, [(0, 0), (4, 4), (1, 0)])
    torch.testing.assert_close(by_four, still)
    assert not torch.allclose(by_one, still)


def test_the_split_shows_no_picture_twice() -> None:
    pictures = torch.arange(30.0).reshape(30, 1, 1, 1)
    (taught, labels), (judged, _) = split(pictures, torch.arange(30))
    assert (len(taught), len(judged)) == (20, 10)
    assert sorted([*taught.flatten().tolist(), *judged.flatten().tolist()]) == list(range(30))
    assert taught.flatten().tolist() == labels.tolist()


def test_training_is_the_same_again_with_the_same_seed() -> None:
    pictures, labels = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 10
    ticks: list[None] = []
    one, other, third = (
        train(lambda x: F.avg_pool2d(x, 2), pictures, labels, seed, 2, lambda: ticks.append(None)) for seed in (1, 1, 2)
    )
    assert len(ticks) == 6
    assert not one.training
    assert torch.equal(one.classes.weight, other.classes.weight)
    assert not torch.equal(one.classes.weight, third.classes.weight)


def test_the_table_has_a_row_for_each_downsampling() -> None:
    pictures, labels = torch.rand(30, 1, 8, 8), torch.arange(30) % 10
    rows = compare({"a": lambda x: F.max_pool2d(x, 2)}, pictures, labels, seeds=(0, 1), epochs=1)
    assert [(row.name, row.seed) for row in rows] == [("a", 0), ("a", 1)]
    assert all(row.worst <= row.moving and row.worst <= row.still for row in rows)
    head, line, row = table(rows).splitlines()
    assert head.count("|") == line.count("|") == row.count("|") == 6
    assert row.startswith("| a | ")


def test_the_benchmark_makes_its_table_small_and_the_blur_is_steadier_than_the_stride() -> None:
    spec = importlib.util.spec_from_file_location("benchmark_shift_consistency", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    made = benchmark.main(["--digits", "600", "--seeds", "1", "--epochs", "2"])
    consistencies = {name: float(last) for name, last in re.findall(r"^\| ([^|]+) \|.*\| ([\d.]+) \(", made, re.M)}
    assert list(consistencies) == list(benchmark.DOWNS)
    assert consistencies["strided"] < consistencies["maximum"] < consistencies["blurred, 1 4 6 4 1"]
