"""A learner types, checks, errs, and validates."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from course_lib import exercises
from tests.browser.menus import SHOWN
from tests.browser.test_widgets import only

pytestmark = pytest.mark.xdist_group("browser")

CELLS = ("cell-002", "max-pool-loops", "check-max-pool-loops")
WINDOWS = "windows = x.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride)"
LARGEST = "return windows.amax((-1, -2))"


def validate(page: Page) -> str:
    """Presses nbgrader's button, reads its dialog, and closes it; what it said."""
    page.locator(SHOWN).get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_be_visible(timeout=60_000)
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    expect(dialog).to_have_count(0)
    return said


def test_a_solution_is_typed_checked_and_validated(
    open_notebook: Callable, lab_page: Page, screenshot: Callable[[str], None]
) -> None:
    notebook = open_notebook("01_pooling", only(*CELLS))
    said = validate(lab_page)
    assert said.count("The following cell failed") == 1
    assert "check(max_pool_loops)" in said
    notebook.run("cell-002")
    untouched = notebook.run("check-max-pool-loops")
    expect(untouched).to_contain_text("NameError")
    notebook.run("max-pool-loops")
    report = notebook.run("check-max-pool-loops").locator(".down-and-up-report")
    expect(report).to_have_attribute("data-face", "not attempted")
    screenshot("waiting")

    # What is typed counts at once: the button saves the notebook first.
    notebook.replace_starter("max-pool-loops", WINDOWS, LARGEST)
    assert "Success! Your notebook passes all the tests." in validate(lab_page)
    notebook.run("max-pool-loops")
    check = notebook.run("check-max-pool-loops")
    expect(check.locator(".down-and-up-report")).to_contain_text("max_pool_loops is right: 3 of 3 points")
    expect(check.locator(".jp-OutputArea-executeResult")).to_have_text(re.compile(r"3\.0$"))
    screenshot("right")

    notebook.add_at_end("max-pool-loops", ".clamp(min=0)")
    notebook.run("max-pool-loops")
    check = notebook.run("check-max-pool-loops")
    slips = {slip.name: slip.sentence for slip in exercises.find("max_pool_loops").misconceptions}
    expect(check.locator(".down-and-up-report")).to_contain_text(slips["the search starts at 0"])
    expect(check.locator(".jp-OutputArea-executeResult")).to_have_text(re.compile(r"2\.0$"))
