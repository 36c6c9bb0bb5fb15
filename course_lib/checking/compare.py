"""Compares an output with its target and says in facts, not yet in words, how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

Kind = Literal[
    "nothing",
    "type",
    "length",
    "keys",
    "shape",
    "dtype",
    "device",
    "nan",
    "value",
    "no gradient",
    "gradient",
    "no buffer",
    "buffer",
    "attached",
]

# Relative and absolute tolerance by dtype; everything else must be equal.
TOLERANCES = {
    torch.float64: (1e-7, 1e-7),
    torch.float32: (1e-5, 1e-5),
    torch.float16: (2e-3, 1e-3),
    torch.bfloat16: (1.6e-2, 1e-2),
}


@dataclass(frozen=True)
class Difference:
    """How yours differs from the target.

    kind: what differs. part: which output of a tuple, entry of a dict, argument or parameter (of a gradient) or buffer
    (attached: it hangs on the call's graph). index: the first
    element that differs; count of total: how many do. target and yours: the two whole parts; wrong: where they differ.
    """

    kind: Kind
    target: Any = None
    yours: Any = None
    part: Any = None
    index: tuple[int, ...] | None = None
    count: int = 0
    total: int = 0
    wrong: Tensor | None = field(default=None, repr=False)


def difference(target: Any, yours: Any, part: Any = None) -> Difference | None:
    """The first thing in which yours differs from the target; None where it is right.

    >>> difference(torch.tensor([1, 2, 3]), torch.tensor([1, 5, 3])).index
    (1,)
    >>> difference(3, 3.0).kind
    'type'
    """
    if yours is None and target is not None:
        return Difference("nothing", target, yours, part)
    if isinstance(target, Tensor):
        if not isinstance(yours, Tensor):
            return Difference("type", target, yours, part)
        return _tensor_difference(target, yours, part)
    if isinstance(target, tuple | list):
        return _sequence_difference(target, yours, part)
    if isinstance(target, dict):
        if not isinstance(yours, dict):
            return Difference("type", target, yours, part)
        if missing := [key for key in target if key not in yours]:
            return Difference("keys", target, yours, missing[0])
        return _first(difference(value, yours[key], key) for key, value in target.items())
    return _plain_difference(target, yours, part)


def part_difference(target: Any, yours: Any, part: Any) -> Difference | None:
    """The difference in one entry of a dict or one position of a tuple; what stands beside it is not looked at.

    >>> part_difference({"a": 1, "b": 2}, {"a": 7, "b": 2}, "b") is None
    True
    """
    if isinstance(target, dict):
        return difference({part: target[part]}, yours)
    if not isinstance(yours, tuple | list) or len(yours) != len(target):
        return difference(target, yours)
    return difference(target[part], yours[part], part)


def gradient_difference(targets: Mapping[int | str, Any], yours: Mapping[int | str, Any]) -> Difference | None:
    """The same for gradients; part is the position of an argument or the name of a parameter."""
    for name, target in targets.items():
        mine = yours.get(name)
        if target is None:
            continue
        if not isinstance(mine, Tensor):
            return Difference("no gradient", target, mine, name)
        if found := _tensor_difference(target, mine, name):
            return replace(found, kind="gradient")
    return None


def buffer_difference(targets: Mapping[str, Any], yours: Mapping[str, Any]) -> Difference | None:
    """The same for what a module's buffers, or the arguments to be updated, hold after the call; part is the name."""
    for name, target in targets.items():
        mine = yours.get(name)
        if mine is None and name in yours and target is not None:
            return Difference("attached", target, mine, name)
        if found := difference(target, mine, name):
            return replace(found, kind="no buffer" if found.index is None else "buffer")
    return None


def _tensor_difference(target: Tensor, yours: Tensor, part: Any) -> Difference | None:
    if target.shape != yours.shape:
        return Difference("shape", target, yours, part)
    if target.dtype != yours.dtype:
        return Difference("dtype", target, yours, part)
    if target.device != yours.device:
        return Difference("device", target, yours, part)
    if torch.equal(target, yours):
        return None
    rtol, atol = TOLERANCES.get(target.dtype, (0.0, 0.0))
    wide = target.to(torch.float64) if target.is_floating_point() else target
    mine = yours.to(wide.dtype)
    wrong = ~torch.isclose(mine, wide, rtol=rtol, atol=atol, equal_nan=True)
    where = wrong.nonzero()
    if not len(where):
        return None
    kind: Kind = "value"
    if target.is_floating_point() and len(nan := (yours.isnan() & ~target.isnan()).nonzero()):
        kind, where = "nan", nan
    index, count = tuple(where[0].tolist()), len(where)
    return Difference(kind, target, yours, part, index, count, wrong.numel(), wrong)


def _sequence_difference(target: Sequence, yours: Any, part: Any) -> Difference | None:
    if not isinstance(yours, tuple | list):
        return Difference("type", target, yours, part)
    if len(target) != len(yours):
        return Difference("length", target, yours, part)
    if part is not None and _is_plain(target):
        return _first(difference(t, y, part) for t, y in zip(target, yours, strict=True))
    return _first(_entry_difference(*pair, position) for position, pair in enumerate(zip(target, yours, strict=True)))


def _entry_difference(target: Any, yours: Any, position: int) -> Difference | None:
    """A pair among pairs is shown whole: one number of it would not say which of the two is meant."""
    found = difference(target, yours, position)
    if found and found.kind == "value" and isinstance(target, tuple | list) and _is_plain(target):
        return replace(found, target=target, yours=yours)
    return found


def _is_plain(values: Sequence) -> bool:
    return all(isinstance(value, int | float | str | bool) for value in values)


def _plain_difference(target: Any, yours: Any, part: Any) -> Difference | None:
    number = isinstance(target, int | float) and not isinstance(target, bool)
    mine = isinstance(yours, int | float) and not isinstance(yours, bool)
    if (
        number != mine
        or (isinstance(target, int) and not isinstance(yours, int))
        or (not number and type(target) is not type(yours))
    ):
        return Difference("type", target, yours, part)
    if isinstance(yours, float) and yours != yours and target == target:
        return Difference("nan", target, yours, part)
    if number and isinstance(target, float):
        fits = isinstance(yours, float) or yours.bit_length() < 1024  # else it is beyond every float
        close = fits and abs(target - yours) <= 1e-5 + 1e-5 * abs(target)
        right = close or (target != target and yours != yours)
    else:
        right = target == yours
    return None if right else Difference("value", target, yours, part)


def _first(differences) -> Difference | None:
    return next((found for found in differences if found is not None), None)
