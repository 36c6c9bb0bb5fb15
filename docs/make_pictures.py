"""Draws the pictures of the README: python docs/make_pictures.py (needs Chromium)."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from course_lib import exercises
from course_lib.checking import html
from course_lib.checking.examine import examine
from course_lib.checking.report import report

HERE = Path(__file__).parent / "pictures"
PAGE = "<body style='margin:16px 20px;background:#fff;color:#111;font:14px system-ui,sans-serif'>{}</body>"


def zero_padding_report() -> str:
    """What a learner sees whose max pooling pads with zeros."""
    exercise = exercises.find("max_pool")
    [wrong] = [m.wrong for m in exercise.misconceptions if m.name == "zero padding"]
    return html.render(report(examine(exercise, wrong)).blocks)


def main() -> None:
    HERE.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(viewport={"width": 860, "height": 200}, device_scale_factor=1.5)
        page.set_content(PAGE.format(zero_padding_report()))
        page.screenshot(path=str(HERE / "report.png"), full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
