"""A few samples at a time, so that what was just written is still in the cache when it is read again."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

ENTRIES = 2**18


def blocks(*tensors: Tensor, entries: int = ENTRIES) -> Iterator[tuple[Tensor, ...]]:
    """Views of the same samples of each tensor, as many as fit the cache of a CPU; elsewhere all of them."""
    x = tensors[0]
    samples = max(1, entries // max(1, x[:1].numel())) if x.device.type == "cpu" else max(1, len(x))
    return zip(*(t.split(samples) for t in tensors), strict=True)
