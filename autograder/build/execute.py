"""Runs a lesson from its first cell to its last."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from autograder.build import BuildError
from autograder.build.kernel import Kernel
from autograder.build.source import Source

SECONDS_PER_CELL = 600
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def run(source: Source, kernel: Kernel, before_cell: Callable[[], object] = lambda: None) -> list[list[NotebookNode]]:
    """The outputs of each cell of a lesson as it is written, with a progress bar while it runs.

    before_cell: called before each cell; what it raises ends the run.
    Errors: BuildError that names lesson, cell and line where a cell fails, ends the kernel or is too slow.
    """
    notebook = copy.deepcopy(source.notebook)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    current = code[0] if code else 0
    # On a terminal only: a log needs no bar.
    with tqdm(total=len(code), desc=source.stem, unit="cell", disable=None) as bar:

        def on_start(cell: NotebookNode, cell_index: int) -> None:
            nonlocal current
            before_cell()
            if cell.cell_type == "code":
                current = cell_index
                bar.set_postfix_str(f"line {source.lines[cell_index]}")

        def on_complete(cell: NotebookNode, cell_index: int) -> None:
            if cell.cell_type == "code":
                bar.update()

        client = NotebookClient(
            notebook,
            km=kernel.manager,
            timeout=SECONDS_PER_CELL,
            skip_cells_with_tag="",  # what grading skips is run here, so that its pictures are seen
            coalesce_streams=True,
            shutdown_kernel="immediate",  # it has nothing to save, and to take all its objects apart takes seconds
            record_timing=False,
            store_widget_state=False,
            on_cell_start=on_start,
            on_cell_complete=on_complete,
        )
        try:
            client.execute(cleanup_kc=True)
        except (CellControlSignal, DeadKernelError) as error:
            kernel.stderr.seek(0)
            raise BuildError(_failure(source, notebook, current, error) + kernel.stderr.read()) from None
    return [cell.get("outputs", []) for cell in notebook.cells]


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
