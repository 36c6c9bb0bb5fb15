"""Does a classifier keep its answer when the picture moves? The measure, and the experiment of lesson 02.

Measure and remedy are from R. Zhang, "Making Convolutional Networks Shift-Invariant Again" (ICML 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations, product
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.functional._windows import check_tensor
from course_lib.geometry import is_int

Down = Callable[[Tensor], Tensor]

BATCH = 16
JUDGED = 300  # pictures at most, of those that a network has not seen
# Two halvings make four pixels of the picture one of the last map: after 4 pixels a shift repeats itself.
SHIFTS = tuple((down, right) for down in range(4) for right in range(4))


def consistency(logits: Tensor) -> float:
    """The share of pairs of shifts, over all pictures, in which the predicted class is the same.

    logits: `(S, N, K)` for S ≥ 2 shifts of N ≥ 1 pictures in K classes.

    >>> consistency(torch.tensor([[[9.0, 0.0]], [[8.0, 1.0]], [[2.0, 7.0]]]))  # 0, 0, 1: one pair of three agrees
    0.3333333432674408
    """
    check_tensor("consistency", logits, "logits")
    if logits.dim() != 3 or logits.shape[0] < 2:
        raise ValueError(f"logits must be (S, N, K) with at least 2 shifts, but the shape is {tuple(logits.shape)}")
    predicted = logits.argmax(-1)
    pairs = [one == other for one, other in combinations(predicted, 2)]
    return torch.stack(pairs).float().mean().item()


def moved(pictures: Tensor, down: int, right: int) -> Tensor:
    """Pictures `(N, C, H, W)` moved by whole pixels; what leaves at one edge comes in at the other.

    >>> moved(torch.tensor([[[[1, 2, 3]]]]), 0, 1)
    tensor([[[[3, 1, 2]]]])
    """
    check_tensor("moved", pictures, "pictures")
    for name, value in (("down", down), ("right", right)):
        if not is_int(value):
            raise TypeError(f"{name}={value!r} must be an int, of pixels")
    return pictures.roll((down, right), dims=(2, 3))


def framed(digits: Tensor) -> Tensor:
    """The digits of ``samples.digits`` with 4 pixels of black around them: `(N, 1, 32, 32)` → `(N, 1, 24, 24)`.

    >>> framed(torch.zeros(5, 1, 32, 32)).shape
    torch.Size([5, 1, 24, 24])
    """
    return digits[:, :, 4:28, 4:28]


class DigitNet(nn.Module):
    """Three convolutions with a downsampling behind the first and the second: `(N, 1, H, W)` → `(N, 10)`.

    down: makes a map half as large in each direction; it holds no parameters, so that all such networks have the same.
    The last map is averaged over all its positions, so nothing behind it can know where in the picture it looks.
    """

    def __init__(self, down: Down):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.third = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.classes = nn.Linear(32, 10)
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(self.first(x))
        x = self.down(self.second(x))
        return self.classes(self.third(x).mean(dim=(2, 3)))


def train(
    down: Down,
    pictures: Tensor,
    labels: Tensor,
    seed: int = 0,
    epochs: int = 2,
    tick: Callable[[], object] = lambda: None,
) -> DigitNet:
    """A DigitNet trained on pictures that stand still, in eval mode. `tick` is called after every epoch."""
    torch.manual_seed(seed)
    net = DigitNet(down)
    channels_last(net)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, fused=True)
    steps = epochs * -(-len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(pictures)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net(pictures[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
        tick()
    return net.eval()


@torch.no_grad()
def logits_by_shift(net: nn.Module, pictures: Tensor, shifts: Sequence[tuple[int, int]] = SHIFTS) -> Tensor:
    """What a network says of pictures at each shift (down, right): `(S, N, K)`."""
    # Maps of more pictures at once would not fit into a processor's cache.
    batches = pictures.contiguous(memory_format=torch.channels_last).split(128)
    return torch.stack([torch.cat([net(moved(batch, *shift)) for batch in batches]) for shift in shifts])


@dataclass(frozen=True)
class Row:
    """One trained network: accuracy where it was trained, its mean and its least over all shifts, and consistency."""

    name: str
    seed: int
    still: float
    moving: float
    worst: float
    consistency: float
    net: DigitNet


def channels_last(net: nn.Module) -> None:
    """Lays a network's weights out as a CPU likes them: few channels are convolved about a third faster so."""
    for parameter in net.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


@contextmanager
def one_thread() -> Iterator[None]:
    """Lets torch compute in one thread, so that sums, and with them results, do not depend on the number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def split(pictures: Tensor, labels: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Two thirds of the pictures with their labels to train on, and up to JUDGED others; always the same ones."""
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    taught, others = order.tensor_split([2 * len(order) // 3])
    judged = others[:JUDGED]
    return (pictures[taught], labels[taught]), (pictures[judged], labels[judged])


def compare(
    downs: Mapping[str, Down],
    pictures: Tensor,
    labels: Tensor,
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int = 2,
    tick: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Trains one network for each downsampling and seed and judges it on pictures that it has not seen, at every shift.

    A seed draws the first weights and the order of the pictures. `tick` is called after every epoch.
    """
    taught, (unseen, true) = split(pictures, labels)
    rows = []
    for (name, down), seed in product(downs.items(), seeds):
        with one_thread():
            net = train(down, *taught, seed, epochs, tick)
            logits = logits_by_shift(net, unseen)
        right = (logits.argmax(-1) == true).float().mean(1).tolist()
        rows.append(Row(name, seed, right[0], mean(right), min(right), consistency(logits), net))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The means over seeds as a Markdown table, least and greatest seed behind them, in percent."""
    columns = {
        "accuracy, not moved": "still",
        "accuracy, all shifts": "moving",
        "accuracy, worst shift": "worst",
        "consistency": "consistency",
    }
    lines = ["| downsampling | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for name in dict.fromkeys(row.name for row in rows):
        cells = []
        for attribute in columns.values():
            values = [100 * getattr(row, attribute) for row in rows if row.name == name]
            cells.append(f"{mean(values):.1f} ({min(values):.1f} … {max(values):.1f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
