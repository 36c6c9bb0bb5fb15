"""What the tests of bad input give in the place of one argument after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

# What no whole number, no shape, no tensor and no module is, or one out of range.
BAD = (None, "two", 2.5, -1, 0, True, (), (0,), (2, 2, 2, 2), (1, "a"), [[1]], object(), float("nan"), {})


def refusals(function: Callable, arguments: Mapping[str, Any], which: str) -> list[tuple[object, str]]:
    """The bad values of one argument that a function refuses, and its words. No tensor that it is given may change."""
    refused: list[tuple[object, str]] = []
    for bad in BAD:
        call = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in arguments.items()}
        try:
            function(**{**call, which: bad})
        except (TypeError, ValueError, RuntimeError) as error:
            refused.append((bad, str(error)))
            for key, value in arguments.items():
                assert not isinstance(value, torch.Tensor) or torch.equal(call[key], value)
    return refused
