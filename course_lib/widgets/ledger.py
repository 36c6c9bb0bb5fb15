"""Memory ledger: switch in-place on and off, hold a tensor, change the order, and see what stays in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from ..figures import ledger_view
from .still import Still


def memory_ledger(measure: Callable[..., Any], inplace: bool = False) -> Still:
    """What a block's forward pass leaves in memory, for four switches.

    `measure(inplace, hold, pool_first, training)` gives the ledger to show, with `rows`, the first of which is one map,
    and `peak_bytes`; nothing is computed here. See `course_lib.analysis.saved.block_ledger`.
    """
    wide = {"description_width": "initial"}
    controls = [
        ipywidgets.Checkbox(inplace, description="ReLU in place", indent=False),
        ipywidgets.Checkbox(False, description="the code holds the batch norm's output", indent=False),
        ipywidgets.Dropdown(options={"ReLU → pool": False, "pool → ReLU": True}, description="order", style=wide),
        ipywidgets.Dropdown(options={"training": True, "inference": False}, description="pass", style=wide),
    ]

    def draw() -> Any:
        book = measure(*(control.value for control in controls))
        return ledger_view(book.rows, book.rows[0].nbytes, book.peak_bytes)

    return Still(controls, draw)
