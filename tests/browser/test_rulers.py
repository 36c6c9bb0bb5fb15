"""The rulers, the ramp and the gallery of lesson 06 answer to their controls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_widgets import move, picture, spoken

pytestmark = pytest.mark.xdist_group("browser")


def test_rulers_ramp_and_gallery(show: Callable, screenshot: Callable[[str], None]) -> None:
    ruler = show("06_interpolation", "cell-002", "cell-014")
    expect(spoken(ruler)).to_contain_text("From 8 pixels to 3. nearest: 0, 2, 5. nearest-exact: 1, 4, 6.")
    move(ruler, "output_size", "ArrowRight")
    expect(spoken(ruler)).to_contain_text("From 8 pixels to 4. nearest: 0, 2, 4, 6. nearest-exact: 1, 3, 5, 7.")
    ruler.get_by_role("combobox").select_option("align_corners")
    expect(spoken(ruler)).to_have_text("From 8 pixels to 4. align_corners: 0, 2.33, 4.67, 7.")
    screenshot("rulers")

    ramp = show("06_interpolation", "cell-002", "cell-042", "cell-046")
    expect(spoken(ramp)).to_contain_text("the error goes from −0.735 to −0.265 pixels.")
    ramp.get_by_role("combobox").select_option("convolution, k3 s2 p1")
    ramp.get_by_label("align_corners").check()
    expect(spoken(ramp)).to_contain_text("In the middle half the error is 0 pixels.")
    screenshot("ramp")

    gallery = show("06_interpolation", "cell-002", "cell-064")
    expect(spoken(gallery)).to_contain_text("192 × 192")
    before = picture(gallery)
    move(gallery, "factor", "ArrowLeft")
    expect(spoken(gallery)).to_contain_text("168 × 168")
    assert picture(gallery) != before
