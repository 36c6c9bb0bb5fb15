"""Starts the zygote, looks at what it finds missing, and has it fork learners' processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autograder import cgroup, launch, messages
from autograder.sandbox import Limits, SandboxError

if TYPE_CHECKING:
    from autograder.learner import Learner


class Zygote:
    """The process that attempts are forked from. Use it as a context manager; it is restarted if it dies."""

    def __init__(self, limits: Limits | None = None, trust_submissions: bool = False):
        self.limits = limits or Limits()
        self.trust_submissions = trust_submissions
        self.missing: dict[str, str] = {}
        self._control: socket.socket | None = None
        self._process: subprocess.Popen | launch.Forked | None = None
        self._group: cgroup.Group | None = None
        self._learner: Learner | None = None

    def __enter__(self) -> Zygote:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, fork: Callable[[socket.socket, socket.socket], launch.Forked] | None = None) -> None:
        """Starts it; once more where it is killed before it is ready. Errors: SandboxError.

        fork: makes the first one from this process, given our end of its control socket, to close there, and its own.
        """
        if not (self._started(fork) or self._started()):
            assert self._process is not None
            raise SandboxError(messages.NO_ZYGOTE.format(status=self._process.wait()))
        self._limit_together()

    def look(self) -> None:
        """Asks a new one what it finds missing, before it imports anything, and ends it. Errors: SandboxError."""
        try:
            self._looked()
        finally:
            self.stop()

    def _started(self, fork: Callable[[socket.socket, socket.socket], launch.Forked] | None = None) -> bool:
        """Whether the new process is ready, and has not ended before that. Errors: SandboxError."""
        return bool((control := self._looked(fork)) and control.recv(16))

    def _looked(
        self, fork: Callable[[socket.socket, socket.socket], launch.Forked] | None = None
    ) -> socket.socket | None:
        """Where to hear more of the new process; None if it has ended before it said anything. Errors: SandboxError."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = fork(self._control, theirs) if fork else launch.zygote(theirs, self.limits)
        theirs.close()
        answer = self._control.recv(65536)
        if answer:
            self._look_at(json.loads(answer))
        return self._control if answer else None

    def _look_at(self, said: dict[str, Any]) -> None:
        """What the new process finds missing, and whether a submission may run without it. Errors: SandboxError."""
        self.missing = said["missing"]
        problem = ""
        if "stays_root" in said:
            problem = messages.STAYS_ROOT.format(problem=said["stays_root"])
        elif "seccomp" in self.missing:
            problem = messages.NO_SECCOMP.format(problem=self.missing["seccomp"])
        elif self.missing and not said["landlock"] and not self.trust_submissions:
            problem = messages.UNSAFE.format(missing="; ".join(self.missing.values()))
        if problem:
            self.stop()
            raise SandboxError(problem)

    def _limit_together(self) -> None:
        self._group = cgroup.make(self.limits)
        if self._group:
            try:
                self._group.add(self.pid)
            except OSError:  # a limit less, and a zygote all the same
                self._group.remove()
                self._group = None

    def stop(self) -> None:
        self._end_last()
        if self._control:
            self._control.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        if self._group:
            self._group.remove()
        self._control = self._process = self._group = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def spawn(self) -> Learner:
        """A fresh learner's process, when the one before is gone."""
        from autograder.learner import Ended, Learner  # imports torch: where none may run, that is known before

        self._end_last()
        for retry in (False, True):
            connection, theirs = socket.socketpair()
            reading, writing = os.pipe()
            try:
                assert self._control is not None
                socket.send_fds(self._control, [b"fork"], [theirs.fileno(), writing])
                theirs.close()
                os.close(writing)
                self._learner = Learner(connection, reading, self.limits, self._group)
                return self._learner
            except (OSError, Ended):
                connection.close()
                if retry:
                    raise
                self.stop()
                self.start()
        raise AssertionError

    def _end_last(self) -> None:
        if self._learner:
            self._learner.close()
            self._learner = None
