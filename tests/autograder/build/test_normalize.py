"""What of a run is kept in a built notebook, and what is not."""

from __future__ import annotations

import sys
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.build.normalize import WIDGET_VIEW, normalize


def normalized(*outputs):
    """The outputs of one executed cell after normalizing."""
    cell = new_code_cell(
        "…", execution_count=7, metadata={"execution": {"iopub.status.busy": "a time"}}, outputs=list(outputs)
    )
    notebook = new_notebook(
        cells=[cell], metadata={"widgets": {"state": {}}, "language_info": {"name": "python", "version": "3.11.7"}}
    )
    normalize(notebook, Path("/somewhere/course"))
    assert cell.metadata == {}
    assert cell.execution_count is None
    assert "widgets" not in notebook.metadata
    assert "version" not in notebook.metadata.language_info
    return cell.outputs


def test_a_widget_with_a_still_picture_keeps_the_picture() -> None:
    data = {"text/plain": "interactive(…)", "image/png": "cGljdHVyZQ==", WIDGET_VIEW: {"model_id": "a1b2"}}
    (output,) = normalized(new_output("display_data", data=data))
    assert set(output.data) == {"text/plain", "image/png"}


def test_a_widget_without_a_picture_goes() -> None:
    data = {"text/plain": "interactive(…)", WIDGET_VIEW: {"model_id": "a1b2"}}
    assert normalized(new_output("display_data", data=data)) == []


def test_addresses_go() -> None:
    (output,) = normalized(new_output("execute_result", data={"text/plain": "<function f at 0x7f00deadbeef>"}))
    assert output.data["text/plain"] == "<function f at 0x…>"
    assert output.execution_count is None


def test_a_warning_names_the_cell_and_not_a_process() -> None:
    (output,) = normalized(new_output("stream", name="stderr", text="/tmp/ipykernel_41/927.py:1: UserWarning: odd"))
    assert output.text == "cell:1: UserWarning: odd"


def test_paths_become_relative() -> None:
    installed = "~/course/.venv/lib/python3.11/" + "site-packages/torch/nn/functional.py:812"
    lines = [
        f"File {installed}",
        "File /somewhere/course/course_lib/geometry.py:3",
        f"File {sys.prefix}/bin/python",
    ]
    (output,) = normalized(new_output("error", ename="ValueError", evalue="", traceback=lines))
    assert output.traceback == [
        "File torch/nn/functional.py:812",
        "File course_lib/geometry.py:3",
        "File bin/python",
    ]
