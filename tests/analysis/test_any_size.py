from __future__ import annotations

import re

import pytest
import torch
import torch.nn.functional as F

from course_lib import samples
from course_lib.analysis.any_size import CHANNELS, SIZES, CropNet, compare, resized, table, train


def mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean(dim=(2, 3))


def pyramid(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([F.adaptive_max_pool2d(x, level).flatten(1) for level in (4, 2, 1)], dim=1)


def test_a_digit_is_cut_out_of_its_canvas() -> None:
    canvas = F.pad(torch.ones(1, 1, 16, 16), (8, 8, 8, 8))
    assert torch.equal(resized(canvas, (12, 20)), torch.ones(1, 1, 12, 20))


@pytest.mark.parametrize(("head", "features"), [(mean, CHANNELS), (pyramid, 21 * CHANNELS)])
def test_one_network_takes_every_size(head, features) -> None:
    net = CropNet(head)
    assert net.classes.in_features == features
    for size in SIZES:
        assert net(torch.zeros(2, 1, *size)).shape == (2, 10)


def test_training_is_the_same_again_with_the_same_seed() -> None:
    digits, labels = torch.rand(40, 1, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 10
    ticks: list[None] = []
    one, other, third = (train(mean, digits, labels, seed, 2, lambda: ticks.append(None)) for seed in (1, 1, 2))
    assert len(ticks) == 6
    assert not one.training
    assert torch.equal(one.classes.weight, other.classes.weight)
    assert not torch.equal(one.classes.weight, third.classes.weight)


def test_a_pyramid_reads_digits_of_every_size_and_a_mean_does_not() -> None:
    digits, labels = samples.digits()
    rows = compare({"mean": mean, "pyramid": pyramid}, digits[:300], labels[:300], seeds=[0], epochs=4)
    assert [(row.name, row.seed) for row in rows] == [("mean", 0), ("pyramid", 0)]
    for size in SIZES:
        assert rows[0].accuracies[size] + 0.2 < rows[1].accuracies[size]
    head, line, *body = table(rows).splitlines()
    assert {text.count("|") for text in (head, line, *body)} == {len(SIZES) + 2}
    assert re.match(r"\| pyramid \| \d+ \(\d+ … \d+\)", body[1])
