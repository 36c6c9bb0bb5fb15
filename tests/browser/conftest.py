"""A learner's JupyterLab: `make lab` on a scratch copy of the course, in a real browser without a window."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    ProxySettings,
    expect,
)

from tests.browser.menus import SHOWN, choose

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
TOKEN = "token"
SCRATCH = "scratch.ipynb"
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a learner has after cloning and setting up, in a place where nothing can be spoilt."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for name in ("Makefile", "nbgrader_config.py"):
        shutil.copy(ROOT / name, root)
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture(scope="session")
def lab(
    course: Path,
    tmp_path_factory: pytest.TempPathFactory,
    serve: Callable[..., AbstractContextManager[str]],
    kernels: dict[str, str],
) -> Iterator[str]:
    """The address of the server that `make lab` starts, without a learner's own settings and progress."""
    home = tmp_path_factory.mktemp("jupyter")

    def command(port: int) -> list[str]:
        flags = f"--no-browser --port={port} --ServerApp.port_retries=0 --IdentityProvider.token={TOKEN}"
        # The environment is ready: it runs this test.
        return ["make", "--old-file=.venv/.ready", "lab", f"LAB_FLAGS={flags}"]

    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    with serve(command, course, home / "log.txt", **folders, **kernels) as address:
        yield address


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One for all pages, so that scripts are fetched and compiled once. They can ask nobody but this machine."""
    nobody = ProxySettings(server="http://127.0.0.1:1", bypass="127.0.0.1")
    opened = browser.new_context(viewport={"width": 1280, "height": 900}, proxy=nobody)
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page; how it looks in the end is kept in build/screenshots/, under the test's name."""
    opened = context.new_page()
    yield opened
    keep_picture(opened, request.node.originalname)
    opened.close()


def keep_picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    # To hide the caret, as Playwright does else, JupyterLab's whole page is styled anew twice.
    page.screenshot(path=SCREENSHOTS / f"{name}.png", caret="initial")


@pytest.fixture(scope="session")
def shared_page(context: BrowserContext) -> Iterator[Page]:
    """One for all lessons: to load JupyterLab takes longer than all that a test does in it."""
    opened = context.new_page()
    yield opened
    opened.close()


@pytest.fixture
def lab_page(shared_page: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page in which JupyterLab is or will be open; at the test's end its notebook is shut down, unless SCRATCH."""
    failed = request.session.testsfailed
    yield shared_page
    keep_picture(shared_page, request.node.originalname)
    if request.session.testsfailed > failed:
        shared_page.goto("about:blank")  # nobody knows what the test has left open
    elif SCRATCH not in front(shared_page).inner_text():
        panels = shared_page.locator(".jp-NotebookPanel")
        before = panels.count()
        choose(shared_page, "File", "Close and Shut Down Notebook…")
        shared_page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(panels).to_have_count(before - 1)
        expect(shared_page.locator(".jp-Dialog")).to_have_count(0)


def tab(page: Page, name: str) -> Locator:
    """The tab of an open notebook."""
    return page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=name)


def front(page: Page) -> Locator:
    """The tab that is in front."""
    return page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current")


class Notebook:
    """A notebook that is open in JupyterLab, and what a learner does with it."""

    def __init__(self, page: Page, notebook: NotebookNode) -> None:
        self.page = page
        self.places = {cell.id: place for place, cell in enumerate(notebook.cells)}
        # Cells are attached one after the other while the browser has time.
        expect(page.locator(f"{SHOWN} .jp-Cell")).to_have_count(len(self.places))
        expect(page.locator(f"{SHOWN} .jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def cell(self, cell_id: str) -> Locator:
        """The cell, brought to the middle of the screen."""
        found = self.page.locator(f'{SHOWN} .jp-Cell[data-windowed-list-index="{self.places[cell_id]}"]')
        found.evaluate("cell => cell.scrollIntoView({block: 'center'})")
        return found

    def run(self, cell_id: str) -> Locator:
        """Runs a cell with Shift + Enter and waits for its end; the cell."""
        cell = self.cell(cell_id)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for patience in (5_000, 10_000, 30_000):  # milliseconds; before the kernel is there, the keys do nothing
            cell.locator(".jp-InputArea .cm-content").press("Shift+Enter")
            try:
                expect(prompt).not_to_have_text(before, timeout=patience)
                break
            except AssertionError:
                if patience == 30_000:
                    raise
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"))
        return cell

    def add_and_run(self, source: str) -> Locator:
        """Types a source into the last cell, which is empty, and runs it; the cell. A new empty one comes below."""
        last = next(reversed(self.places))
        content = self.cell(last).locator(".cm-content")
        for _ in range(20):  # a page that has just been loaded may take the focus away before the text is there
            content.fill(source)
            if content.inner_text().strip():
                break
        self.places[f"below {last}"] = self.places[last] + 1
        return self.run(last)

    def replace_starter(self, cell_id: str, *lines: str) -> None:
        """Types lines in the place of `# YOUR CODE HERE` and the `raise` below it."""
        self.cell(cell_id).locator(".cm-content").click()
        for key in ("Control+End", "Shift+Home", "Shift+ArrowUp"):
            self.page.keyboard.press(key)
        for number, line in enumerate(lines):
            if number:
                self.page.keyboard.press("Enter")  # the editor indents the new line itself
            self.page.keyboard.insert_text(line)  # a key of its own for each character takes much longer

    def add_at_end(self, cell_id: str, text: str) -> None:
        """Types text behind the last character of a cell."""
        self.cell(cell_id).locator(".cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)


@pytest.fixture(scope="session")
def notebook_on() -> type[Notebook]:
    """What a page shows, as a notebook: `notebook_on(page, nbformat.read(…))`."""
    return Notebook


@pytest.fixture
def open_file(lab_page: Page, lab: str, course: Path) -> Callable[[Path, NotebookNode], Notebook]:
    """Opens a notebook as a new file of the course."""

    def open_(path: Path, notebook: NotebookNode) -> Notebook:
        (course / path).parent.mkdir(parents=True)
        nbformat.write(notebook, course / path)
        if lab_page.url.startswith(lab):
            choose(lab_page, "File", "Open from Path…")
            lab_page.get_by_placeholder("/path/relative/to/jlab/root").fill(path.as_posix())
            lab_page.keyboard.press("Enter")
        else:
            lab_page.goto(f"{lab}/lab/workspaces/{path.parent.name}/tree/{path.as_posix()}?token={TOKEN}")
        expect(front(lab_page)).to_have_text(path.name)
        return Notebook(lab_page, notebook)

    return open_


@pytest.fixture
def open_notebook(open_file: Callable, course: Path, request: pytest.FixtureRequest) -> Callable[..., Notebook]:
    """Opens a lesson's released notebook, or what `change` makes of it, as a file and a kernel of the test's own."""

    def open_(stem: str, change: Callable[[NotebookNode], None] = lambda notebook: None) -> Notebook:
        notebook = nbformat.read(course / "notebooks" / stem / f"{stem}.ipynb", as_version=4)
        change(notebook)
        return open_file(Path("work", request.node.originalname, f"{stem}.ipynb"), notebook)

    return open_


@pytest.fixture(scope="session")
def scratch() -> list[Notebook]:
    """The one notebook in which lessons are shown, while it is open."""
    return []


@pytest.fixture
def show(
    scratch: list[Notebook], open_file: Callable, lab_page: Page, course: Path, request: pytest.FixtureRequest
) -> Callable[..., Locator]:
    """Runs cells of a lesson as one cell, and gives that: `show("01_pooling", "cell-002", "cell-004")`.

    more: what stands below them.

    All tests do so in one notebook, because to open it and to start a kernel takes longer than what they then look at.
    A lesson's first cell imports what its others need, so that none is in need of what another test ran.
    """

    def show_(stem: str, *cell_ids: str, more: str = "") -> Locator:
        lesson = nbformat.read(course / "notebooks" / stem / f"{stem}.ipynb", as_version=4)
        if not tab(lab_page, SCRATCH).count():
            empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()], metadata=lesson.metadata)
            scratch[:] = [open_file(Path("work", request.node.originalname, SCRATCH), empty)]
        else:
            tab(lab_page, SCRATCH).click()
            expect(front(lab_page)).to_have_text(SCRATCH)
        sources = {cell.id: cell.source for cell in lesson.cells}
        return scratch[0].add_and_run("\n".join([*(sources[cell_id] for cell_id in cell_ids), more]))

    return show_


@pytest.fixture
def screenshot(lab_page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps how JupyterLab looks now, in build/screenshots/."""
    return lambda name: keep_picture(lab_page, f"{request.node.originalname}.{name}")
