"""The instructor's commands: ``python -m autograder build | demo | grade | report | export | copy-gradebook | …``."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.imports import importing, nbgrader_without_pages


def _size(text: str) -> int:
    """Bytes, as a number with K, M or G behind it.

    >>> _size("512"), _size("2G")
    (512, 2147483648)
    """
    letter = text[-1:].upper()
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[letter] if letter in "KMG" else int(text)


# What one submission may use: the fields of sandbox.Limits.
LIMITS = (
    ("cell_seconds", float, "seconds that one cell may take"),
    ("wall_seconds", float, "seconds that the whole notebook may take"),
    ("memory", _size, "memory, such as 2G"),
    ("processes", int, "processes at once"),
    ("text", _size, "printed text, such as 1M"),
    ("output", _size, "everything that it sends, such as 16M"),
    ("files", _size, "files that it writes, such as 64M"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command at the repository's root and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the notebooks from solutions/*/*.py")
    build.add_argument("lessons", nargs="*", metavar="LESSON", help="such as 01_pooling; all without a name")
    build.add_argument("--check", action="store_true", help="change nothing; say which built file is stale")
    build.add_argument("--execute", action="store_true", help="with --check: run the lessons and compare outputs")
    build.set_defaults(run=_build)
    grade = commands.add_parser("grade", help="grade what lies in submitted/")
    grade.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="such as 01_pooling; all without a name")
    grade.add_argument("--students", nargs="+", default=(), metavar="ID", help="only these learners")
    where = grade.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=int, metavar="N", help="processes that grade; as many as cores without it")
    where.add_argument("--scheduler", metavar="ADDRESS", help="grade on a dask cluster, such as tls://HOST:8786")
    grade.add_argument(
        "--certificates",
        type=Path,
        metavar="FOLDER",
        help="for the cluster; else $DOWN_AND_UP_CERTIFICATES or ./certificates",
    )
    grade.add_argument("--db", metavar="URL", help="another gradebook, such as postgresql://…; else the course's own")
    for name, kind, told in LIMITS:
        grade.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=told)
    grade.add_argument("--trust-submissions", action="store_true", help="run them even where there is no sandbox")
    grade.set_defaults(run=_grade)
    report = commands.add_parser("report", help="write a page about a graded class")
    report.add_argument("assignment", metavar="ASSIGNMENT", help="such as 01_pooling")
    report.add_argument("--to", type=Path, metavar="FILE", help="else build/report/ASSIGNMENT.html")
    report.add_argument("--db", metavar="URL", help="another gradebook than the course's own")
    report.set_defaults(run=_report)
    export = commands.add_parser("export", help="write grades for another program")
    export.add_argument("assignment", metavar="ASSIGNMENT", help="such as 01_pooling")
    export.add_argument(
        "--format", choices=("csv", "gradescope", "canvas"), default="csv", help="csv is nbgrader's own"
    )
    export.add_argument("--to", type=Path, metavar="FILE", help="a folder for gradescope; else below build/export")
    export.add_argument("--db", metavar="URL", help="another gradebook than the course's own")
    export.set_defaults(run=_export)
    copy = commands.add_parser("copy-gradebook", help="copy the gradebook into another, empty database")
    copy.add_argument("to", metavar="URL", help="such as postgresql://USER@HOST/DATABASE")
    copy.add_argument("--db", metavar="URL", help="copy this gradebook, and not the course's own")
    copy.set_defaults(run=_copy)
    doctor = commands.add_parser("doctor", help="say what this machine offers for running strangers' code")
    doctor.set_defaults(run=_doctor)
    certificates = commands.add_parser("certificates", help="make certificates for a cluster that grades")
    certificates.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="else ./certificates")
    certificates.set_defaults(run=_certificates)
    demo = commands.add_parser("demo", help="grade a bundled class of submissions and show the results")
    demo.set_defaults(run=_demo)
    chosen = parser.parse_args(arguments)
    # jsonschema looks for this package and would build a grammar of web addresses, which takes as long as all the rest.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    _warn_of_password(getattr(chosen, "db", None))
    return chosen.run(chosen)


def _warn_of_password(url: str | None) -> None:
    """Says that a password on the command line is no secret, where there is one."""
    if url and re.match(r"[^/]+://[^/]*:[^/]*@", url):
        from autograder import messages

        print(messages.PASSWORD_SHOWN, file=sys.stderr)


def _build(chosen: argparse.Namespace) -> int:
    from autograder.build import BuildError

    root = Path.cwd()
    try:
        if not chosen.check:
            from autograder.build.kernel import kernel

            with kernel() as first:  # it boots while this process imports the rest
                with importing():
                    from autograder.build import sync

                for line in sync.build(root, chosen.lessons, first):
                    print(line, flush=True)
            return 0
        from autograder.build import sync

        stale = list(sync.check(root, chosen.lessons, chosen.execute))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(map(str, stale)) or "Every built file is up to date.")
    return 1 if stale else 0


def _grade(chosen: argparse.Namespace) -> int:
    limits = {name: getattr(chosen, name) for name, _, _ in LIMITS if getattr(chosen, name) is not None}

    def run() -> int:
        from autograder import grade

        if new:
            with importing():
                import autograder.autograde  # noqa: F401  # which the first result would wait for
        return grade.run(
            grade.Grading(
                Path.cwd(),
                chosen.assignments,
                chosen.students,
                jobs=chosen.jobs,
                db_url=chosen.db,
                limits=limits,
                trust_submissions=chosen.trust_submissions,
                nursery=nursery,
                scheduler=chosen.scheduler,
                certificates=chosen.certificates,
            )
        )

    nursery, new = None, False
    if sys.platform == "linux" and not chosen.scheduler:
        from autograder import schedule

        nursery = schedule.Nursery()
        if new := schedule.something_is_new(Path.cwd()):
            nursery.start()  # it imports torch while this process imports nbgrader
    try:
        return _graded(run)
    finally:
        if nursery:
            nursery.stop()


def _demo(chosen: argparse.Namespace) -> int:
    def run() -> int:
        from autograder import demo

        for line in demo.lines(Path.cwd()):
            print(line, flush=True)
        return 0

    return _graded(run)


def _graded(run: Callable[[], int]) -> int:
    """Runs something that grades; says what the instructor has to mend, where that is the reason that it stops."""
    from autograder import messages

    if sys.platform != "linux":
        print(messages.NOT_LINUX, file=sys.stderr)
        return 1
    with importing():
        nbgrader_without_pages()
        from sqlalchemy.exc import DBAPIError

        from autograder import grade
        from autograder.course import CourseError
        from autograder.sandbox import SandboxError

    grade.environment()
    try:
        return run()
    except (CourseError, SandboxError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(messages.DISK.format(error=error), file=sys.stderr)
    except DBAPIError as error:
        print(messages.DATABASE.format(error=error.orig), file=sys.stderr)
    except KeyboardInterrupt:
        print(messages.INTERRUPTED, file=sys.stderr)
    return 1


def _report(chosen: argparse.Namespace) -> int:
    from autograder import report

    return _told(lambda: report.write(Path.cwd(), chosen.assignment, chosen.to, chosen.db))


def _export(chosen: argparse.Namespace) -> int:
    from autograder.export import export

    return _told(lambda: export(Path.cwd(), chosen.assignment, chosen.format, chosen.to, chosen.db))


def _copy(chosen: argparse.Namespace) -> int:
    from autograder import copy_gradebook, messages
    from autograder.gradebook import parsed

    def run() -> str:
        count = copy_gradebook.copy(Path.cwd(), chosen.to, chosen.db)
        where = parsed(chosen.to).render_as_string(hide_password=True)
        return messages.COPIED.format(count=count, where=where)

    _warn_of_password(chosen.to)
    return _told(run)


def _told(write: Callable[[], Path | str]) -> int:
    """Says what was done, or why nothing was."""
    from sqlalchemy.exc import DBAPIError

    from autograder import grade, messages
    from autograder.course import CourseError

    grade.environment()
    try:
        print(write())
    except (CourseError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except DBAPIError as error:
        print(messages.UNREADABLE_DATABASE.format(error=error.orig), file=sys.stderr)
        return 1
    return 0


def _certificates(chosen: argparse.Namespace) -> int:
    from autograder import certificates

    return _told(lambda: certificates.made(chosen.folder))


def _doctor(chosen: argparse.Namespace) -> int:
    from autograder import doctor

    return doctor.run()


if __name__ == "__main__":
    status = main()
    gc.freeze()  # or Python looks through all that was imported once more before it ends, for about a second
    sys.exit(status)
