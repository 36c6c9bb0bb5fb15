"""Where a number goes on the way up: by its index in lesson 07, by its stroke in lesson 08."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_widgets import move, picture, spoken

pytestmark = pytest.mark.xdist_group("browser")


def test_a_number_is_followed_to_its_place_and_astray(show: Callable) -> None:
    follower = show("07_unpooling", "cell-002", "cell-009")
    expect(spoken(follower)).to_have_text("Step 1 of 4: y[0, 0] = 9 has the index 5 = 1 · 5 + 0: row 1, column 0.")
    before = picture(follower)

    move(follower, "step", "ArrowRight")
    follower.get_by_role("combobox").select_option("4 × 4")
    expect(spoken(follower)).to_contain_text(
        "has the index 7 = 1 · 4 + 3: row 1, column 3. It came from row 1, column 2."
    )
    assert picture(follower) != before


def test_strokes_are_painted_one_by_one(show: Callable) -> None:
    painter = show("08_transposed_convolution", "cell-002", "cell-007")
    expect(spoken(painter)).to_contain_text("Step 5 of 6: x[1, 1] = 5 paints on 9 positions, 5 of which have been")
    before = picture(painter)

    move(painter, "step", "ArrowRight")
    painter.get_by_role("combobox").select_option("kernel 2, stride 2")
    expect(spoken(painter)).to_contain_text("x[1, 2] = 6 paints on 4 positions, none of which has been painted before.")
    assert picture(painter) != before
