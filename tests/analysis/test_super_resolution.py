"""The photographs experiment of lesson 09: its measures on pictures checked by hand, and the whole of it small."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.analysis.super_resolution import compare, crops, grey, halved, pattern, psnr, table, train

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "super_resolution.py"


def nearest(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2)


def sub_pixel(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.PixelShuffle(2))


def pictures(count: int = 2) -> list[torch.Tensor]:
    return [*torch.rand((count, 1, 64, 56), generator=torch.Generator().manual_seed(0))]


def test_a_grey_picture_has_even_sides():
    assert grey(torch.rand(3, 7, 10)).shape == (1, 6, 10)
    colours = torch.tensor([0.0, 0.5, 1.0]).reshape(3, 1, 1).expand(3, 2, 2)
    assert grey(colours).tolist() == [[[0.5, 0.5], [0.5, 0.5]]]


def test_halving_takes_the_mean_of_each_block():
    assert halved(torch.arange(8.0).reshape(1, 1, 2, 4)).tolist() == [[[[2.5, 4.5]]]]


def test_psnr_of_an_error_of_a_tenth_is_20_decibels():
    flat = torch.full((1, 16, 16), 0.5)
    assert psnr(lambda x: nearest(x) + 0.1, flat) == pytest.approx(20, abs=1e-3)


def test_the_border_is_not_judged():
    def wrong_at_the_border(x):
        return nearest(x) + F.pad(torch.full((8, 8), 0.1), (4, 4, 4, 4), value=9.0)

    assert psnr(wrong_at_the_border, torch.full((1, 16, 16), 0.5)) == pytest.approx(20, abs=1e-3)


def test_a_pattern_is_measured_in_grey_levels():
    """One phase of four is brighter by 4 grey levels: the means are 0, 0, 0, 4, whose standard deviation is √3."""
    board = torch.tensor([[4.0, 0.0], [0.0, 0.0]]).repeat(16, 16) / 255
    assert pattern(lambda x: nearest(x) + board) == pytest.approx(3**0.5, rel=1e-4)
    assert pattern(nearest) == 0


def test_crops_lie_inside_and_come_from_the_random_numbers():
    torch.manual_seed(0)
    one, other = crops(pictures(), 5, 16), crops(pictures(), 5, 16)
    torch.manual_seed(0)
    assert one.shape == (5, 1, 16, 16)
    assert torch.equal(one, crops(pictures(), 5, 16))
    assert not torch.equal(one, other)


def test_training_is_the_same_again_with_the_same_seed():
    ticks: list[None] = []
    one, same, another = (
        train("sub-pixel", sub_pixel, pictures(), pictures(1), seed, 10, lambda: ticks.append(None))
        for seed in (1, 1, 2)
    )
    assert len(ticks) == 30
    assert (one.psnr, one.flat, one.noise) == (same.psnr, same.flat, same.noise)
    assert one.flat != another.flat
    assert not one.net.training


def test_the_table_has_a_row_for_each_upsampler():
    rows = compare({"sub-pixel": sub_pixel}, pictures(), pictures(1), seeds=(0, 1), steps=2)
    assert [(row.name, row.seed) for row in rows] == [("sub-pixel", 0), ("sub-pixel", 1)]
    head, line, row = table(rows).splitlines()
    assert head.count("|") == line.count("|") == row.count("|") == 8
    assert row.startswith("| sub-pixel | ")


def test_the_benchmark_makes_its_table_small_and_shows_who_begins_with_a_board():
    spec = importlib.util.spec_from_file_location("benchmark_super_resolution", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    made = benchmark.main(["--seeds", "1", "--steps", "20"])
    found = re.findall(r"^\| ([^|]+) \| ([\d.]+) \([^|]+ \| ([\d.]+) \|", made, re.M)
    assert [name for name, *_ in found] == list(benchmark.UPS)
    begins = {name: float(flat) for name, _, flat in found}
    assert {name for name, flat in begins.items() if flat > 1} == {"transposed 3", "transposed 4", "sub-pixel"}
    assert begins["nearest, conv 3"] == begins["bilinear, conv 3"] == begins["sub-pixel, ICNR"] == 0
    assert all(float(quality) > 25 for _, quality, _ in found)
