"""The arrows between the rooms of the house, and what no committed file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may import of ours, besides itself. A new room gets its line here.
MAY_IMPORT: dict[str, set[str]] = {
    "course_lib.geometry": set(),
    "course_lib.samples": set(),
    "course_lib.functional": {"course_lib.geometry"},
    "course_lib.nn": {"course_lib.geometry", "course_lib.functional"},
    "course_lib.analysis": {"course_lib.geometry", "course_lib.functional"},
    "course_lib.checking": {"course_lib.geometry", "course_lib.functional"},
    "course_lib.exercises": {
        "course_lib.geometry",
        "course_lib.functional",
        "course_lib.nn",
        "course_lib.analysis",
        "course_lib.checking",
        "course_lib.samples",
    },
    "course_lib.figures": {"course_lib.geometry"},
    "course_lib.widgets": {"course_lib.geometry", "course_lib.figures"},
    # What lessons and the instructor's side see of the rooms together.
    "course_lib.course_map": {"course_lib.exercises"},
    "course_lib.record": set(),
    "course_lib.learner": {"course_lib.exercises", "course_lib.checking", "course_lib.record"},
    "course_lib": {"course_lib.learner"},
}
ROOMS = sorted(path for path in (ROOT / "course_lib").rglob("*.py"))
GRADER = sorted((ROOT / "autograder").rglob("*.py"))


def module(path: Path) -> str:
    """The dotted name of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    """The room of a module: its first two names."""
    return ".".join(name.split(".")[:2])


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it the import stands."""
    found: set[str] = set()
    package = module(path) if path.name == "__init__.py" else module(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            inside = {f"{base}.{alias.name}" for alias in node.names}
            modules = {name for name in inside if is_module(name)}
            found |= modules if modules == inside else modules | {base}
    return found


def is_module(name: str) -> bool:
    """Whether this repository has a module of that dotted name."""
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_there_is_something_to_read() -> None:
    assert len(ROOMS) > 10
    assert len(GRADER) > 5


def test_an_import_is_found_wherever_it_stands() -> None:
    assert "course_lib.exercises" in imports(ROOT / "course_lib" / "course_map.py")
    assert {"autograder.build.course_map", "course_lib.exercises"} <= imports(
        ROOT / "autograder" / "build" / "directives.py"
    )


@pytest.mark.parametrize("path", ROOMS, ids=module)
def test_a_room_imports_only_what_it_may_know(path: Path) -> None:
    here = room(module(path))
    assert here in MAY_IMPORT, f"{here} is a new room: say in MAY_IMPORT what it may import"
    imported = imports(path)
    ours = {room(name) for name in imported if name.split(".")[0] in ("course_lib", "autograder")}
    assert ours - {here} <= MAY_IMPORT[here]
    if here != "course_lib.widgets":
        assert not any(name.split(".")[0] == "ipywidgets" for name in imported)


def test_importing_course_lib_loads_nothing_heavy() -> None:
    code = (
        "import sys, course_lib; "
        "print(*sorted({'torch', 'matplotlib', 'skimage', 'ipywidgets', 'IPython'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def tracked() -> list[Path]:
    """The files that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_committed_file_holds_a_path_of_one_machine() -> None:
    files = tracked()
    assert len(files) > 20
    homes = [re.escape(f"{place}/") for place in {ROOT, Path.home()} if len(place.parts) > 1]
    anywhere = re.compile("|".join([*homes, r"/(?:home|Users)/\w+/"]))
    printed = re.compile(f"{anywhere.pattern}|(?:site|dist)-packages/")
    held = {}
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if match := (printed if file.suffix == ".ipynb" else anywhere).search(text):
            held[str(file.relative_to(ROOT))] = match[0]
    assert held == {}
