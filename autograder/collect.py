"""Collects from nbgrader's exchange: ``nbgrader collect`` and formgrader's button, for learners who may be hostile.

Everybody may write into the exchange's inbound folder, and nbgrader's own collect copies as the instructor: it follows
links, only warns where one learner hands in under another's name, and stops where one folder is broken.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import parse_utc

from autograder import messages
from autograder.course import plain_files, read

# How much later than it says a submission may have been written before the instructor is told.
SLACK = timedelta(minutes=10)


class Collect(ExchangeCollect):
    """nbgrader's collect, which takes plain files from their owners alone and leaves out whatever else lies there."""

    src_records: list[dict]

    def init_src(self) -> None:
        super().init_src()
        self.src_records = [record for record in self.src_records if record["username"]]

    def _path_to_record(self, path: str) -> dict:
        """nbgrader's record of a folder in inbound; its username is empty where the folder is not to be collected."""
        name = os.path.basename(path)
        try:
            student, _, said = name.rsplit("+", 3)[:3]
            handed_in = parse_utc(said)
            found = os.lstat(path)
            reason = self._refused(path, student, found)
        except (ValueError, OverflowError, OSError) as error:
            reason = messages.NO_SUBMISSION.format(error=error)
        if reason:
            self.log.warning(messages.NOT_COLLECTED.format(name=name, reason=reason))
            return {"username": "", "filename": name, "timestamp": datetime.min}
        written = datetime.fromtimestamp(found.st_ctime, UTC).replace(tzinfo=None)
        if written - handed_in > SLACK:
            self.log.warning(messages.BACKDATED.format(name=name, written=written.isoformat(" ", "seconds")))
        return {"username": student, "filename": name, "timestamp": handed_in}

    def _refused(self, path: str, student: str, found: os.stat_result) -> str:
        """Why a folder is not collected; empty where it is."""
        if not stat.S_ISDIR(found.st_mode):
            return messages.NO_FOLDER
        if self.check_owner and student != (owner := _name(found.st_uid)):
            return messages.NOT_THEIRS.format(owner=owner, student=student)
        if self.get_size(path) > 1000 * self.coursedir.max_dir_size:
            return messages.TOO_LARGE.format(size=self.coursedir.max_dir_size)
        return ""

    def do_copy(self, src: str, dest: str, log=None) -> None:
        """Copies a submission: first its plain files, without following a link, then nbgrader's own way."""
        name = os.path.basename(src)
        with tempfile.TemporaryDirectory(prefix="down-and-up-") as scratch:
            taken = Path(scratch, name)
            taken.mkdir()
            for file in plain_files(src):
                try:
                    content = read(self.inbound_path, (name, *Path(file).parts), 1000 * self.coursedir.max_dir_size)
                except OSError as error:
                    self.log.warning(messages.NOT_COLLECTED.format(name=f"{name}/{file}", reason=f"{error.strerror}."))
                    continue
                (taken / file).parent.mkdir(parents=True, exist_ok=True)
                (taken / file).write_bytes(content)
            # nbgrader reads these two without care; the name is what submissions were sorted by.
            (taken / "timestamp.txt").write_text(name.rsplit("+", 3)[2], encoding="utf-8")
            key = taken / "submission_secret.txt"
            if not (key.is_file() and re.fullmatch(rb"[0-9a-f]{128}", key.read_bytes())):
                key.write_text(secrets.token_hex(64), encoding="utf-8")
            super().do_copy(str(taken), dest, log)


def _name(uid: int) -> str:
    import pwd  # not on Windows, where nbgrader has no exchange

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
