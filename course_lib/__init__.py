"""Down & Up: how feature maps get smaller and larger.

The rooms: ``geometry`` (sizes and windows), ``functional`` (the reference operators), ``checking`` and
``exercises`` (what ``check`` judges), ``figures`` and ``widgets`` (the pictures), ``samples`` (the data),
``course_map`` (the lessons), ``learner`` (what a notebook calls).

>>> from course_lib import check, hint, progress
"""

from __future__ import annotations

__all__ = ["check", "hint", "progress"]


def __getattr__(name: str):
    """Loads ``check``, ``hint`` and ``progress`` when first asked for, so that importing a room stays cheap."""
    if name in __all__:
        from course_lib import learner

        return getattr(learner, name)
    raise AttributeError(f"module 'course_lib' has no attribute {name!r}")
