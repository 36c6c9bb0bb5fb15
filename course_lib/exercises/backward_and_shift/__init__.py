"""Lesson 02: where gradients of pooling go, and what a shift does, one exercise a module."""

from course_lib.exercises.backward_and_shift.avg_pool_backward import AVG_POOL_BACKWARD
from course_lib.exercises.backward_and_shift.blur_pool import BLUR_POOL
from course_lib.exercises.backward_and_shift.max_pool_backward import MAX_POOL_BACKWARD
from course_lib.exercises.backward_and_shift.shift_consistency import SHIFT_CONSISTENCY
from course_lib.exercises.backward_and_shift.tie_routing import TIE_ROUTING

EXERCISES = (MAX_POOL_BACKWARD, TIE_ROUTING, AVG_POOL_BACKWARD, SHIFT_CONSISTENCY, BLUR_POOL)
