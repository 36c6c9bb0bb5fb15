"""What stands between a learner's code and the machine, layer by layer.

``enter_root`` is called once, by the zygote, before it imports anything large: then it sees no network and only files
of Python, the libraries and course_lib. Every attempt gets the rest: a ``fork`` into namespaces of its own, then
limits, Landlock and seccomp, none of which can be taken back. The calls are Linux's own, through ctypes: Python 3.11
has no os.unshare, and the Landlock package has no release.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NOBODY = 65534
OURS = ("__init__", "attempt", "cells", "sandbox", "wire", "zygote")  # what runs on the learner's side
_libc = ctypes.CDLL(None, use_errno=True)
_libc_within = ctypes.PyDLL(None, use_errno=True)  # which doesn't let go of Python while it is in a call

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
APART = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS
CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID = 0x01000000, 0x00200000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_NO_NEW_PRIVS = 1, 4, 15, 38
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_GET_TID_ADDRESS = 22, 2, 40
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_CLONE = {"x86_64": 56, "aarch64": 220}
SYS_LANDLOCK = 444  # create_ruleset; add_rule and restrict_self follow


class SandboxError(Exception):
    """This machine offers too little to run a stranger's code; the message says what is missing."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes in bytes, times in seconds."""

    cell_seconds: float = 30.0
    wall_seconds: float = 60.0
    memory: int = 2 << 30
    processes: int = 64
    text: int = 1 << 20
    output: int = 16 << 20
    files: int = 64 << 20


def _call(name: str, *arguments) -> None:
    """Calls a function of libc; OSError where it fails."""
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def fork(spaces: int = 0) -> int:
    """os.fork in half its time, for a process of one thread. Errors: OSError.

    spaces: the kinds of namespaces, as the kernel's flags, that the child gets new. Where those are ``APART``, all that
    it starts ends with it; and before anything else it is to call ``map_user``.

    os.fork has libc, Python and libraries set right their locks and threads in the child, for which they write to three
    hundred pages, and the kernel copies each. Where no other thread was there, nothing is wrong. Only the number by
    which libc knows the thread is another, and that the kernel writes: after PR_GET_TID_ADDRESS, which few lack.
    """
    number, place = SYS_CLONE[os.uname().machine], ctypes.c_void_p()
    _libc.prctl(PR_GET_TID_ADDRESS, ctypes.byref(place), 0, 0, 0)
    wanted = spaces | (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID if place else 0) | signal.SIGCHLD
    # The last two arguments are in one order on x86_64, and in the other elsewhere.
    where = (place, None) if os.uname().machine == "x86_64" else (None, place)
    child = _libc_within.syscall(number, ctypes.c_ulong(wanted), None, None, *where)
    if child == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"clone: {os.strerror(error)}")
    return child


def tried(action: Callable[[], object], fork: Callable[[], int] = os.fork) -> str:
    """Why an action fails, tried in a fork so that nothing of it stays; empty where it works."""
    reading, writing = os.pipe()
    try:
        child = fork()
    except OSError as error:
        os.close(reading)
        os.close(writing)
        return str(error)
    if child == 0:
        try:
            action()
        except BaseException as error:
            os.write(writing, (str(error) or type(error).__name__).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        return said.read()


def become_nobody() -> None:
    """Gives up being root for good; an ordinary user stays who they are."""
    if os.getuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # Changing the user makes a process undumpable, and the maps of its namespaces unwritable with it.
    _call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


def die_with_parent() -> None:
    """The kernel kills this process when its parent ends."""
    _call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)


def name_process(name: str) -> None:
    """What ``ps -o comm`` shows of this process, which may be a fork with the command line of another."""
    _call("prctl", PR_SET_NAME, name.encode(), 0, 0, 0)


def use_huge_pages() -> None:
    """Lays this process's memory into pages of 2 MiB, where the kernel can (Linux 6.1), so that it forks faster.

    A fork copies the page table. Of 200 MB that is fifty thousand entries in pages of 4 KiB, and a hundred in these.
    """
    size, collapse = 2 << 20, 25  # MADV_COLLAPSE
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            where, rights, *_, path = [*line.split(maxsplit=5), ""][:6]
            begin, end = (int(address, 16) for address in where.split("-"))
            if rights == "rw-p" and path in ("", "[heap]"):
                for start in range(-(-begin // size) * size, end - size + 1, size):
                    _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), collapse)


# Namespaces ------------------------------------------------------------------------------------------------------


def map_user(uid: int, gid: int) -> None:
    """Has a new user namespace know one user and one group, this process's own outside."""
    tell("/proc/self/setgroups", "deny")
    tell("/proc/self/uid_map", f"{uid} {uid} 1")
    tell("/proc/self/gid_map", f"{gid} {gid} 1")


# Files of the kernel's, without what Python's own files do, which in a new process takes five times as long: each page
# that it writes to has to be copied.


def tell(path: str, text: str) -> None:
    """Writes a word into a file of the kernel's. Errors: OSError."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def told(path: str) -> str:
    """What the kernel says in a short file, at most 64 KiB of it. Errors: OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    finally:
        os.close(handle)


def readable_paths() -> list[str]:
    """What a learner's process may read: programs, Python, its packages, course_lib, and its own side of the grader."""
    import course_lib

    system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"]
    etc = [
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
        "passwd",
        "group",
        "nsswitch.conf",
        "localtime",
        "alternatives",
        "fonts",
    ]
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, *(entry for entry in sys.path if "site-packages" in entry)]
    ours = [Path(course_lib.__file__).parent, *(Path(__file__).with_name(f"{name}.py") for name in OURS)]
    wanted = [*system, *(f"/etc/{name}" for name in etc), *python, *map(str, ours)]
    return [path for path in dict.fromkeys(map(os.path.abspath, wanted)) if os.path.lexists(path)]


def enter_root(paths: Sequence[str]) -> None:
    """Makes a root that holds these paths, a few devices and an empty /tmp, and leaves the old one and the network.

    As root it then becomes an unprivileged user for good; an ordinary user does it in a user namespace.
    """
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        _call("unshare", CLONE_NEWNS | CLONE_NEWNET)
    else:
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
        map_user(uid, gid)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    new = tempfile.mkdtemp(prefix="down-and-up-root-")
    _mount("tmpfs", new, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for folder in ("tmp", ".old", "proc"):
        os.mkdir(f"{new}/{folder}")
    _mount("tmpfs", f"{new}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m")
    for path in sorted(paths):
        _place(path, path, new)
    for device in ("null", "zero", "full", "random", "urandom"):
        _place(f"/dev/{device}", f"/dev/{device}", new)
    number = SYS_PIVOT_ROOT[os.uname().machine]
    if _libc.syscall(number, new.encode(), f"{new}/.old".encode()) == -1:
        raise OSError(ctypes.get_errno(), "pivot_root")
    os.chdir("/")
    os.rmdir(f"/.old{new}")
    try:
        _mount("proc", "/proc", "proc", 0)
    except OSError:  # not who owns the PID namespace, as in a user's own namespace or a container without root
        _mount("/.old/proc", "/proc", None, MS_BIND | MS_REC)
    _call("umount2", b"/.old", 2)
    os.rmdir("/.old")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    become_nobody()


def _place(source: str, path: str, new: str = "") -> None:
    """Shows what lies at a path, ``source``, under the root ``new``, read-only."""
    target = new + path
    if os.path.lexists(target):
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if source == path and os.path.islink(path):
        os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        Path(target).touch()
    _mount(source, target, None, MS_BIND | MS_REC)
    device = path.startswith("/dev/")
    with contextlib.suppress(OSError):  # a user namespace may not change every mount; Landlock forbids the writing
        _mount(None, target, None, MS_REMOUNT | MS_BIND | MS_NOSUID | (0 if device else MS_RDONLY | MS_NODEV))


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind)]
    _call("mount", *encoded, ctypes.c_ulong(flags), None if data is None else data.encode())


def own_scratch(limits: Limits, paths: Sequence[str]) -> None:
    """An empty /tmp of limited size, for this process alone; no /proc any more.

    paths: what may be read. Where a course lies below /tmp, that is there again.
    """
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    below = {path: os.open(path, os.O_PATH) for path in sorted(paths) if path.startswith("/tmp/")}
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=700,size={limits.files},nr_inodes=10000")
    for path, handle in below.items():
        _place(f"/proc/self/fd/{handle}", path)
        os.close(handle)
    _mount("tmpfs", "/proc", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=555,size=4k")


# What can't be taken back ------------------------------------------------------------------------------------------


def cpu_seconds(limits: Limits) -> int:
    """What all threads of a process may compute together."""
    return int(limits.wall_seconds) + 5


def limit(limits: Limits) -> None:
    """The kernel's own limits. Memory counts from what the fork has already."""
    here = int(told("/proc/self/statm").split()[0]) * resource.getpagesize()
    for what, most in (
        (resource.RLIMIT_AS, here + limits.memory),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.files),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_seconds(limits)),
    ):
        resource.setrlimit(what, (most, most))


def drop_capabilities() -> None:
    """Gives up what a user namespace's first process may do in it."""
    drop = 24  # PR_CAPBSET_DROP, refused beyond the last one that there is
    for capability in range(64):
        if _libc.prctl(drop, capability, 0, 0, 0) == -1:
            break
    header = struct.pack("=Ii", 0x20080522, 0)
    _call("capset", header, struct.pack("=6I", *[0] * 6))


def landlock_version() -> int:
    """The Landlock version that the kernel offers, 0 without."""
    return max(0, _libc.syscall(SYS_LANDLOCK, None, 0, 1))


def landlock(read: Sequence[str], write: Sequence[str]) -> None:
    """From here on only these paths can be read (and their programs run), only those written, and no port used."""
    version = landlock_version()
    if not version:
        raise OSError("the kernel offers no Landlock")
    newest = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    everything = (1 << newest) - 1
    reading = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, read a folder
    attributes = [everything, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]  # files, TCP, scopes
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    rules = _libc.syscall(SYS_LANDLOCK, packed, len(packed), 0)
    if rules == -1:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    for paths, rights in ((read, reading), (write, everything)):
        for path in paths:
            _allow(rules, path, rights)
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.syscall(SYS_LANDLOCK + 2, rules, 0) == -1:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return  # what can't be opened can't be read either
    if not os.path.isdir(path):
        rights &= (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14) | (1 << 15)  # what makes sense for a file
    rule = struct.pack("=Qi", rights, handle)
    if _libc.syscall(SYS_LANDLOCK + 1, rules, 1, rule, 0) == -1:
        raise OSError(ctypes.get_errno(), f"landlock_add_rule {path}")
    os.close(handle)


# Calls that a notebook never needs and an attack often does. Those of the last line get memory that no process is seen
# to hold.
FORBIDDEN = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd mount umount2 mount_setattr move_mount
    open_tree fsopen fsmount fsconfig fspick pivot_root chroot unshare setns keyctl add_key request_key bpf
    perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register kexec_load kexec_file_load
    init_module finit_module delete_module open_by_handle_at name_to_handle_at swapon swapoff reboot
    sethostname setdomainname quotactl acct settimeofday clock_settime adjtimex syslog iopl ioperm
    personality lookup_dcookie nfsservctl vhangup fanotify_init migrate_pages move_pages mbind
    memfd_create memfd_secret shmget msgget semget mq_open
""".split()  # noqa: SIM905


def filter_calls() -> None:
    """seccomp: the calls above fail with EPERM, new namespaces too, and clone3 as if the kernel did not know it.

    From here on this process also dies with its parent, whatever it does.
    """
    program = ctypes.create_string_buffer(call_filter())
    instructions = struct.pack("@HP", len(call_filter()) // 8, ctypes.addressof(program))  # a struct sock_fprog
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, instructions, 0, 0)


@cache
def call_filter() -> bytes:
    """The program that filter_calls gives to the kernel; made once, before the fork, as that takes a millisecond."""
    import pyseccomp

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in FORBIDDEN:
        try:
            rules.add_rule(refuse, name)
        except (OSError, RuntimeError, ValueError):
            continue  # a call that this architecture does not have
    spaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | 0x02000000
    for bit in (1 << n for n in range(32) if spaces >> n & 1):
        rules.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, bit, bit))
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(refuse, "socket", pyseccomp.Arg(0, pyseccomp.GT, socket.AF_UNIX))  # the other families
    low = 0xFFFFFFFF  # the kernel reads this as 32 bits, whatever stands above
    rules.add_rule(refuse, "prctl", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, low, PR_SET_PDEATHSIG))
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
