"""From a lesson's text to its notebooks.

``kernel`` boots a kernel, ``source`` reads solutions/NN_topic/NN_topic.py, ``directives`` fills in what the
exercises say, ``execute`` runs it, ``normalize`` removes what differs from run to run, ``release`` makes the
learner's notebook with nbgrader's own generate_assignment, ``course_map`` writes the README's table, ``compare``
says where two notebooks differ, and ``sync`` brings the files up to date or says which are not.
"""

from __future__ import annotations


class BuildError(Exception):
    """A lesson that cannot be built; the message says where and what to do."""
