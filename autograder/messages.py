"""Every sentence that grading can say to a learner or an instructor, whole and in one place."""

from __future__ import annotations

from typing import NamedTuple

# How a learner's process can end before its notebook does; limits are sandbox.Limits.
ENDED = {
    "SG": "While this notebook ran, its process ended by itself ({detail}). The cells after that were not run, and their checks get no points.",
    "TO": "This notebook ran longer than it may ({limits.wall_seconds:g} seconds, {limits.cell_seconds:g} for one cell) and could not be interrupted. Is there a loop that never ends?",
    "ML": "This notebook took more memory than it may. Look for a list or a tensor that keeps growing.",
    "OL": "This notebook printed, drew or returned more than it may, or something that is no output. Look for a print that floods, or a result that is far too large.",
    "XX": "The grader itself failed ({detail}). This is not the learner's fault: grade this submission again.",
}
UNSAFE = "This machine offers neither namespaces ({missing}) nor Landlock, so a submission could read and change whatever you can. Run `python -m autograder doctor` to see what is missing; or, if you know every learner, grade with --trust-submissions."
STAYS_ROOT = "You are root here and may not become anybody else ({problem}), so a submission would run as root. Grade as an ordinary user, or allow this container to change its user (CAP_SETUID and CAP_SETGID). `python -m autograder doctor` shows the rest."
NO_ZYGOTE = "The process that notebooks are to run in ended before it was ready, twice, the last time with status {status}. What it said stands above; if it said nothing, look whether the machine has run out of memory."
NO_SECCOMP = "seccomp does not work here ({problem}). Install Debian's libseccomp2 and the Python package pyseccomp; then grade again."
CELL_LATE = "A cell of this notebook ran longer than it may ({limits.cell_seconds:g} seconds) and was interrupted. Is there a loop that never ends?"
TEXT_CUT = "This notebook printed more than is kept; the rest was cut off."
_PROCESSES = (
    "This notebook started more processes or threads than it may. Start fewer, and wait for each of them to end."
)
_FILES = "This notebook wrote more into files than it may. Write less, or delete what is no longer needed."
_MEMORY = "This notebook asked for more memory at once than it may. Is a tensor's size what you meant it to be?"
# What a limit's error says, as Python and torch word it, and what that means.
BREACHES = {
    "BlockingIOError: [Errno 11]": _PROCESSES,
    "can't start new thread": _PROCESSES,
    "[Errno 27]": _FILES,
    "[Errno 28]": _FILES,
    "MemoryError": _MEMORY,
    "can't allocate memory": _MEMORY,
}
GARBLED = "What came back from the call could not be understood."

# The problems of work that cannot be run at all, by their names in course_lib.checking.messages.
PROBLEMS = ("NOT_DEFINED", "NOT_A_CLASS", "NOT_A_PLAIN_FUNCTION", "NO_SIGNATURE", "ASYNC", "GENERATOR", "SIGNATURE")

# What is strange about a submission, for the instructor.
ANOMALIES = {
    "not a plain file": "The submitted file is a link or no plain file, which is not followed; it is graded as if nothing had been answered.",
    "missing file": "The notebook is missing from the submission; it is graded as if nothing had been answered.",
    "too large": "The submitted file is too large to be read; it is graded as if nothing had been answered.",
    "not a notebook": "The submitted file is not a notebook; it is graded as if nothing had been answered.",
    "broken cells": "Some cells of the submitted file are no cells of a notebook; they are left out.",
    "duplicated": "The cell {grade_id} is there more than once; the first one counts.",
    "deleted": "The cell {grade_id} was deleted; it is graded as it was released.",
    "edited": "The learner changed the cell {grade_id}, which is not theirs to change; the original was run.",
    "retyped": "The cell {grade_id} was given another type; it is graded as what it was released as.",
    "unknown": "The cell {grade_id} claims to be graded, but this assignment has no such cell; it is run as a cell of the learner's own.",
}

# The heading of what the learner and the instructor are told at the top of a graded notebook.
NOTE = "From the grader"
NO_SCORE = "What this cell showed can't be read as a score, so it gets no points."
NO_CONTROL = "In this notebook an assert that must fail did not, so its tests mean nothing and give no points. Something changes what assert, ==, or a comparison of torch or numpy does; take that out."
NOT_LINUX = "Grading needs Linux, for its sandbox: use a Linux machine or container, or, if you know every learner, plain nbgrader with DOWN_AND_UP_GRADER=stock."

# What is wrong with the course, for its instructor.
EMPTY_SECRET = "{path} is empty. Remove it, so that a new secret is made; or put your own into it."
STRUCTURE = "CourseDirectory.directory_structure is {structure!r}; grading needs the learner and the assignment each as a folder of its own, as in nbgrader's default."
NO_SOURCE = "There is no notebook of the assignment {assignment!r} in {folder}."
NO_RELEASE = "nbgrader cannot make the release of {assignment!r}.\n{said}"
SECRET_MADE = (
    "A secret for the seeds of the hidden checks was made: {path}/.course_secret. Keep it, and never hand it out."
)

# What `python -m autograder grade` says.
OUTCOMES = {"OK": "ok", "SG": "ended", "TO": "time", "ML": "memory", "OL": "output", "XX": "no grade"}
SUMMARY = "{total} submissions in {seconds:.1f} s: {written} graded, {kept} unchanged since the last time, {failed} without a grade."
NO_ASSIGNMENT = "There is no assignment {name!r}; the source folder has {known}."
NO_STUDENT = "{name!r} has handed in nothing: there is no such folder in {folder}."
NOTHING = "There is nothing to grade: no submission of an assignment lies in {folder}."
BUSY = "Another grading of this course is running; let it end, or stop it."
BAD_NAME = "The name of this folder holds what no gradebook takes: a line break, an invisible character, or bytes that are not UTF-8. Rename the folder and grade again."
LONG_NAME = "The name of this folder has more than the 128 characters that nbgrader's gradebook takes on this database. Rename the folder and grade again."
UNREADABLE = "The submission can't be read: {error}. Mend that and grade again."
NOT_WRITTEN = "nbgrader could not write the grade: {said}"
INTERRUPTED = "Stopped. What is graded so far is kept; the same command goes on from here."
DATABASE = "The gradebook says: {error}. Grading stopped; what is graded so far is kept. Mend that, and the same command goes on from here."
BAD_DATABASE = "This is no database that a gradebook can be in. Name one as sqlite:///gradebook.db, or as postgresql://USER@HOST:PORT/DATABASE; in a name or password, write @ as %40, / as %2F, : as %3A and % as %25."
NO_DRIVER = "For a gradebook on {name}, a driver is missing here ({error}). For PostgreSQL, install this course with its extra: pip install -c constraints.txt -e '.[scale]'; with conda: conda install psycopg."
NO_GRADEBOOK = "The gradebook {where} cannot be opened: {error}"
UNREADABLE_DATABASE = "The gradebook cannot be read: {error}"
BUSY_DATABASE = "Another grading is writing into this gradebook ({who}). Let it end, or stop it."
DATABASE_LOST = "The gradebook's server is away: {error}. Trying again in {seconds:g} s."
DATABASE_CONFLICT = (
    "Somebody else changed the same grades in this moment: {error}. Writing them again in {seconds:g} s."
)
DATABASE_AWAY = "The gradebook's server did not come back: {error}. Grading stopped; what is graded so far is kept. When the server runs again, the same command goes on from here."
PASSWORD_SHOWN = "The password in --db can be read by everybody on this machine while this runs. Put it into ~/.pgpass, or the whole address into the variable DOWN_AND_UP_DB."
DISK = "{error}. Grading stopped; what is graded so far is kept. Mend that, and the same command goes on from here."


# What `nbgrader collect` says of a folder or file in the exchange.
NOT_COLLECTED = "Not collected: {name}. {reason}"
NO_SUBMISSION = "It is no submission ({error})."
NO_FOLDER = "It is no folder, or a link, which is not followed."
NOT_THEIRS = "It is handed in for {student!r} and belongs to {owner!r}. If your learners' ids are not their names on this machine, set ExchangeCollect.check_owner = False."
TOO_LARGE = "It is larger than CourseDirectory.max_dir_size, {size} kB."
BACKDATED = "{name} was last changed at {written} UTC, later than it says it was handed in."


# What `python -m autograder doctor` says.
class Layer(NamedTuple):
    """One layer of the sandbox: its title, what its absence lets through, and how to get it."""

    title: str
    without: str
    advice: str


_CONTAINER = "in a container, start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, or grade on the host. On the host, allow unprivileged user namespaces."
LAYERS = {
    "user": Layer(
        "user namespace",
        "the namespaces below cannot be made, and Landlock and seccomp alone have to hold.",
        _CONTAINER,
    ),
    "mount": Layer(
        "mount namespace",
        "a submission shares its scratch folder's file system with others; Landlock still limits what it opens.",
        _CONTAINER,
    ),
    "process": Layer(
        "PID namespace",
        "a process that a submission leaves behind may go on living after its notebook, and where Landlock is older than version 6, stop those of other submissions.",
        _CONTAINER,
    ),
    "network": Layer("network namespace", "seccomp alone keeps a submission off the network.", _CONTAINER),
    "ipc": Layer(
        "IPC namespace", "submissions that run at the same time could pass notes through shared memory.", _CONTAINER
    ),
    "root": Layer(
        "root of its own",
        "a submission sees the names of the machine's files; Landlock still keeps it from opening them.",
        _CONTAINER,
    ),
    "landlock": Layer(
        "Landlock",
        "the namespaces alone keep a submission from the machine's files.",
        "a kernel from 5.13 on, with `landlock` in its `lsm=` line; `cat /sys/kernel/security/lsm` shows the line.",
    ),
    "seccomp": Layer(
        "seccomp",
        "no submission is graded, because a fault in the kernel would be within its reach.",
        "`apt install libseccomp2`, and `pip install pyseccomp`.",
    ),
    "uid": Layer(
        "unprivileged user",
        "a submission would run as root, for whom the kernel's limit on processes does not hold.",
        "allow this process to change its user, which containers forbid by dropping CAP_SETUID; or start it as an ordinary user.",
    ),
    "limits": Layer(
        "kernel's limits (rlimits)",
        "a submission can take all memory, processes and disk.",
        "raise the hard limits of this shell; `ulimit -H -a` shows them.",
    ),
    "group": Layer(
        "cgroup for each zygote",
        "memory is looked at ten times a second and processes are counted by user, so a burst of many small processes can for a moment take more than it may.",
        "start it as `systemd-run --user --scope -p Delegate=yes python -m autograder grade`, or where /sys/fs/cgroup is writable.",
    ),
    "cgroup": Layer(
        "memory limit on the grader",
        "several processes of one submission could together take more memory than they may, for the tenth of a second between two looks.",
        "start it as `systemd-run --user --scope -p MemoryMax=8G python -m autograder grade`, or give the container a limit with `--memory`.",
    ),
}
NO_LANDLOCK = "not in this kernel"
NO_CGROUP = "none can be made; good to have"
NO_CGROUP_LIMIT = "none; good to have"
DOCTOR_TITLE = "What stands between a submission and this machine"
WITHOUT = "Without it: "
MEND = "To have it: "
SWITCH = "`sysctl -w {switch}={good}` as root; a line in /etc/sysctl.d keeps it over a restart."
TRIAL = "a notebook of one cell, run in the sandbox"
TRIAL_SILENT = "The notebook of one cell ran and said nothing."
FIT = "Submissions can be graded here, behind every layer that they need."
FIT_PARTLY = "Submissions can be graded here. What the missing layers would stop is said above."
UNFIT = "Submissions cannot be graded here. {problem}"

# What `python -m autograder demo` says.
NOT_BUILT = "There is no {path}. Run this at the repository's root, after: make build"
DEMO = "{learners} learners have handed in {lessons}. They are graded in a sandbox, and nbgrader writes their feedback; that takes about a minute."

# What `report` and `export` say.
NO_RESULTS = "The gradebook has no grade of {assignment!r}. Grade first: python -m autograder grade {assignment}"
NO_DIAGNOSIS = "The check said nothing."
IS_A_FOLDER = "{path} is a folder; name a file with --to."
RECOGNISED = "(A known misconception: {name}.)"
OUTCOMES_TOLD = {
    "OK": "ran to its end",
    "SG": "its process ended by itself",
    "TO": "took too long",
    "ML": "took too much memory",
    "OL": "wrote too much",
    "XX": "the grader failed",
}

# What `python -m autograder copy-gradebook` says.
COPIED = "{count} rows are in {where} now. The old gradebook is as it was; the course uses the new one with --db, or with the variable DOWN_AND_UP_DB."
NO_FILE = "There is no gradebook {path}."
NOT_COPIED = "Nothing was copied: {error}"
OLD_GRADEBOOK = "Nothing was copied: the two gradebooks were made by different versions of nbgrader. Make a backup of the old one, and run: nbgrader db upgrade"
NOT_EMPTY = "Nothing was copied: there are learners or assignments already in the gradebook that is to be filled. Name an empty database."

# What `grade --scheduler` and `certificates` say.
NO_DASK = "Grading on a cluster needs dask, which is not installed here: pip install 'down-and-up[scale]'."
NOT_ENCRYPTED = "{address} is not encrypted, so learners' work and grades would be open to everybody between here and there. Use tls://, with the certificates that `python -m autograder certificates` makes; tcp:// is for this machine's own 127.0.0.1."
NO_SCHEDULER = "There is no scheduler at {address} that speaks with us ({error}). Look whether it runs, whether this machine can reach it, and whether both have certificates of the same authority that still hold. docs/grading-at-scale.md says how to start one."
SCHEDULER_SILENT = "The scheduler at {address} does not answer; trying to reach it again."
SCHEDULER_LOST = "The connection to the scheduler at {address} is lost and does not come back. What is graded so far is kept. Look whether it runs, or start it and its workers again; the same command goes on from here."
NO_WORKER = "For {seconds:g} seconds there was no worker that may grade. {said}\nWhat is graded so far is kept. Start or mend the workers, and the same command goes on from here."
NO_WORKER_CAME = "None has come to the scheduler, or those that had come are gone."
WORKER_DIFFERS = "Worker {worker} is refused, because it would grade by something else than this machine: {different}. Install the same there (the same commit of the repository, with its constraints.txt), and start the worker again."
DIFFERENT = "{name} is {theirs:.12} there and {ours:.12} here"
WORKER_UNSAFE = "Worker {worker} is refused, because it cannot run a submission. It says: {problem}"
WORKER_BROKEN = "Worker {worker} is refused, because it did not say what it is ({error}). Look whether this repository is installed there, in the environment of `dask worker`."
WORKER_GONE = "Worker {worker} is gone; what it had goes to others ({count})."
WORKER_LATE = "Worker {worker} does not answer in time; what it has goes to others ({count})."
WORKER_BACK = "Worker {worker} answers again. The answer was too late and is ignored; it gets new work."
WORKER_KILLED = "its worker was gone"
WORKER_SILENT = "its worker did not answer in time"
TRIED = "tried {tries} times; the last time, {why}"
NO_CERTIFICATE = (
    "There is no {path}. `python -m autograder certificates` makes it; --certificates names another folder."
)
CERTIFICATES_THERE = "There are certificates in {folder} already. Whoever uses them would be locked out by new ones; remove them first if you want that, or name another folder."
CERTIFICATES_MADE = """\
{folder}/ has an authority of your own now, and certificates for a scheduler, for workers and for you, good for {days} days.
Whoever has one of the keys belongs to the cluster: hand them on as you would a password. ca-key.pem stays here.

1. On the scheduler's machine, with ca.pem, scheduler.pem and scheduler-key.pem:
   dask scheduler --protocol tls --port 8786 --no-dashboard --dashboard-address 127.0.0.1:0 --tls-ca-file {folder}/ca.pem --tls-cert {folder}/scheduler.pem --tls-key {folder}/scheduler-key.pem
2. On each worker's machine, in an environment of this same commit, with ca.pem, worker.pem and worker-key.pem:
   DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False dask worker tls://SCHEDULER:8786 --nworkers -1 --nthreads 1 --no-dashboard --dashboard-address 127.0.0.1:0 --tls-ca-file {folder}/ca.pem --tls-cert {folder}/worker.pem --tls-key {folder}/worker-key.pem
3. Here, with ca.pem, client.pem and client-key.pem:
   python -m autograder grade --scheduler tls://SCHEDULER:8786 --certificates {folder}"""
