"""Which tensors of a forward pass stay in memory, who keeps them, and how many bytes are alive at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Row:
    """A piece of memory: what was written into it, one after the other, its bytes, and what keeps it.

    kept_by: the steps whose backward pass needs it. held: the code itself still refers to it.
    """

    names: list[str]
    nbytes: int
    kept_by: list[str] = field(default_factory=list)
    held: bool = False

    @property
    def alive(self) -> bool:
        """Whether it is still there after the forward pass."""
        return self.held or bool(self.kept_by)


@dataclass
class Ledger:
    """The memory of a forward pass in the order of its use; peak_bytes: the most that is alive while a step runs."""

    rows: list[Row]
    peak_bytes: int = 0

    @property
    def kept_bytes(self) -> int:
        """What autograd keeps for the backward pass."""
        return sum(row.nbytes for row in self.rows if row.kept_by)

    @property
    def alive_bytes(self) -> int:
        """What is alive after the forward pass: kept by autograd, or held by the code."""
        return sum(row.nbytes for row in self.rows if row.alive)


def ledger(steps: Mapping[str, Callable[[Tensor], Tensor]], x: Tensor, held: Collection[str] = ()) -> Ledger:
    """Runs the steps one after the other, as nn.Sequential does, and notes where every map goes.

    A map is a tensor with as many axes as `x` and the same first axis; parameters and statistics are left out. Between
    two steps only what the next one reads stays, `x`, the result, what autograd keeps, and the outputs of the steps
    named in `held`. Under torch.no_grad() autograd keeps nothing.

    >>> steps = {"conv": nn.Conv2d(1, 1, 3, padding=1), "relu": nn.ReLU()}
    >>> [(row.names, row.kept_by) for row in ledger(steps, torch.zeros(2, 1, 4, 4)).rows]
    [(['x'], ['conv']), (['conv'], []), (['relu'], ['relu'])]
    """
    book = Ledger([])
    rows: dict[int, Row] = {}
    seen: list[Tensor] = []  # kept alive, so that no memory gets the number of another

    def row_of(tensor: Tensor, name: str) -> Row:
        number = tensor.untyped_storage()._cdata
        if number not in rows:
            rows[number] = Row([name], tensor.untyped_storage().nbytes())
            book.rows.append(rows[number])
            seen.append(tensor)
        return rows[number]

    row_of(x, "x").held = True
    inputs = x
    for name, step in steps.items():
        kept: list[Tensor] = []

        def keep(tensor: Tensor, kept: list[Tensor] = kept) -> Tensor:
            kept.append(tensor)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            output = step(inputs)
        row = row_of(output, name)
        if row.names[-1] != name:
            row.names.append(name)
        for tensor in kept:
            if tensor.dim() == x.dim() and len(tensor) == len(x):
                keeper = row_of(tensor, f"{name}: positions")
                keeper.kept_by += [name] if name not in keeper.kept_by else []
        row.held = row.held or name in held
        reads = {id(rows[tensor.untyped_storage()._cdata]) for tensor in (inputs, output)}
        alive = sum(each.nbytes for each in book.rows if each.alive or id(each) in reads)
        book.peak_bytes = max(book.peak_bytes, alive)
        inputs = output
    rows[inputs.untyped_storage()._cdata].held = True
    return book


def block_ledger(inplace: bool = False, hold: bool = False, pool_first: bool = False, training: bool = True) -> Ledger:
    """The ledger of Conv → BatchNorm → ReLU → Pool on 8 maps of 16 channels and 32 × 32 values, float32.

    inplace: the ReLU writes over its input. hold: the code keeps the batch norm's output. pool_first: the ReLU comes
    last. training: with a graph for the backward pass; otherwise in eval, under torch.no_grad().

    >>> block_ledger().kept_bytes == block_ledger(inplace=True).kept_bytes == 3.5 * 8 * 16 * 32 * 32 * 4
    True
    """
    last: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu_ if inplace else F.relu, "pool": nn.MaxPool2d(2)}
    last = {name: last[name] for name in (("pool", "relu") if pool_first else ("relu", "pool"))}
    conv, bn = nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16).train(training)
    with torch.set_grad_enabled(training):
        return ledger({"conv": conv, "bn": bn, **last}, torch.zeros(8, 16, 32, 32), held=["bn"] if hold else [])
