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
TEXT_CUT = "This notebook printed more than is kept; the rest was cut off."
GARBLED = "What came back from the call could not be understood."

# The problems of work that cannot be run at all, by their names in course_lib.checking.messages.
PROBLEMS = ("NOT_DEFINED", "NOT_A_CLASS", "NOT_A_PLAIN_FUNCTION", "SIGNATURE")
