"""How long does a learner wait for a check, and what does importing the course cost?

    python benchmarks/checking.py [--repetitions N]

For every exercise its solution is checked as a notebook does, report in HTML included: the visible check (aim: under
300 ms), the same with hidden cases, and the visible check as the first thing that a fresh kernel does. An import is
measured in fresh processes, in what it adds to torch's own (aim: under 100 ms). Medians in milliseconds; the last line
says whether the aims are met, and the exit status too.
"""

from __future__ import annotations

import argparse
import ast
import linecache
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import torch  # noqa: F401  # Its import must not count as the course's.

ROOT = Path(__file__).resolve().parents[1]
CHECK, IMPORT = 300, 100


def solutions(stem: str) -> dict[str, Any]:
    """What a lesson's solution cells define beside its imports, with a source that can be read as in a notebook."""
    names: dict[str, Any] = {}
    for number, cell in enumerate(jupytext.read(ROOT / "solutions" / stem / f"{stem}.py").cells):
        if cell.cell_type != "code":
            continue
        body = ast.parse(cell.source).body
        if not cell.metadata.get("nbgrader", {}).get("solution", False):
            body = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        file = f"<{stem}, cell {number}>"
        linecache.cache[file] = len(cell.source), None, cell.source.splitlines(keepends=True), file
        exec(compile(ast.Module(body, []), file, "exec"), names)
    return names


def milliseconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - began)


def check(name: str, work: Any, seed: str | None = None) -> None:
    """What ``check`` does before the browser takes over."""
    from course_lib.checking.examine import examine
    from course_lib.checking.report import report
    from course_lib.exercises import find

    verdict = examine(find(name), work, seed)
    report(verdict)._repr_mimebundle_()
    assert verdict.face == "right", f"the solution of {name} is not right"


def in_fresh_process(code: str) -> float:
    """The number that a fresh Python prints."""
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return float(ran.stdout)


def importing(line: str) -> float:
    return in_fresh_process(f"""
        import time, torch
        began = time.perf_counter()
        {line}
        print(1e3 * (time.perf_counter() - began))
    """)


def first_check(stem: str, name: str) -> float:
    return in_fresh_process(f"""
        import sys
        sys.path.insert(0, "benchmarks")
        import checking
        work = checking.solutions({stem!r})[{name!r}]
        print(checking.milliseconds(lambda: checking.check({name!r}, work)))
    """)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9)
    times = range(parser.parse_args().repetitions)
    adds = {
        line: statistics.median(importing(line) for _ in times)
        for line in ("import course_lib", "from course_lib import check, hint, progress")
    }
    for line, cost in adds.items():
        print(f"{line:<50} {cost:>6.0f} ms")
    print(f"\n{'exercise':<22} {'visible':>8} {'hidden':>8} {'first':>8}   ms")
    from course_lib import exercises

    slowest = 0.0
    for stem in exercises.MODULES:
        works = solutions(stem)
        for exercise in exercises.of_lesson(stem):
            name, work = exercise.name, works[exercise.name]
            check(name, work)
            visible = statistics.median(milliseconds(lambda: check(name, work)) for _ in times)  # noqa: B023
            hidden = statistics.median(milliseconds(lambda: check(name, work, "bench")) for _ in times)  # noqa: B023
            first = first_check(stem, name)
            slowest = max(slowest, visible, first)
            print(f"{name:<22} {visible:>8.0f} {hidden:>8.0f} {first:>8.0f}")
    met = slowest < CHECK and max(adds.values()) < IMPORT
    print(f"\nAims {'met' if met else 'MISSED'}: a visible check under {CHECK} ms, an import under {IMPORT} ms.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
