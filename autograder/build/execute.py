"""Runs a lesson from its first cell to its last."""

from __future__ import annotations

import copy
import os
import re
import tempfile
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from autograder.build import BuildError
from autograder.build.normalize import normalize
from autograder.build.source import Source

SECONDS_PER_CELL = 600
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# A built lesson must not depend on who builds it: on a secret seed, a learner's progress, a hash's order.
UNSET = ("DOWN_AND_UP_SECRET", "DOWN_AND_UP_PROGRESS", "JPY_SESSION_NAME")
SET = {"PYTHONHASHSEED": "0"}


def run(source: Source, root: Path) -> NotebookNode:
    """The executed notebook, normalized, with a progress bar while it runs.

    The kernel works in an empty scratch folder, so that a lesson leaves nothing behind in the repository.
    Errors: BuildError that names lesson, cell and line where a cell fails, ends the kernel or is too slow.
    """
    notebook = copy.deepcopy(source.notebook)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    current = code[0] if code else 0
    # On a terminal only: a log needs no bar.
    with (
        tqdm(total=len(code), desc=source.stem, unit="cell", disable=None) as bar,
        _folder() as folder,
        tempfile.TemporaryFile("w+") as said,
    ):

        def on_start(cell: NotebookNode, cell_index: int) -> None:
            nonlocal current
            if cell.cell_type == "code":
                current = cell_index
                bar.set_postfix_str(f"line {source.lines[cell_index]}")

        def on_complete(cell: NotebookNode, cell_index: int) -> None:
            if cell.cell_type == "code":
                bar.update()

        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=SECONDS_PER_CELL,
            skip_cells_with_tag="",  # what grading skips is run here, so that its pictures are seen
            coalesce_streams=True,
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
            on_cell_start=on_start,
            on_cell_complete=on_complete,
        )
        try:
            client.execute(env=_environment(), stderr=said)
        except (CellControlSignal, DeadKernelError) as error:
            said.seek(0)
            raise BuildError(_failure(source, notebook, current, error) + said.read()) from None
    normalize(notebook, root)
    return notebook


def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="down-and-up-")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in UNSET} | SET


def _failure(source: Source, notebook: NotebookNode, index: int, error: Exception) -> str:
    """What a failing cell raised, where it stands in the text, and the traceback."""
    line, what, traceback = source.lines[index], str(error), ""
    if isinstance(error, CellExecutionError):
        what, traceback = f"{error.ename}: {error.evalue}", f"\n\n{ANSI.sub('', error.traceback)}"
        count = notebook.cells[index].execution_count
        inside = re.findall(rf"Cell In\[{count}\], line (\d+)", traceback)
        if inside:
            line += int(inside[-1]) - 1
    return f"{source.stem}: {source.describe(index)} fails at {source.path}, line {line}: {what}{traceback}"
