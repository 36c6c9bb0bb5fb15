"""The photographs experiment of lesson 09: six upsamplers double photographs, three seeds each.

    python benchmarks/super_resolution.py [--seeds N] [--steps N] [--save]

Prints a Markdown table: means over the seeds, behind the PSNR its least and greatest. `--save` writes it to
docs/benchmarks/super_resolution.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from course_lib import samples
from course_lib.analysis.super_resolution import Up, compare, grey, psnr, table
from course_lib.exercises.pixel_shuffle import ICNR

TABLE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "super_resolution.md"
HEAD = """# Doubling photographs

Three photographs to learn from, the upper left 256 × 256 pixels of three others to judge by; {seeds} seeds, {steps}
steps. PSNR in dB, the mean over the seeds, the least and the greatest behind it; bicubic interpolation alone has
{bicubic:.2f}. *flat*: the pattern on flat grey before training, after a tenth of it and after it, in grey levels of
255. *noise*: the unevenness of the upsampler's phases on noise, before and after. Made by
`benchmarks/super_resolution.py --save`.

"""

TAUGHT = (samples.astronaut, samples.coffee, samples.rocket)
JUDGED = (samples.chelsea, samples.camera, samples.brick)


class SubPixel(nn.Module):
    """A sub-pixel convolution of lesson 09's own parts: (N, channels, H, W) → (N, 1, 2·H, 2·W)."""

    def __init__(self, channels: int, icnr: bool):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        if icnr:
            for parameter in self.conv.parameters():
                parameter.data = ICNR.oracle(parameter.data, 2)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(x), 2)


def resized(channels: int, mode: str) -> nn.Module:
    """Interpolation, then a convolution at the large size."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=mode), nn.Conv2d(channels, 1, 3, padding=1))


UPS: dict[str, Up] = {
    "nearest, conv 3": partial(resized, mode="nearest"),
    "bilinear, conv 3": partial(resized, mode="bilinear"),
    "transposed 3": lambda channels: nn.ConvTranspose2d(channels, 1, 3, stride=2, padding=1, output_padding=1),
    "transposed 4": lambda channels: nn.ConvTranspose2d(channels, 1, 4, stride=2, padding=1),
    "sub-pixel": partial(SubPixel, icnr=False),
    "sub-pixel, ICNR": partial(SubPixel, icnr=True),
}


def main(arguments: Sequence[str] | None = None) -> str:
    """Runs the experiment and returns its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=180)
    parser.add_argument("--save", action="store_true", help=f"write the table to docs/benchmarks/{TABLE.name}")
    chosen = parser.parse_args(arguments)
    taught, judged = ([grey(samples.as_float(load())) for load in loads] for loads in (TAUGHT, JUDGED))
    judged = [picture[:, :256, :256] for picture in judged]
    with tqdm(total=len(UPS) * chosen.seeds * chosen.steps, desc="steps", disable=None) as bar:
        made = table(compare(UPS, taught, judged, range(chosen.seeds), chosen.steps, tick=bar.update))
    if chosen.save:
        bicubic = mean(psnr(partial(F.interpolate, scale_factor=2, mode="bicubic"), one) for one in judged)
        facts = {"seeds": chosen.seeds, "steps": chosen.steps, "bicubic": bicubic}
        TABLE.write_text(HEAD.format(**facts) + made + "\n", encoding="utf-8")
    return made


if __name__ == "__main__":
    print(main())
