"""What must a decoder get from its encoder? Digits on textures, by four decoders: the experiment of lesson 10."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.analysis.scenes import SIDES, Scenes
from course_lib.analysis.shift_consistency import channels_last, one_thread

WIDTH, DEPTH, BATCH = 6, 3, 4

# Makes a network of (in_channels, out_channels, width, depth).
Factory = Callable[[int, int, int, int], nn.Module]


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice Conv → BatchNorm → ReLU, which keeps the size: `(N, C, H, W)` → `(N, O, H, W)`.

    >>> double_conv(1, 4)(torch.zeros(2, 1, 5, 7)).shape
    torch.Size([2, 4, 5, 7])
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class Encoder(nn.Module):
    """`depth` times a double convolution and a max pooling by 2, and a last double convolution at the bottom.

    Gives the bottom map, and for every level from the top its map before pooling and the places of the maxima.
    """

    def __init__(self, in_channels: int, width: int, depth: int):
        super().__init__()
        self.channels = [width * 2**level for level in range(depth + 1)]
        pairs = zip([in_channels, *self.channels], self.channels, strict=False)
        *down, self.bottom = (double_conv(*pair) for pair in pairs)
        self.down = nn.ModuleList(down)

    def forward(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        kept = []
        for block in self.down:
            fine = block(x)
            x, places = F.max_pool2d(fine, 2, return_indices=True)
            kept.append((fine, places))
        return self.bottom(x), kept


class Plain(nn.Module):
    """The bottom map's logits, enlarged in one step by bilinear interpolation."""

    def __init__(self, in_channels: int, out_channels: int, width: int = WIDTH, depth: int = DEPTH):
        super().__init__()
        self.encoder = Encoder(in_channels, width, depth)
        self.head = nn.Conv2d(self.encoder.channels[-1], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        bottom, _ = self.encoder(x)
        return F.interpolate(self.head(bottom), size=x.shape[2:], mode="bilinear")


class NoSkips(nn.Module):
    """Step by step up with transposed convolutions; of the encoder it gets the bottom map alone."""

    def __init__(self, in_channels: int, out_channels: int, width: int = WIDTH, depth: int = DEPTH):
        super().__init__()
        self.encoder = Encoder(in_channels, width, depth)
        channels = self.encoder.channels[-2::-1]
        self.up = nn.ModuleList(self.upsampling(2 * c, c) for c in channels)
        self.merge = nn.ModuleList(double_conv(c, c) for c in channels)
        self.head = nn.Conv2d(width, out_channels, 1)

    def upsampling(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)

    def enlarged(self, x: Tensor, up: nn.Module, fine: Tensor, places: Tensor) -> Tensor:
        """x twice as large; of fine no more than its size is used, so that odd sizes come back."""
        return up(x, output_size=fine.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        x, kept = self.encoder(x)
        for up, merge, (fine, places) in zip(self.up, self.merge, reversed(kept), strict=True):
            x = merge(self.enlarged(x, up, fine, places))
        return self.head(x)


class Unpooling(NoSkips):
    """As NoSkips, but each value goes up to the place of the maximum that the encoder's pooling kept."""

    def upsampling(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.Conv2d(in_channels, out_channels, 1)

    def enlarged(self, x: Tensor, up: nn.Module, fine: Tensor, places: Tensor) -> Tensor:
        return F.max_unpool2d(up(x), places, [2, 2], output_size=fine.shape[2:])


def train(
    network: Factory,
    scenes: Scenes,
    depth: int = DEPTH,
    seed: int = 0,
    epochs: int = 3,
    tick: Callable[[], object] = lambda: None,
) -> nn.Module:
    """A network in eval mode, trained to tell the pixels of digits from the others. `tick` follows every epoch.

    A missed pixel of a digit costs three times what a false one does: nine of ten pixels belong to none.
    """
    torch.manual_seed(seed)
    net = network(1, 1, WIDTH, depth)
    channels_last(net)
    pictures = scenes.pictures.contiguous(memory_format=torch.channels_last)
    masks, weight = scenes.masks.float(), torch.tensor(3.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, fused=True)
    steps = epochs * -(-len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(pictures)).split(BATCH):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(net(pictures[batch]), masks[batch], pos_weight=weight).backward()
            optimizer.step()
            schedule.step()
        tick()
    return net.eval()


def mask_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of each picture, `(N, 1, H, W)` twice → `(N,)`; 1 where nothing is there or predicted.

    >>> mask_iou(torch.tensor([[[[2.0, 1.0, -1.0]]]]), torch.tensor([[[[True, False, False]]]]))
    tensor([0.5000])
    """
    predicted, masks = (logits > 0).flatten(1), masks.flatten(1).bool()
    union = (predicted | masks).sum(1)
    return torch.where(union > 0, (predicted & masks).sum(1) / union.clamp(min=1), 1.0)


@dataclass(frozen=True)
class Row:
    """One trained network: its parameters, its mean IoU, and for each side of SIDES the share of pixels it finds."""

    name: str
    depth: int
    seed: int
    parameters: int
    iou: float
    recalls: tuple[float, ...]
    net: nn.Module


@torch.no_grad()
def judged(net: nn.Module, scenes: Scenes) -> tuple[float, tuple[float, ...]]:
    """The mean IoU over the scenes, and the share of the pixels of the digits of each side that a network finds."""
    logits = net(scenes.pictures)
    found = logits > 0
    recalls = [found[scenes.sides == side].float().mean().item() for side in SIDES]
    return mask_iou(logits, scenes.masks).mean().item(), tuple(recalls)


def compare(
    networks: Mapping[str, Factory],
    taught: Scenes,
    unseen: Scenes,
    depths: Sequence[int] = (DEPTH,),
    seeds: Sequence[int] = (0, 1, 2),
    epochs: int = 3,
    tick: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Trains a network for each name, depth and seed, and judges it on scenes that it has not seen.

    A seed draws the first weights and the order of the scenes. `tick` is called after every epoch.
    """
    rows = []
    for (name, network), depth, seed in product(networks.items(), depths, seeds):
        with one_thread():
            net = train(network, taught, depth, seed, epochs, tick)
            parameters = sum(p.numel() for p in net.parameters())
            rows.append(Row(name, depth, seed, parameters, *judged(net, unseen), net))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The means over seeds in percent, the least and the greatest seed behind them, as a Markdown table."""
    heads = ["decoder", "poolings", "parameters", "IoU", *(f"found, {side} px" for side in SIDES)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, depth in dict.fromkeys((row.name, row.depth) for row in rows):
        these = [row for row in rows if (row.name, row.depth) == (name, depth)]
        columns = [[row.iou for row in these], *zip(*(row.recalls for row in these), strict=True)]
        cells = [f"{_percent(mean)(c)} ({_percent(min)(c)} … {_percent(max)(c)})" for c in columns]
        lines.append(f"| {name} | {depth} | {these[0].parameters:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(statistic: Callable) -> Callable[[Sequence[float]], str]:
    return lambda values: f"{100 * statistic(values):.0f}"
