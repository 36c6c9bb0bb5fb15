"""JupyterLab's menus, as a learner uses them, and the notebook that is in front."""

from __future__ import annotations

from playwright.sync_api import Page

# Other notebooks that are open stay in the page.
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def choose(page: Page, menu: str, *entries: str) -> None:
    """Opens a menu and goes through its entries: `choose(page, "Settings", "Theme", "JupyterLab Dark")`."""
    page.locator(".lm-MenuBar-itemLabel").get_by_text(menu, exact=True).click()
    for entry in entries:
        page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()
