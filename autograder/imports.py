"""How the grader imports: quickly, and of nbgrader what it needs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

# What nbgrader's package imports whoever asks for any part of it: pages of a Jupyter server, and with them all of
# nbconvert, half a second.
_PAGES = [
    "nbgrader.server_extensions",
    *(
        f"nbgrader.server_extensions.{name}"
        for name in ("assignment_list", "course_list", "formgrader", "validate_assignment")
    ),
]


@contextmanager
def importing() -> Iterator[None]:
    """Importing makes nothing that the collector could free, and to look for it takes a sixth of the time.

    What is there behind it the collector never looks at again, in a fork either, which would copy all that it looks at.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def nbgrader_without_pages() -> None:
    """Imports nbgrader as if a Jupyter server could not ask it for pages. Whoever asks for one later gets it."""
    if "nbgrader" in sys.modules:
        return
    for name in _PAGES:
        page = sys.modules[name] = ModuleType(name)
        page.__path__ = []
        page.load_jupyter_server_extension = None  # type: ignore[attr-defined]
    try:
        import nbgrader  # noqa: F401
    finally:
        for name in _PAGES:
            del sys.modules[name]
