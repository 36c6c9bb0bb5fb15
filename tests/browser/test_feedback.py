"""Does anything that a learner handed in run in the browser of who reads the feedback, or of the instructor?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("browser")
# Each way to run something, with its own mark.
MARKDOWN = """
## Notes <script>window.ran = "script in a text"</script>

<img src="nowhere" onerror="window.ran = 'onerror'">
<svg onload="window.ran = 'svg'"><script>window.ran = "script in a picture"</script></svg>
<iframe srcdoc="<script>parent.ran = 'frame'</script>"></iframe>
<a id="trap" href="javascript:window.ran = 'link'">My sources</a> and [mine](javascript:window.ran='markdown').

| a | b |
|---|---|
| 1 | `<b>` |
"""
OUTPUTS = """
from IPython.display import HTML, SVG, Javascript, display
display(HTML("<script>window.ran = 'html output'</script><img src=x onerror='window.ran = 1'>"))
display(SVG(data="<svg xmlns='http://www.w3.org/2000/svg' onload='window.ran = 2'><circle r='9'/></svg>"))
display(Javascript("window.ran = 'javascript output'"))
display({"image/png": '"><script>window.ran = 3</script>'}, raw=True)
display({"text/latex": "</script><script>window.ran = 4</script>"}, raw=True)
print("<script>window.ran = 'print'</script>")

def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    raise ValueError("<img src=x onerror=\\"window.ran = 'message'\\">")
"""
NAME = "<img src=x onerror=window.ran=5>"


@pytest.fixture(scope="module")
def room(
    tmp_path_factory: pytest.TempPathFactory, classroom: Callable[[Path], Any], nbgrader: Callable[..., str]
) -> Any:
    """A graded class of one learner, who means no good."""
    room = classroom(tmp_path_factory.mktemp("feedback") / "course")
    notebook = room.notebook(output_size=OUTPUTS)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(MARKDOWN))
    notebook.cells.append(nbformat.v4.new_raw_cell(MARKDOWN))
    strange = nbformat.v4.new_code_cell("1", metadata={"nbgrader": {"grade_id": NAME, "grade": True, "points": 9}})
    notebook.cells.append(strange)
    room.hand_in(NAME, notebook)
    (room.submission(NAME).parent / f"{NAME}.txt").write_text("mine")
    room.grade("--jobs", "1")
    nbgrader(room.root, "generate_feedback", room.stem)
    return room


def feedback(room: Any) -> Path:
    return room.root / "feedback" / NAME / room.stem / f"{room.stem}.html"


def nothing_ran(page: Page) -> bool:
    page.wait_for_timeout(500)
    return page.evaluate("window.ran === undefined")


def test_nothing_runs_in_the_feedback_and_all_of_it_can_be_read(room: Any, page: Page) -> None:
    page.goto(feedback(room).as_uri(), wait_until="domcontentloaded")
    assert nothing_ran(page)
    for link in page.get_by_text("My sources").all() + page.get_by_text("mine", exact=True).all():
        link.click()
    assert nothing_ran(page)
    expect(page.get_by_role("heading", name="Notes")).to_be_visible()
    expect(page.get_by_text('window.ran = "script in a text"').first).to_be_visible()
    expect(page.locator("table code", has_text="<b>")).to_be_visible()
    expect(page.get_by_text("claims to be graded")).to_be_visible()


def test_a_report_keeps_its_looks(room: Any, page: Page) -> None:
    page.goto(feedback(room).as_uri(), wait_until="domcontentloaded")
    report = page.locator("[data-face='raised']").first
    expect(report).to_have_css("border-left-color", "rgb(204, 121, 167)")
    expect(report).to_contain_text("<img src=x onerror=")


def test_the_same_page_without_our_filter_does_run(room: Any, page: Page, nbgrader: Callable[..., str]) -> None:
    """So the tests above can fail."""
    filtered = feedback(room).read_bytes()
    nbgrader(room.root, "generate_feedback", room.stem, "--force", DOWN_AND_UP_GRADER="stock")
    page.goto(feedback(room).as_uri(), wait_until="domcontentloaded")
    ran = not nothing_ran(page)
    feedback(room).write_bytes(filtered)
    assert ran


@pytest.fixture(scope="module")
def formgrader(
    room: Any, tmp_path_factory: pytest.TempPathFactory, serve_formgrader: Callable[..., AbstractContextManager[str]]
) -> Iterator[str]:
    """The address of formgrader at the class, with room for a path in it."""

    with serve_formgrader(room.root, tmp_path_factory.mktemp("server") / "log.txt") as address:
        yield f"{address}/formgrader/{{}}?token=token"


def test_nothing_runs_where_the_instructor_reads_the_submission(room: Any, formgrader: str, page: Page) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{room.root}/gradebook.db", "down_and_up") as book:
        name = book.find_submission_notebook(room.stem, room.stem, NAME).id
    page.goto(formgrader.format(f"submissions/{name}"), wait_until="domcontentloaded")
    expect(page.get_by_role("heading", name="Notes")).to_be_visible()
    assert nothing_ran(page)
    expect(page.locator("[data-face='raised']").first).to_be_visible()


def test_nothing_runs_in_formgraders_lists(formgrader: str, page: Page) -> None:
    for view in ("manage_submissions/00_start_here", "manage_students", "gradebook"):
        page.goto(formgrader.format(view), wait_until="load")
        assert nothing_ran(page), view
