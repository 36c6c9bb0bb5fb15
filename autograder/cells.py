"""Runs a notebook's cells in this process as a kernel would, and keeps their outputs as a notebook stores them.

This is the learner's side of grading: the zygote makes one Cells, and every attempt uses it in a fork of its own.
"""

from __future__ import annotations

import base64
import inspect
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

Output = dict[str, Any]
ENTRY = 100  # characters that an output counts for besides what it says, so that those that say nothing end too


class Recorder:
    """The outputs of the cell that runs, in the order in which they came; what is beyond the limits is dropped."""

    def __init__(self, text_limit: int, rich_limit: int):
        self.outputs: list[Output] = []
        self.text_left, self.rich_left = text_limit, rich_limit
        self.cut = False

    def stream(self, name: str, text: str) -> None:
        if len(text) > self.text_left:
            self.cut = True
            text = text[: self.text_left]
        self.text_left -= len(text)
        if not text:
            return
        last = self.outputs[-1] if self.outputs else None
        if last and last["output_type"] == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.text_left -= min(ENTRY, self.text_left)
            self.outputs.append({"output_type": "stream", "name": name, "parts": [text]})

    def add(self, output: Output) -> None:
        self.rich_left -= ENTRY
        if "data" in output:
            output["data"] = {kind: _as_text(value) for kind, value in output["data"].items()}
            self.rich_left -= sum(len(value) for value in output["data"].values() if isinstance(value, str))
        if self.rich_left < 0:
            self.cut = True
            return
        self.outputs.append(output)

    def take(self) -> list[Output]:
        """The outputs so far, as nbformat writes them; the recorder is empty afterwards."""
        taken, self.outputs = self.outputs, []
        for output in taken:
            if "parts" in output:
                output["text"] = "".join(output.pop("parts"))
        return taken


def _as_text(value: Any) -> Any:
    """Bytes, such as a PNG, as notebooks store them."""
    return base64.b64encode(value).decode() + "\n" if isinstance(value, bytes) else value


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of the cells."""

    encoding = "utf-8"

    def __init__(self, name: str, recorder: Recorder):
        self._name, self._recorder = name, recorder

    @property
    def name(self) -> str:
        return f"<{self._name}>"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._recorder.stream(self._name, text)
        return len(text)


class Cells:
    """An IPython shell without a kernel around it."""

    def __init__(self, text_limit: int, rich_limit: int):
        self.recorder = Recorder(text_limit, rich_limit)
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "linux"
        Shell.recorder = self.recorder
        self.shell = Shell.instance(config=config)
        self.shell.input_transformer_manager = Transformers()
        self.shell.enable_matplotlib("inline")

    def run(self, source: str, counted: bool = True) -> tuple[list[Output], str]:
        """Runs one cell: its outputs, and ``ok``, ``error`` or ``exit`` (the cell asked the kernel to end)."""
        with self._streams():
            result = self.shell.run_cell(source, store_history=counted)
        count = self.shell.execution_count - 1
        outputs = self.recorder.take()
        for output in outputs:
            if output["output_type"] == "execute_result":
                output["execution_count"] = count
        if isinstance(result.error_in_exec, SystemExit):
            return outputs, "exit"
        return outputs, "ok" if result.success else "error"

    def forget(self) -> None:
        """Starts afresh: no names, no counted cells."""
        self.shell.reset(new_session=True)
        self.shell.execution_count = 1

    def get(self, name: str) -> Any:
        """What a name stands for in the notebook; KeyError where it stands for nothing."""
        return self.shell.user_ns[name]

    @contextmanager
    def _streams(self) -> Iterator[None]:
        sys.stdout, sys.stderr = Stream("stdout", self.recorder), Stream("stderr", self.recorder)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


class Publisher(DisplayPublisher):
    """Where display() ends."""

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **kwargs) -> None:
        if not update:
            Shell.recorder.add({"output_type": "display_data", "data": data, "metadata": metadata or {}})

    def clear_output(self, wait: bool = False) -> None:
        Shell.recorder.outputs.clear()


class Hook(DisplayHook):
    """Where the value of a cell's last expression ends."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict, md_dict=None) -> None:
        Shell.recorder.add({"output_type": "execute_result", "data": format_dict, "metadata": md_dict or {}})

    def finish_displayhook(self) -> None:
        pass


# What a line holds wherever IPython means something else by it than Python does: a magic or a shell's command at its
# beginning or behind "=", or a question.
SPECIAL = re.compile(r"^\s*[!%,;/]|=\s*[!%]|\?")


class Transformers(TransformerManager):
    """IPython's, but a cell is taken apart into tokens only where it may hold what is no Python: that takes a third of
    the time of a small cell.
    """

    def do_token_transforms(self, lines: list[str]) -> list[str]:
        return super().do_token_transforms(lines) if any(map(SPECIAL.search, lines)) else lines


class Compiler(CachingCompiler):
    """IPython's, which also tells inspect that no module holds a cell.

    Else inspect looks through all modules for each frame of a traceback: with torch, half a minute for a recursion
    without end.
    """

    def cache(self, *cell: Any, **facts: Any) -> str:
        name = super().cache(*cell, **facts)
        vars(inspect)["modulesbyfile"] |= dict.fromkeys((name, os.path.abspath(name)), "")
        return name


class Shell(InteractiveShell):
    """IPython's shell with its outputs recorded."""

    recorder: Recorder
    compiler_class = Compiler
    display_pub_class = Publisher
    displayhook_class = Hook

    def _showtraceback(self, etype, evalue, stb) -> None:
        try:
            text = str(evalue)
        except Exception:
            text = ""
        self.recorder.add({"output_type": "error", "ename": etype.__name__, "evalue": text, "traceback": list(stb)})

    def should_run_async(
        self, raw_cell: str, *, transformed_cell: str | None = None, preprocessing_exc_tuple=None
    ) -> bool:
        """As IPython says, which compiles the cell to see; but without these words it is never so."""
        told = {"transformed_cell": transformed_cell, "preprocessing_exc_tuple": preprocessing_exc_tuple}
        return bool(re.search("await|async", transformed_cell or "")) and super().should_run_async(raw_cell, **told)

    def ask_exit(self) -> None:
        raise SystemExit

    def enable_gui(self, gui=None) -> None:
        """No window here ever opens."""
