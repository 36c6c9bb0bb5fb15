"""Lesson 03: strided convolution, what an output sees, and what all of it costs, one exercise a module."""

from course_lib.exercises.strided_convolution.cost_audit import COST_AUDIT
from course_lib.exercises.strided_convolution.receptive_field import RECEPTIVE_FIELD
from course_lib.exercises.strided_convolution.strided_conv import STRIDED_CONV

EXERCISES = (STRIDED_CONV, RECEPTIVE_FIELD, COST_AUDIT)
