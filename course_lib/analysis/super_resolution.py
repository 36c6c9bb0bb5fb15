"""Doubling photographs, the experiment of lesson 09: how good are upsamplers, and which of them draw a checkerboard?

The place of the upsampler behind all other layers is that of W. Shi et al., "Real-Time Single Image and Video
Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network" (CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.analysis.phase_energy import unevenness_of, upsampler_energy
from course_lib.analysis.shift_consistency import one_thread
from course_lib.functional import pixel_unshuffle

# Makes of a number of channels a module (N, channels, H, W) → (N, 1, 2·H, 2·W).
Up = Callable[[int], nn.Module]

CHANNELS, CROP, BATCH = 16, 32, 8
BORDER = 4  # pixels at the edge of a photograph that are not judged
GREYS = (0.25, 0.5, 0.75)


def grey(picture: Tensor) -> Tensor:
    """The mean of a picture's colours, with even sides: (C, H, W) → (1, H or H - 1, W or W - 1)."""
    high, wide = (size // 2 * 2 for size in picture.shape[1:])
    return picture.mean(0, keepdim=True)[:, :high, :wide]


def halved(pictures: Tensor) -> Tensor:
    """The mean of each 2 × 2 block: (N, C, H, W) → (N, C, H/2, W/2)."""
    return F.avg_pool2d(pictures, 2)


class DoublingNet(nn.Module):
    """Grey pictures twice as large: (N, 1, H, W) → (N, 1, 2·H, 2·W), values around 0 to 1.

    Two convolutions work at the small size, then `up` makes one large channel. It is added to the bicubic
    interpolation, so the network learns only what that lacks.
    """

    def __init__(self, up: Up):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, CHANNELS, 3, padding=1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.LeakyReLU(0.1),
        )
        self.up = up(CHANNELS)

    def forward(self, x: Tensor) -> Tensor:
        interpolated = F.interpolate(x, scale_factor=2, mode="bicubic")
        return interpolated + self.up(self.body(x - 0.5))


def crops(pictures: Sequence[Tensor], count: int = BATCH, size: int = CROP) -> Tensor:
    """Random squares (count, 1, size, size) of pictures (1, H, W), from torch's own random numbers."""
    found = []
    for which in torch.randint(len(pictures), (count,)).tolist():
        picture = pictures[which]
        top, left = (int(torch.randint(side - size + 1, ())) for side in picture.shape[1:])
        found.append(picture[:, top : top + size, left : left + size])
    return torch.stack(found)


def psnr(net: Callable[[Tensor], Tensor], picture: Tensor) -> float:
    """How well a picture (1, H, W) of even sides is got back from its half, away from its border: in decibels.

    The peak signal-to-noise ratio, -10·log₁₀ of the mean squared error for values from 0 to 1. 6 dB more are half the
    error.

    >>> stripes = torch.tensor([0.0, 1.0]).repeat(16, 8)[None]
    >>> round(psnr(lambda x: F.interpolate(x, scale_factor=2), stripes), 2)  # all grey: wrong by a half everywhere
    6.02
    """
    with torch.no_grad():
        error = net(halved(picture[None])) - picture
    inside = error[..., BORDER:-BORDER, BORDER:-BORDER]
    return -10 * inside.square().mean().log10().item()


def pattern(net: Callable[[Tensor], Tensor]) -> float:
    """How strong a checkerboard a doubling draws on flat grey, in grey levels of 255.

    The standard deviation of the means of the four phases, away from the border, averaged over three greys.

    >>> round(pattern(lambda x: F.interpolate(x, scale_factor=2)), 6)
    0.0
    """
    flat = torch.tensor(GREYS).reshape(-1, 1, 1, 1).expand(-1, 1, 16, 16)
    with torch.no_grad():
        phases = pixel_unshuffle(net(flat)[..., 8:-8, 8:-8], 2).mean((2, 3))
    return 255 * phases.std(1, correction=0).mean().item()


@dataclass(frozen=True)
class Row:
    """One trained network: its PSNR on unseen photographs and what checkerboard it draws.

    flat: the pattern on flat grey before training, after a tenth of it, and after it. noise: the unevenness of the
    upsampler's phases on noise, before and after.
    """

    name: str
    seed: int
    psnr: float
    flat: tuple[float, float, float]
    noise: tuple[float, float]
    net: DoublingNet


def train(
    name: str,
    up: Up,
    taught: Sequence[Tensor],
    judged: Sequence[Tensor],
    seed: int = 0,
    steps: int = 180,
    tick: Callable[[], object] = lambda: None,
) -> Row:
    """A DoublingNet trained on crops of some pictures and judged on others. `tick` is called after every step."""
    torch.manual_seed(seed)
    net = DoublingNet(up)
    flat, noise = [pattern(net)], _unevenness(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.005, total_steps=steps)
    for step in range(1, steps + 1):
        large = crops(taught)
        optimizer.zero_grad()
        F.l1_loss(net(halved(large)), large).backward()
        optimizer.step()
        schedule.step()
        tick()
        if step in (-(-steps // 10), steps):
            flat.append(pattern(net))
    quality = mean(psnr(net, one) for one in judged)
    return Row(name, seed, quality, (flat[0], flat[1], flat[-1]), (noise, _unevenness(net)), net.eval())


def _unevenness(net: DoublingNet) -> float:
    return unevenness_of(upsampler_energy(net.up, 2, CHANNELS))


def compare(
    ups: Mapping[str, Up],
    taught: Sequence[Tensor],
    judged: Sequence[Tensor],
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 180,
    tick: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Trains one network for each upsampler and seed. A seed draws the first weights and the crops."""
    with one_thread():
        return [train(name, up, taught, judged, seed, steps, tick) for (name, up), seed in product(ups.items(), seeds)]


def table(rows: Sequence[Row]) -> str:
    """The means over seeds as a Markdown table; behind the PSNR its least and its greatest."""
    head = ["upsampler", "PSNR, dB", "flat, before", "a tenth", "after", "noise, before", "after"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(row.name for row in rows):
        mine = [row for row in rows if row.name == name]
        quality = [row.psnr for row in mine]
        cells = [f"{mean(quality):.2f} ({min(quality):.2f} … {max(quality):.2f})"]
        cells += [f"{mean(row.flat[i] for row in mine):.2f}" for i in range(3)]
        cells += [f"{mean(row.noise[i] for row in mine):.3f}" for i in range(2)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
