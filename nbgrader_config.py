"""nbgrader's settings: where the course keeps what, and how a release is made.

nbgrader reads this file from the directory it is called in: run its commands at the repository's root.
"""

import os
from pathlib import Path

from nbgrader.coursedir import CourseDirectory

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "down_and_up"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"

# Another gradebook than gradebook.db here, such as postgresql://USER@HOST/DATABASE: see docs/postgresql.md.
if database := os.environ.get("DOWN_AND_UP_DB"):
    c.CourseDirectory.db_url = database

# nbgrader copies every other file of a lesson's folder into the release; the text source holds the solutions.
c.CourseDirectory.ignore = [*CourseDirectory.ignore.default(), "*.py"]

# Demonstration cells keep their pictures in the release. Cells that the build has tagged lose their outputs.
# (Here alone: formgrader shows a submission's outputs, with the same tags.)
release = c.GenerateAssignment.NotebookExporter
release.ClearOutput.enabled = False
release.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
release.TagRemovePreprocessor.remove_all_outputs_tags = {"clear-output"}

# Submissions are rebuilt from the instructor's cells and run in a sandbox, on the command line and in formgrader
# alike, and what learners wrote is cleaned of scripts before a browser shows it. With the variable
# DOWN_AND_UP_GRADER=stock nbgrader stays as it is.
if os.environ.get("DOWN_AND_UP_GRADER") != "stock":
    c.Autograde.exporter_class = "autograder.replay.Submission"
    # nbgrader's own, by their names since to import them takes half a second, with Replay in the place of Execute.
    c.Autograde.autograde_preprocessors = [
        "autograder.replay.Replay",
        "nbgrader.preprocessors.IgnorePattern",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
        "autograder.replay.Review",
    ]
    c.HTMLExporter.filters = {name: f"autograder.sanitize.{name}" for name in ("markdown2html", "highlight_code")}
    c.HTMLExporter.preprocessors = ["autograder.sanitize.Sanitize"]
    c.ExchangeFactory.collect = "autograder.collect.Collect"
    # What one submission may use: see autograder.sandbox.Limits.
    c.Submission.limits = {}

# Seconds that one cell may take where nbgrader itself runs it. Its own 30 are few for loops on a slow machine.
c.Execute.timeout = 120

# The secret behind the seeds of the hidden checks; without it they are the public ones. Never commit it.
secret = Path(__file__).with_name(".course_secret")
if secret.is_file():
    os.environ["DOWN_AND_UP_SECRET"] = secret.read_text(encoding="utf-8").strip()
