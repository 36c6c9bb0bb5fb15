"""One classifier for pictures of every size: what must a head keep of a map? The experiment of lesson 04."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.analysis.shift_consistency import one_thread, split

# A head turns maps (N, C, H, W) of any size into features (N, K), with the same K for every size.
Head = Callable[[Tensor], Tensor]

CHANNELS, BATCH = 16, 32
# Heights and widths from which training draws one pair a batch.
SIDES = (8, 24)
# (H, W) by which a network is judged; the last is larger than all that it was trained on.
SIZES = ((8, 8), (16, 16), (12, 24), (24, 12), (24, 24), (40, 32))


def resized(digits: Tensor, size: tuple[int, int]) -> Tensor:
    """The digits of ``samples.digits`` cut out of their canvas and scaled: `(N, 1, 32, 32)` → `(N, 1, *size)`.

    >>> resized(torch.zeros(5, 1, 32, 32), (12, 20)).shape
    torch.Size([5, 1, 12, 20])
    """
    return F.interpolate(digits[:, :, 8:24, 8:24], size=size, mode="bilinear", antialias=True)


class CropNet(nn.Module):
    """Two 3 × 3 convolutions with batch norm, a head, and a linear layer: `(N, 1, H, W)` → `(N, 10)`.

    An output of the convolutions sees 5 × 5 values, the corner of a stroke: where it lies, only the head can tell.
    """

    def __init__(self, head: Head):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, CHANNELS, 3, padding=1),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
        )
        self.head = head
        self.classes = nn.Linear(head(torch.zeros(1, CHANNELS, 8, 8)).shape[1], 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classes(self.head(self.convolutions(x)))


def train(
    head: Head,
    digits: Tensor,
    labels: Tensor,
    seed: int = 0,
    epochs: int = 2,
    tick: Callable[[], object] = lambda: None,
) -> CropNet:
    """A CropNet in eval mode, trained on batches that each have a size of their own. `tick` follows every epoch."""
    torch.manual_seed(seed)
    net = CropNet(head)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02, fused=True)
    steps = epochs * -(-len(digits) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(digits)).split(BATCH):
            height, width = torch.randint(SIDES[0], SIDES[1] + 1, (2,)).tolist()
            optimizer.zero_grad()
            F.cross_entropy(net(resized(digits[batch], (height, width))), labels[batch]).backward()
            optimizer.step()
            schedule.step()
        tick()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, digits: Tensor, labels: Tensor, size: tuple[int, int]) -> float:
    """The share of digits, scaled to one size, that a network recognises."""
    found = torch.cat([net(resized(batch, size)).argmax(-1) for batch in digits.split(64)])
    return (found == labels).float().mean().item()


@dataclass(frozen=True)
class Row:
    """One trained network and its accuracy at each size."""

    name: str
    seed: int
    accuracies: Mapping[tuple[int, int], float]
    net: CropNet


def compare(
    heads: Mapping[str, Head],
    digits: Tensor,
    labels: Tensor,
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int = 2,
    tick: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Trains one network for each head and seed and judges it, at each of SIZES, on digits that it has not seen."""
    taught, unseen = split(digits, labels)
    rows = []
    for (name, head), seed in product(heads.items(), seeds):
        with one_thread():
            net = train(head, *taught, seed, epochs, tick)
            rows.append(Row(name, seed, {size: accuracy(net, *unseen, size) for size in SIZES}, net))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The mean accuracy over seeds in percent, the least and the greatest behind it, as a Markdown table."""
    lines = ["| head | " + " | ".join(f"{h} × {w}" for h, w in SIZES) + " |", "|---|" + "---|" * len(SIZES)]
    for name in dict.fromkeys(row.name for row in rows):
        cells = []
        for size in SIZES:
            values = [100 * row.accuracies[size] for row in rows if row.name == name]
            cells.append(f"{mean(values):.0f} ({min(values):.0f} … {max(values):.0f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
