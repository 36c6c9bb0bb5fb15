"""Rebuilds a submission from the master's cells and the learner's own: the notebook that is graded is one of ours.

Whatever comes in, a notebook comes out. What was strange about the submission becomes anomalies for the instructor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from nbformat import NotebookNode

from autograder import messages
from autograder.table import printable

SIZE_LIMIT = 32 << 20  # bytes of a submitted file
SOURCE_LIMIT = 1 << 20  # characters of one cell
CELL_LIMIT = 2000
UNKNOWN_LIMIT = 20  # unknown grade_ids that are named, each with so many characters at most
NAME_LIMIT = 60
PICTURES = ("image/png", "image/jpeg", "image/gif")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


T = TypeVar("T")


@dataclass(frozen=True)
class Anomaly:
    """Something that no untouched submission has. kind is a key of messages.ANOMALIES; grade_id names the cell."""

    kind: str
    grade_id: str = ""

    @property
    def sentence(self) -> str:
        return messages.ANOMALIES[self.kind].format(grade_id=self.grade_id)


@dataclass(frozen=True)
class Normalised:
    """A notebook to grade. The instructor's cells are the same objects in everybody's: nothing changes them."""

    notebook: NotebookNode
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True)
class Master:
    """The instructor's notebook, with its hidden tests, and the one released from it."""

    source: NotebookNode
    released: NotebookNode

    @cached_property
    def graded(self) -> dict[str, NotebookNode]:
        """nbgrader's cells by their grade_id."""
        return {id_of(cell): cell for cell in self.source.cells if id_of(cell)}

    @cached_property
    def ordinary(self) -> dict[str, NotebookNode]:
        """The other cells by their ids, without outputs."""
        found = {cell.id: copied(cell) for cell in self.source.cells if not id_of(cell)}
        for cell in found.values():
            _clear(cell)
        return found

    @cached_property
    def release_text(self) -> dict[str, str]:
        return {id_of(cell): cell.source for cell in self.released.cells if id_of(cell)}


def id_of(cell: NotebookNode | dict[str, Any]) -> str:
    """nbgrader's name of a cell; empty where it has none."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def normalise(raw: bytes | None, master: Master) -> Normalised:
    """The notebook to grade. Never raises for what ``raw`` holds; None stands for a file that is not there."""
    cells, anomalies = _read(raw)
    known, texts, ordinary = master.graded, master.release_text, master.ordinary
    built: list[NotebookNode] = []
    seen: set[str] = set()
    unknown = {name: None for cell in cells if (name := id_of(cell)) and name not in known}
    for cell in cells:
        name = id_of(cell)
        if name in seen:
            anomalies.append(Anomaly("duplicated", name))
        elif name in known:
            seen.add(name)
            built.append(_known(cell, known[name], texts.get(name, ""), anomalies))
        else:
            built.append(_other(cell, ordinary))
    anomalies = [*dict.fromkeys(anomalies)]
    anomalies += [Anomaly("unknown", printable(name[:NAME_LIMIT])) for name in list(unknown)[:UNKNOWN_LIMIT]]
    if cells:
        anomalies += [Anomaly("deleted", name) for name in known.keys() - seen]
    built = _with_missing(built, master, seen, texts)
    _number(built)
    # Not by nbformat's new_notebook, which validates: what comes of this is validated when it is written.
    notebook = copied(NotebookNode({**master.source, "cells": []}))
    notebook.cells = built
    order = list(known)
    anomalies.sort(key=lambda a: (order.index(a.grade_id) if a.grade_id in known else -1, a.kind))
    return Normalised(notebook, tuple(anomalies))


def _read(raw: bytes | None) -> tuple[list[dict[str, Any]], list[Anomaly]]:
    """The cells that the file holds, each a dict with a known type and a text."""
    if raw is None:
        return [], [Anomaly("missing file")]
    if len(raw) > SIZE_LIMIT:
        return [], [Anomaly("too large")]
    try:
        cells = _json_cells(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [], [Anomaly("not a notebook")]
    anomalies = []
    kept = [cell for cell in cells if _is_cell(cell)]
    if len(kept) < len(cells) or len(kept) > CELL_LIMIT:
        anomalies.append(Anomaly("broken cells"))
    return kept[:CELL_LIMIT], anomalies


def _json_cells(raw: bytes) -> list[Any]:
    data = json.loads(raw.decode("utf-8-sig"))
    if data["nbformat"] < 4:
        return [_upgraded(cell) for sheet in data["worksheets"] for cell in sheet["cells"]]
    cells = data["cells"]
    if not isinstance(cells, list):
        raise TypeError("cells is no list")
    return cells


def _upgraded(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell of format 3 as one of format 4, as far as it is read. nbformat's conversion is slow and may raise all."""
    kind = cell["cell_type"]
    kind = "markdown" if kind in ("heading", "html") else kind
    return {**cell, "cell_type": kind, "source": cell.get("input" if kind == "code" else "source", "")}


def _is_cell(cell: Any) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown", "raw"):
        return False
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = cell["source"] = "".join(source)
    return isinstance(source, str) and len(source) <= SOURCE_LIMIT


def _known(cell: dict[str, Any], model: NotebookNode, released: str, anomalies: list[Anomaly]) -> NotebookNode:
    """The master's cell; with the learner's text, where the cell is the learner's to write."""
    name, mine = id_of(model), copied(model)
    _clear(mine)
    source = _clean_text(cell.get("source", ""))
    if cell["cell_type"] != model.cell_type:
        anomalies.append(Anomaly("retyped", name))
    if model.metadata.nbgrader.get("solution"):
        mine.source = source
        mine.update(_pictures(cell, model.cell_type))
    elif source.strip() not in (released.strip(), model.source.strip()):
        anomalies.append(Anomaly("edited", name))
    return mine


def _other(cell: dict[str, Any], ordinary: dict[str, NotebookNode]) -> NotebookNode:
    """A cell that nobody grades: the learner's text; of the metadata only what the master's cell of this id has."""
    kind, source, pictures = cell["cell_type"], _clean_text(cell.get("source", "")), _pictures(cell, cell["cell_type"])
    model = ordinary.get(cell["id"]) if isinstance(cell.get("id"), str) else None
    if model is not None and model["cell_type"] != kind:
        model = None
    same = model is not None and model["source"] == source
    if model is not None and same and not pictures and "attachments" not in model:
        return model
    metadata = copied(model["metadata"]) if model is not None and same else NotebookNode()
    # Not by nbformat's new_code_cell and the like: each of them validates its cell; the notebook is validated later.
    mine = {"cell_type": kind, "id": model["id"] if model is not None else "", "metadata": metadata, "source": source}
    mine |= pictures
    return NotebookNode(mine | {"outputs": [], "execution_count": None} if kind == "code" else mine)


def _pictures(cell: dict[str, Any], kind: str) -> dict[str, NotebookNode]:
    """The pictures that were pasted into a markdown cell, as its attachments; nothing where there are none."""
    found, attachments = NotebookNode(), cell.get("attachments")
    for name, data in attachments.items() if kind == "markdown" and isinstance(attachments, dict) else ():
        for mime, text in data.items() if isinstance(data, dict) else ():
            if mime in PICTURES and isinstance(text, str) and BASE64.fullmatch(text):
                found[_clean_text(name)] = NotebookNode({mime: text})
    return {"attachments": found} if found else {}


def copied(value: T) -> T:
    """A copy of a part of a notebook, down to its texts: what copy.deepcopy gives, in a third of the time.

    >>> cell = NotebookNode(source="x", metadata=NotebookNode(tags=["a"]))
    >>> copied(cell) == cell, copied(cell).metadata.tags is cell.metadata.tags
    (True, False)
    """
    if isinstance(value, dict):
        made = value.__class__()
        for key, each in value.items():
            dict.__setitem__(made, key, each if isinstance(each, str) else copied(each))
        return made
    if isinstance(value, list):
        return [each if isinstance(each, str) else copied(each) for each in value]  # type: ignore[return-value]
    return value


def _clean_text(source: str) -> str:
    """Text that every later step can write: lone surrogates would not survive UTF-8."""
    return source.encode("utf-8", "replace").decode("utf-8")


def _clear(cell: NotebookNode) -> None:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def _with_missing(
    built: list[NotebookNode], master: Master, seen: set[str], texts: dict[str, str]
) -> list[NotebookNode]:
    """Puts the master's graded cells that are missing where they belong: behind the cell that they follow there."""
    for position, model in enumerate(master.source.cells):
        name = id_of(model)
        if not name or name in seen:
            continue
        mine = copied(model)
        _clear(mine)
        if model.metadata.nbgrader.get("solution"):
            mine.source = texts.get(name, "")
        before = [cell.id for cell in master.source.cells[:position]]
        places = {cell.id: index for index, cell in enumerate(built) if cell.id}
        at = next((places[each] + 1 for each in reversed(before) if each in places), 0)
        built.insert(at, mine)
    return built


def _number(cells: list[NotebookNode]) -> None:
    """Ids that are unique: the master's where a cell is the master's, else from the position."""
    taken: set[str] = set()
    for index, cell in enumerate(cells):
        name = cell.get("id")
        if not name or name in taken:
            name = next(f"own-{n}" for n in _count(index) if f"own-{n}" not in taken)
            cells[index] = NotebookNode({**cell, "id": name})
        taken.add(name)


def _count(start: int) -> Iterator[int]:
    while True:
        yield start
        start += 1
