"""Does building a lesson take longer than executing it?

    python benchmarks/build.py [LESSON ...] [--rounds N]

In turn, each as a process of its own: `python -m autograder build` of a lesson, and `jupyter execute` of all cells of
its worked notebook, those too that grading skips. Medians in seconds, and the build as a share of the execution (aim:
at most 1 for each lesson). The course is a scratch copy. The last line says whether the aim is met, and the exit status
too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
LESSONS = ("00_start_here", "01_pooling", "07_unpooling")


def make_course(root: Path, lessons: list[str]) -> None:
    """A course with these lessons as they are built."""
    for name in ("README.md", "nbgrader_config.py"):
        shutil.copy(ROOT / name, root)
    for lesson in lessons:
        for room in ("solutions", "notebooks"):
            shutil.copytree(ROOT / room / lesson, root / room / lesson)


def seconds(root: Path, *arguments: str) -> float:
    """How long a fresh Python takes for a module's command."""
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-m", *arguments], cwd=root, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{ran.stderr}")
    return time.perf_counter() - began


def build(root: Path, lesson: str) -> float:
    return seconds(root, "autograder", "build", lesson)


def execute(root: Path, lesson: str) -> float:
    notebook = f"solutions/{lesson}/{lesson}.ipynb"
    return seconds(root, "jupyter", "execute", "--NbClientApp.skip_cells_with_tag=", notebook)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", default=LESSONS, metavar="LESSON", help="such as 01_pooling")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    shares = []
    print(f"{'lesson':<28} {'build':>8} {'execute':>8} {'share':>6}")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        make_course(root, chosen.lessons)
        for lesson in chosen.lessons:
            rounds = [(build(root, lesson), execute(root, lesson)) for _ in range(chosen.rounds)]
            built, executed = (median(column) for column in zip(*rounds, strict=True))
            shares.append(built / executed)
            print(f"{lesson:<28} {built:>8.1f} {executed:>8.1f} {shares[-1]:>6.2f}", flush=True)
    met = max(shares) <= 1
    print(f"\nAim {'met' if met else 'MISSED'}: building takes no longer than executing.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
