"""Seeded draws for hidden cases: readable numbers, the same on every machine."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

import numpy
import torch
from torch import Tensor

T = TypeVar("T")


class Draw:
    """Draws sizes, arguments and tensors from one seed.

    The numbers come from Python's ``random.Random``, whose sequence is the same on every platform.

    >>> Draw("a").integer(1, 6) == Draw("a").integer(1, 6)
    True
    """

    def __init__(self, seed: str):
        self._random = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self._random.randint(low, high)

    def choice(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def distinct(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Whole numbers around zero, no two alike, so that no maximum is tied and a learner can read them."""
        count = torch.Size(shape).numel()
        order = self._words(count).argsort(kind="stable")
        return torch.from_numpy(order - count // 2).reshape(shape).to(dtype)

    def negative(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Like ``distinct``, all below zero: a padded zero would win every maximum."""
        return self.distinct(*shape, dtype=dtype) - (torch.Size(shape).numel() + 1)

    def bytes(self, *shape: int) -> Tensor:
        """uint8 values from 1 to 255, as a picture has them."""
        words = self._words(torch.Size(shape).numel())
        return torch.from_numpy((words % 255 + 1).astype(numpy.uint8)).reshape(shape)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Nearly standard normal values, in thousandths: sums of twelve whole numbers, the same everywhere."""
        count = torch.Size(shape).numel()
        twelve = self._words(6 * count).view("<u2").reshape(count, 12)
        thousandths = (twelve.sum(1, dtype=numpy.int64) * 1000 >> 16) - 6000
        return torch.from_numpy(thousandths / 1000).reshape(shape).to(dtype)

    def _words(self, count: int) -> numpy.ndarray:
        """So many random numbers of 32 bits, in one call: with one for each, drawing took longer than judging."""
        return numpy.frombuffer(self._random.randbytes(4 * count), dtype="<u4")
