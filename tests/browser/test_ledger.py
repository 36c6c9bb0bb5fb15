"""The memory ledger of lesson 05 answers to its switches."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_widgets import spoken

pytestmark = pytest.mark.xdist_group("browser")


def test_the_memory_ledger(show: Callable, screenshot: Callable[[str], None]) -> None:
    ledger = show("05_cnn_block", "cell-002", "cell-071")
    expect(spoken(ledger)).to_contain_text("Kept for the backward pass: 3.5 maps (1.84 MB).")
    expect(spoken(ledger)).to_contain_text("Alive at most, while a step runs: 4 maps.")
    ledger.get_by_label("the code holds the batch norm's output").check()
    expect(spoken(ledger)).to_contain_text("Alive after the forward pass: 4.75 maps.")
    ledger.get_by_label("ReLU in place").check()
    expect(spoken(ledger)).to_contain_text("Alive after the forward pass: 3.75 maps.")
    expect(spoken(ledger)).to_contain_text("bn → relu 1 map, kept by relu and pool")
    screenshot("in_place")
    ledger.get_by_role("combobox").nth(1).select_option("inference")
    expect(spoken(ledger)).to_contain_text("Kept for the backward pass: 0 maps (0 MB).")
