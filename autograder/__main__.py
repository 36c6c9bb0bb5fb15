"""The instructor's commands: ``python -m autograder build`` and ``… demo``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command at the repository's root and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the notebooks from solutions/*/*.py")
    build.add_argument("lessons", nargs="*", metavar="LESSON", help="such as 01_pooling; all without a name")
    build.add_argument("--check", action="store_true", help="change nothing; say which built file is stale")
    build.add_argument("--execute", action="store_true", help="with --check: run the lessons and compare outputs")
    build.set_defaults(run=_build)
    demo = commands.add_parser("demo", help="grade a bundled class of submissions and show the results")
    demo.set_defaults(run=_demo)
    chosen = parser.parse_args(arguments)
    return chosen.run(chosen)


def _build(chosen: argparse.Namespace) -> int:
    from autograder.build import BuildError, sync

    root = Path.cwd()
    try:
        if not chosen.check:
            for line in sync.build(root, chosen.lessons):
                print(line, flush=True)
            return 0
        stale = list(sync.check(root, chosen.lessons, chosen.execute))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(map(str, stale)) or "Every built file is up to date.")
    return 1 if stale else 0


def _demo(chosen: argparse.Namespace) -> int:
    from autograder import demo

    try:
        for line in demo.lines(Path.cwd()):
            print(line, flush=True)
    except demo.DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
