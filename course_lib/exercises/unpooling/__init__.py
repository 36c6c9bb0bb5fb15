"""Lesson 07: from one number for each window back to a map, one exercise a module."""

from course_lib.exercises.unpooling.avg_unpool import AVG_UNPOOL
from course_lib.exercises.unpooling.max_unpool import MAX_UNPOOL
from course_lib.exercises.unpooling.up_projection import UP_PROJECTION
from course_lib.exercises.unpooling.which_identity import WHICH_IDENTITY

EXERCISES = (MAX_UNPOOL, AVG_UNPOOL, WHICH_IDENTITY, UP_PROJECTION)
