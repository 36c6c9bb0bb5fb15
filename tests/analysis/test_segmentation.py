from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch

from course_lib.analysis import scenes
from course_lib.analysis.segmentation import (
    Encoder,
    NoSkips,
    Plain,
    Unpooling,
    compare,
    double_conv,
    judged,
    mask_iou,
    table,
    train,
)

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "segmentation.py"


def some(count: int, seed: int = 0) -> scenes.Scenes:
    digits = torch.ones(3, 1, 32, 32)
    return scenes.make(count, [torch.rand(1, 50, 50, generator=torch.Generator().manual_seed(5))], digits, seed)


def test_the_encoder_halves_the_map_and_doubles_the_channels() -> None:
    bottom, kept = Encoder(1, width=4, depth=2)(torch.zeros(2, 1, 9, 12))
    assert bottom.shape == (2, 16, 2, 3)
    assert [(tuple(fine.shape), tuple(places.shape)) for fine, places in kept] == [
        ((2, 4, 9, 12), (2, 4, 4, 6)),
        ((2, 8, 4, 6), (2, 8, 2, 3)),
    ]


@pytest.mark.parametrize("decoder", [Plain, NoSkips, Unpooling])
@pytest.mark.parametrize("size", [(8, 8), (13, 10), (45, 38)])
def test_every_decoder_gives_an_answer_for_each_pixel(decoder, size) -> None:
    assert decoder(1, 2, width=3, depth=3).eval()(torch.zeros(1, 1, *size)).shape == (1, 2, *size)


def test_unpooling_has_fewer_parameters_than_no_skips() -> None:
    plain, no_skips, unpooling = (
        sum(p.numel() for p in decoder(1, 1).parameters()) for decoder in (Plain, NoSkips, Unpooling)
    )
    assert plain < unpooling < no_skips


def test_no_skips_knows_the_bottom_map_alone() -> None:
    """A value that loses in its 2 × 2 window never reaches the output."""
    torch.manual_seed(0)
    net = NoSkips(1, 1, width=2, depth=1).eval()
    net.encoder.down[0] = torch.nn.Conv2d(1, 2, 1)
    x = torch.tensor([[9.0, 1], [2, 3]]).repeat(2, 2)[None, None]
    changed = torch.where(x == 2, 2.5, x)
    with torch.no_grad():
        net.encoder.down[0].weight.fill_(1.0)
        assert torch.equal(net(x), net(changed))


def test_a_double_convolution_keeps_the_size_and_ends_in_a_relu() -> None:
    y = double_conv(2, 5)(torch.randn(3, 2, 7, 4))
    assert y.shape == (3, 5, 7, 4)
    assert (y >= 0).all()


@pytest.mark.parametrize(
    ("logits", "mask", "value"),
    [
        ([1.0, 1.0, -1.0], [1, 0, 1], 1 / 3),
        ([1.0, -1.0, -1.0], [1, 0, 0], 1.0),
        ([1.0, -1.0, -1.0], [0, 1, 0], 0.0),
        ([-1.0, 0.0, -1.0], [0, 0, 0], 1.0),
    ],
)
def test_intersection_over_union(logits, mask, value) -> None:
    [given] = mask_iou(torch.tensor(logits)[None, None], torch.tensor(mask)[None, None])
    assert given == pytest.approx(value)


def test_recall_is_counted_for_each_size_of_digit() -> None:
    truth = some(3)

    class SeesTheLarge(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return (truth.sides == 18).float() - 0.5

    iou, recalls = judged(SeesTheLarge(), truth)
    assert recalls == (0.0, 0.0, 1.0)
    assert iou == pytest.approx(18**2 / (18**2 + 11**2 + 7**2))


def test_training_is_the_same_again_with_the_same_seed() -> None:
    ticks: list[None] = []
    one, again, other = (
        train(Plain, some(6), depth=1, seed=seed, epochs=2, tick=lambda: ticks.append(None)) for seed in (1, 1, 2)
    )
    assert len(ticks) == 6
    assert not one.training
    assert torch.equal(one.head.weight, again.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_the_table_has_a_row_for_each_decoder_and_depth() -> None:
    rows = compare({"a": Plain, "b": NoSkips}, some(4), some(4, seed=1), depths=(1, 2), seeds=(0, 1), epochs=1)
    assert [(row.name, row.depth, row.seed) for row in rows][:4] == [("a", 1, 0), ("a", 1, 1), ("a", 2, 0), ("a", 2, 1)]
    head, line, *body = table(rows).splitlines()
    assert len(body) == 4
    assert {text.count("|") for text in (head, line, *body)} == {8}
    assert re.match(r"\| a \| 1 \| [\d,]+ \| \d+ \(\d+ … \d+\) \|", body[0])


def test_the_benchmark_makes_its_table_small_and_the_order_is_that_of_the_verdict() -> None:
    from course_lib.exercises import find

    spec = importlib.util.spec_from_file_location("benchmark_segmentation", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    made = benchmark.main(["--scenes", "80", "--seeds", "1", "--epochs", "3", "--depths", "3"])
    lines = re.findall(r"^\| ([^|]+) \| 3 \| ([\d,]+) \| (\d+) \(.*?\| (\d+) \(", made, re.M)
    iou = {name: int(value) for name, _, value, _ in lines}
    parameters = {name: int(count.replace(",", "")) for name, count, _, _ in lines}
    smallest = {name: int(value) for name, _, _, value in lines}
    verdict = find("ablation_verdict").oracle()
    assert sorted(iou, key=iou.__getitem__) == verdict["order"]
    better, worse = verdict["against_parameters"]
    assert iou[better] > iou[worse]
    assert parameters[better] < parameters[worse]
    assert smallest["no skips"] > smallest["plain"]  # after so little training; the lesson's table shows how much more
