"""Brings the built files up to date, or says which of them are not and which command mends them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.build import BuildError, course_map, release
from autograder.build import source as text
from autograder.build.compare import difference
from autograder.build.execute import run
from autograder.build.kernel import Kernel, kernel
from autograder.build.normalize import normalize


@dataclass(frozen=True)
class Stale:
    """A built file that does not follow from its source."""

    path: Path
    why: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path} is stale: {self.why}. To mend it: {self.mend}"


def stems(root: Path, wanted: Sequence[str] = ()) -> list[str]:
    """The lessons that have a text, or those of them that are wanted. BuildError for one that has none."""
    found = sorted(path.stem for path in root.glob("solutions/*/*.py") if path.stem == path.parent.name)
    if not found:
        raise BuildError(f"{root} holds no solutions/NN_topic/NN_topic.py; run this at the repository's root.")
    for stem in wanted:
        if stem not in found:
            raise BuildError(f"no lesson is named {stem!r}; there are {', '.join(found)}.")
    return list(wanted) or found


def build(root: Path, wanted: Sequence[str] = (), first: Kernel | None = None) -> Iterator[str]:
    """Builds the lessons, all without a name, and the README's table; yields a line about each.

    first: a kernel that boots already, for the first lesson.
    A notebook that says the same as the one that stands is left as it is, so building twice changes nothing,
    not even where a cell's output varies.
    """
    for stem in stems(root, wanted):
        began = time.perf_counter()
        notebook, first = _executed(root, stem, first), None
        path = _worked(root, stem)
        standing = _standing(path)
        if standing and not difference(standing, notebook, outputs=True):
            notebook = standing
        changed = _write(path, nbformat.writes(notebook).encode() + b"\n")
        for name, content in release.make(root, stem, notebook).items():
            changed |= _write(_released(root, stem) / name, content)
        verdict = "written" if changed else "unchanged"
        yield f"{stem}: {len(notebook.cells)} cells in {time.perf_counter() - began:.1f} s, {verdict}"
    course_map.write_readme(root)


def check(root: Path, wanted: Sequence[str] = (), execute: bool = False) -> Iterator[Stale]:
    """What is stale. Only with ``execute`` are the lessons run and their outputs compared."""
    for stem in stems(root, wanted):
        mend = f"python -m autograder build {stem}"
        path = _worked(root, stem)
        standing = _standing(path)
        if standing is None:
            yield Stale(path.relative_to(root), "it does not exist", mend)
            continue
        notebook = _executed(root, stem) if execute else text.read(_text(root, stem)).notebook
        why = difference(standing, notebook, outputs=execute)
        if why:
            yield Stale(path.relative_to(root), why, mend)
            continue
        yield from _check_release(root, stem, standing, mend)
    if not wanted:
        readme = (root / "README.md").read_text(encoding="utf-8")
        if course_map.readme(readme) != readme:
            yield Stale(Path("README.md"), "its course map is another one", "python -m autograder build 00_start_here")


def _executed(root: Path, stem: str, booting: Kernel | None = None) -> NotebookNode:
    """The worked notebook. The cells run as they are written, and beside them this process gets ready for the rest."""
    with nullcontext(booting) if booting else kernel() as running, ThreadPoolExecutor(max_workers=1) as beside:
        source = text.parse(_text(root, stem))
        completed = beside.submit(text.complete, source)
        beside.submit(_prepare)
        outputs = run(source, running, before_cell=lambda: completed.done() and completed.result())
        notebook = completed.result()
    for cell, shown in zip(notebook.cells, outputs, strict=True):
        if cell.cell_type == "code":
            cell.outputs = shown
    normalize(notebook, root)
    return notebook


def _prepare() -> None:
    """Imports what comes after the cells: much of Jupyter for the release, and all exercises for the course map."""
    import_module("nbgrader.converters")
    course_map.table("")


def _check_release(root: Path, stem: str, notebook: NotebookNode, mend: str) -> Iterator[Stale]:
    folder = _released(root, stem)
    made = release.make(root, stem, notebook)
    for name, content in made.items():
        path = folder / name
        if not path.is_file():
            yield Stale(path.relative_to(root), "it does not exist", mend)
        elif path.read_bytes() != content:
            yield Stale(path.relative_to(root), "it is not what nbgrader makes of the worked notebook", mend)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and inside.as_posix() not in made and not any(part[0] == "." for part in inside.parts):
            yield Stale(path.relative_to(root), "it comes from no source", f"rm {path.relative_to(root)}")


def _text(root: Path, stem: str) -> Path:
    return root / "solutions" / stem / f"{stem}.py"


def _worked(root: Path, stem: str) -> Path:
    return root / "solutions" / stem / f"{stem}.ipynb"


def _released(root: Path, stem: str) -> Path:
    return root / "notebooks" / stem


def _standing(path: Path) -> NotebookNode | None:
    return nbformat.read(path, as_version=4) if path.is_file() else None


def _write(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
