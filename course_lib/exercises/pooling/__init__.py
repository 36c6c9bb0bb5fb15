"""Lesson 01: max, average and min pooling, one exercise a module."""

from course_lib.exercises.pooling.avg_pool import AVG_POOL
from course_lib.exercises.pooling.max_pool import MAX_POOL
from course_lib.exercises.pooling.max_pool_loops import MAX_POOL_LOOPS
from course_lib.exercises.pooling.min_pool import MIN_POOL
from course_lib.exercises.pooling.pool_signal import POOL_SIGNAL

EXERCISES = (MAX_POOL_LOOPS, MAX_POOL, AVG_POOL, MIN_POOL, POOL_SIGNAL)
