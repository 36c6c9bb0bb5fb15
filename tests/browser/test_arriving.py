"""What a learner sees first: the lesson that `make lab` opens, and reports in light and in dark.

The first file of this folder: the page that it loads is the one in which the others open their lessons.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.menus import choose

pytestmark = pytest.mark.xdist_group("browser")

STEM = "00_start_here"
# WCAG 2.2, success criterion 1.4.3: luminance contrast of text on its background, at least.
CONTRAST = 4.5
# Every text of an element with its contrast, backgrounds laid over each other as the browser does.
CONTRASTS = """
report => {
  const parts = colour => { const [r, g, b, a] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a ?? 1]; };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const light = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const paper = e => e ? over(parts(getComputedStyle(e).backgroundColor), paper(e.parentElement)) : [255, 255, 255];
  const texts = document.createTreeWalker(report, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), element = texts.currentNode.parentElement;
    if (!text) continue;
    const below = paper(element), ink = over(parts(getComputedStyle(element).color), below);
    const [dark, bright] = [luminance(below), luminance(ink)].sort((a, b) => a - b);
    found.push([text, (bright + 0.05) / (dark + 0.05)]);
  }
  return found;
}
"""


def contrasts(report: Locator) -> dict[str, float]:
    return dict(report.evaluate(CONTRASTS))


def test_make_lab_opens_lesson_00(lab_page: Page, lab: str, course: Path, screenshot: Callable[[str], None]) -> None:
    faults: list[str] = []
    lab_page.on("pageerror", lambda error: faults.append(str(error)))
    lab_page.goto(f"{lab}/?token=token")
    expect(lab_page.locator(".jp-Notebook h1")).to_contain_text("Start here")
    assert lab_page.url.endswith(f"/notebooks/{STEM}/{STEM}.ipynb")

    notebook = nbformat.read(course / "notebooks" / STEM / f"{STEM}.ipynb", as_version=4)
    expect(lab_page.locator(".jp-Notebook .jp-Cell")).to_have_count(len(notebook.cells))
    law = lab_page.locator(".jp-Notebook mjx-container").first
    law.scroll_into_view_if_needed()
    expect(law).to_be_visible()
    expect(lab_page.locator(".jp-Notebook mjx-merror")).to_have_count(0)
    screenshot("law")

    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    count = sum("image/png" in out.get("data", {}) for out in outputs)
    assert count
    pictures = lab_page.locator(".jp-Notebook .jp-OutputArea img")
    expect(pictures).to_have_count(count)
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
        shown = picture.evaluate("async image => (await image.decode(), Math.min(image.naturalWidth, image.width))")
        assert shown > 200, "a picture is broken or tiny"
    expect(lab_page.locator(".jp-Dialog, .Toastify__toast--error")).to_have_count(0)
    assert faults == []


WRONG = """
def max_pool_loops(x, kernel_size, stride):
    return x[::stride, ::stride]

check(max_pool_loops)
"""


def test_a_report_is_readable_in_light_and_dark(
    show: Callable, lab_page: Page, screenshot: Callable[[str], None]
) -> None:
    wrong = show("01_pooling", "cell-002", more=WRONG).locator(".down-and-up-report")
    expect(wrong).to_have_attribute("data-face", "wrong")
    waiting = show("01_pooling", "cell-002", "max-pool", "check-max-pool").locator(".down-and-up-report")
    expect(waiting).to_have_attribute("data-face", "not attempted")

    for theme in ("Dark", "Light"):
        choose(lab_page, "Settings", "Theme", f"JupyterLab {theme}")
        expect(lab_page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
        wrong.scroll_into_view_if_needed()
        screenshot(theme.lower())
        for report in (wrong, waiting):
            found = contrasts(report)
            assert len(found) > 8
            faint = {text: round(value, 1) for text, value in found.items() if value < CONTRAST}
            assert not faint, f"{theme}: {faint}"
