"""Has nbgrader write the feedback of a graded assignment: its own generate_feedback."""

from __future__ import annotations

import logging
from pathlib import Path

from autograder.course import Course, settings

LOG = "nbgrader.log"


def generate(course: Path, assignment: str) -> None:
    """Writes feedback/LEARNER/ASSIGNMENT/ASSIGNMENT.html for everybody; what nbgrader says goes into nbgrader.log."""
    from nbgrader.converters import GenerateFeedback

    config = settings(course)
    config.CourseDirectory.assignment_id = assignment
    log = logging.Logger("nbgrader", logging.INFO)
    kept = logging.FileHandler(course / LOG, encoding="utf-8")
    log.addHandler(kept)
    try:
        GenerateFeedback(coursedir=Course(config=config), config=config, log=log).start()
    finally:
        kept.close()
