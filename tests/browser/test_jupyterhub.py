"""One lesson through a JupyterHub that is set up as docs/teaching-at-scale.md says, by an instructor and a learner.

There must be such a hub, and two accounts on it that were made for this:

    HUB_ADDRESS=http://127.0.0.1:8000 HUB_INSTRUCTOR=grace:PASSWORD HUB_LEARNER=ada:PASSWORD \\
        pytest tests/browser/test_jupyterhub.py

It releases lesson 01 to everybody on that hub. Pictures of every step are left in build/screenshots/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "build" / "screenshots"
HUB = os.environ.get("HUB_ADDRESS", "")
FORMGRADER = f"{HUB}/services/down_and_up/formgrader"
LESSON = "01_pooling"
PATIENCE = 180_000  # milliseconds, for what nbgrader does behind a button

pytestmark = [
    pytest.mark.skipif(not HUB, reason="needs a JupyterHub that is set up and named: HUB_ADDRESS=http://…"),
    pytest.mark.xdist_group("browser"),
]


def log_in(browser: Browser, account: str) -> tuple[str, Page]:
    """The name of somebody who has just logged in, and their page."""
    name, _, password = os.environ[account].partition(":")
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{HUB}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.click("#login_submit")
    expect(page.locator("#jp-MainLogo")).to_be_visible(timeout=PATIENCE)
    return name, page


def picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"test_jupyterhub.{name}.png")


def press(page: Page, row: str, button: str, said: str) -> None:
    """Presses a button in a row of formgrader's table, and closes the window that says how it went."""
    page.locator("tr", has_text=row).locator(f".{button} a").click()
    window = page.locator(".modal.in")
    expect(window).to_contain_text(re.compile("Success|Error"), timeout=PATIENCE)
    expect(window).to_contain_text(said)
    window.get_by_role("button", name="OK").click()
    expect(page.locator(".modal-backdrop")).to_have_count(0)


def assignments(page: Page) -> None:
    """Opens nbgrader's list of assignments, as a learner finds it in the menu."""
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name="Assignment List").click()


def release(page: Page) -> None:
    page.goto(f"{FORMGRADER}/manage_assignments")
    expect(page.locator("tr", has_text=LESSON)).to_be_visible()
    picture(page, "01-formgrader")
    press(page, LESSON, "assign", "Successfully created")
    if page.locator("tr", has_text=LESSON).locator(".release .glyphicon-remove").count():
        press(page, LESSON, "release", "Successfully unreleased")
    press(page, LESSON, "release", "Successfully released")
    picture(page, "02-released")


def learn(name: str, page: Page, notebook_on: Callable) -> None:
    """Fetches the lesson, builds its first exercise, checks it and hands it in."""
    assignments(page)
    row = page.locator("#released_assignments_list .list_item", has_text=LESSON).first
    expect(row).to_be_visible()
    picture(page, "03-assignments")
    row.get_by_role("button", name="Fetch").click()
    fetched = page.locator("#fetched_assignments_list .list_item", has_text=LESSON).first
    expect(fetched).to_be_visible()
    picture(page, "04-fetched")

    page.goto(f"{HUB}/user/{name}/lab/tree/{LESSON}/{LESSON}.ipynb")
    notebook = notebook_on(page, nbformat.read(ROOT / "notebooks" / LESSON / f"{LESSON}.ipynb", as_version=4))
    notebook.run("cell-002")
    windows = "windows = x.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride)"
    notebook.replace_starter("max-pool-loops", windows, "return windows.amax((-1, -2))")
    notebook.run("max-pool-loops")
    report = notebook.run("check-max-pool-loops").locator(".down-and-up-report")
    expect(report).to_contain_text("max_pool_loops is right: 3 of 3 points")
    picture(page, "05-checked")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)

    assignments(page)
    fetched.get_by_role("button", name="Submit").click()
    expect(page.locator("#submitted_assignments_list .list_item", has_text=LESSON).first).to_be_visible()
    picture(page, "06-submitted")


def grade(page: Page, learner: str) -> None:
    page.goto(f"{FORMGRADER}/manage_assignments")
    press(page, LESSON, "collect", "Successfully collected")
    picture(page, "07-collected")
    page.goto(f"{FORMGRADER}/manage_submissions/{LESSON}")
    press(page, learner, "autograde", "Successfully autograded")
    expect(page.locator("tr", has_text=learner).locator(".score")).to_have_text(re.compile(r"3\s*/\s*16"))
    picture(page, "08-graded")
    page.goto(f"{FORMGRADER}/manage_assignments")
    press(page, LESSON, "generate-feedback", "Successfully generated")
    press(page, LESSON, "release-feedback", "Successfully released")
    picture(page, "09-feedback-released")


def read_feedback(name: str, page: Page) -> None:
    page.locator("#refresh_assignments_list").click()
    row = page.locator("#submitted_assignments_list .list_item", has_text=LESSON).first
    row.get_by_role("button", name="Fetch Feedback").click()
    view = page.get_by_text("(view feedback)").first
    expect(view).to_be_visible()
    picture(page, "10-feedback-fetched")
    view.click()
    page.locator(".jp-DirListing-item", has_text=f"{LESSON}.html").dblclick()
    feedback = page.frame_locator(".jp-HTMLViewer iframe")
    expect(feedback.get_by_text("Score: 3.0 / 16.0")).to_be_visible()
    picture(page, "11-feedback")


def test_a_lesson_goes_out_and_comes_back_with_feedback(browser: Browser, notebook_on: Callable) -> None:
    _, instructor = log_in(browser, "HUB_INSTRUCTOR")
    release(instructor)
    name, learner = log_in(browser, "HUB_LEARNER")
    learn(name, learner, notebook_on)
    grade(instructor, name)
    read_feedback(name, learner)


def test_a_learner_is_refused_by_formgrader(browser: Browser) -> None:
    _, learner = log_in(browser, "HUB_LEARNER")
    assert learner.goto(f"{FORMGRADER}/gradebook").status == 403
    picture(learner, "12-refused")
