"""Lesson 06: where an output looks, linear weights, bilinear, the flag for an encoder, bicubic, smaller pictures, volumes."""

from __future__ import annotations

from course_lib.exercises.interpolation.bicubic import BICUBIC
from course_lib.exercises.interpolation.bilinear import BILINEAR
from course_lib.exercises.interpolation.choose_flag import CHOOSE_FLAG
from course_lib.exercises.interpolation.downsample import DOWNSAMPLE
from course_lib.exercises.interpolation.linear_matrix import LINEAR_MATRIX
from course_lib.exercises.interpolation.source_coordinates import SOURCE_COORDINATES
from course_lib.exercises.interpolation.trilinear import TRILINEAR

EXERCISES = (SOURCE_COORDINATES, LINEAR_MATRIX, BILINEAR, CHOOSE_FLAG, BICUBIC, DOWNSAMPLE, TRILINEAR)
