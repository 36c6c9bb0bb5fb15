"""The sizes of a U-Net's maps follow every control."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_widgets import move, picture, spoken

pytestmark = pytest.mark.xdist_group("browser")


def test_every_misfit_is_shown_and_mended(show: Callable) -> None:
    explorer = show("10_unet", "cell-002", "cell-018")
    expect(spoken(explorer)).to_contain_text("A U-Net on 45 × 38: down to 22 × 19, 11 × 9, 5 × 4")
    before = picture(explorer)

    explorer.get_by_role("combobox").select_option("do nothing")
    expect(spoken(explorer)).to_contain_text("torch.cat raises: 10 × 8 beside 11 × 9.")
    move(explorer, "height", "ArrowLeft")
    move(explorer, "depth", "ArrowLeft")
    expect(spoken(explorer)).to_contain_text("torch.cat raises: 22 × 18 beside 22 × 19.")
    explorer.get_by_role("combobox").select_option("pad the map from below")
    expect(spoken(explorer)).to_contain_text("The output is as large as the input.")
    assert picture(explorer) != before
