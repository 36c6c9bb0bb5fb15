"""Does nbgrader_config.py plug the grader into nbgrader, and leave the rest of nbgrader as it is?"""

from __future__ import annotations

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from traitlets.utils.importstring import import_item

from autograder.course import settings
from autograder.replay import Replay, Review
from tests.conftest import ROOT


def test_a_submission_goes_nbgraders_own_way_but_is_not_executed_by_it() -> None:
    steps = [import_item(name) for name in settings(ROOT).Autograde.autograde_preprocessors]
    its_own = Autograde.autograde_preprocessors.default()
    assert Execute in its_own
    assert steps == [Replay if part is Execute else part for part in its_own] + [Review]
