"""Removes from an executed notebook what differs from run to run and what a web viewer refuses."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from nbformat import NotebookNode

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
LANGUAGE = {
    "name": "python",
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "pygments_lexer": "ipython3",
}

# What stands in text that a run prints, and what to write instead.
REPLACEMENTS = (
    (re.compile(r"\S*ipykernel_\d+/\d+\.py"), "cell"),  # how a warning names the cell that caused it
    (re.compile(r"(?:~|/)[^\s:\"'<>]*?/(?:site|dist)-packages/"), ""),
    (re.compile(r"(?<=\bat )0x[0-9a-f]{6,}"), "0x…"),  # the address in an object's repr
)


def normalize(notebook: NotebookNode, root: Path) -> None:
    """Changes the notebook in place. ``root`` is the repository, whose path is made relative."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = NotebookNode(LANGUAGE)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if _keep(output)]
        for output in cell.outputs:
            _normalize_output(output, root)


def _keep(output: NotebookNode) -> bool:
    """Drops a widget's live view; what stays of it is its still picture, if it has one."""
    data = output.get("data", {})
    if data.pop(WIDGET_VIEW, None) is None:
        return True
    output.metadata.pop(WIDGET_VIEW, None)
    return set(data) != {"text/plain"}


def _normalize_output(output: NotebookNode, root: Path) -> None:
    if "execution_count" in output:
        output.execution_count = None
    if output.output_type == "stream":
        output.text = _text(output.text, root)
    elif output.output_type == "error":
        output.evalue = _text(output.evalue, root)
        output.traceback = [_text(line, root) for line in output.traceback]
    else:
        for mime, value in output.data.items():
            if mime.startswith("text/") and isinstance(value, str):
                output.data[mime] = _text(value, root)


def _text(text: str, root: Path) -> str:
    for pattern, instead in REPLACEMENTS:
        text = pattern.sub(instead, text)
    for prefix in {root.resolve(), Path(sys.prefix), Path(sys.base_prefix)}:
        text = text.replace(f"{prefix}{os.sep}", "")
        # IPython writes the home directory as ~.
        if prefix.is_relative_to(Path.home()):
            text = text.replace(f"~{os.sep}{prefix.relative_to(Path.home())}{os.sep}", "")
    return text
