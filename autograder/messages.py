"""Every sentence that grading can say to a learner or an instructor, whole and in one place."""

from __future__ import annotations

# How a learner's process can end before its notebook does; limits are sandbox.Limits.
ENDED = {
    "SG": "While this notebook ran, its process ended by itself ({detail}). The cells after that were not run, and their checks get no points.",
    "TO": "This notebook ran longer than it may ({limits.wall_seconds:g} seconds, {limits.cell_seconds:g} for one cell) and could not be interrupted. Is there a loop that never ends?",
    "ML": "This notebook took more memory than it may. Look for a list or a tensor that keeps growing.",
    "OL": "This notebook wrote more output than it may, or something that is no output. Remove the print that floods.",
    "XX": "The grader itself failed ({detail}). This is not the learner's fault: grade this submission again.",
}
UNSAFE = "This machine offers neither namespaces ({missing}) nor Landlock, so a submission could read and change whatever you can. Run `python -m autograder doctor` to see what is missing; or, if you know every learner, grade with --trust-submissions."
TEXT_CUT = "This notebook printed more than is kept; the rest was cut off."
GARBLED = "What came back from the call could not be understood."

# The problems of work that cannot be run at all, by their names in course_lib.checking.messages.
PROBLEMS = ("NOT_DEFINED", "NOT_A_CLASS", "NOT_A_PLAIN_FUNCTION", "SIGNATURE")

# What is strange about a submission, for the instructor.
ANOMALIES = {
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
