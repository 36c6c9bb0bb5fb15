"""Lesson 09: pixel shuffle, its two channel orders, sub-pixel convolution, ICNR, and the energy of phases."""

from __future__ import annotations

from course_lib.exercises.pixel_shuffle.depth_to_space import DEPTH_TO_SPACE
from course_lib.exercises.pixel_shuffle.icnr import ICNR
from course_lib.exercises.pixel_shuffle.phase_energy import PHASE_ENERGY
from course_lib.exercises.pixel_shuffle.pixel_shuffle import PIXEL_SHUFFLE
from course_lib.exercises.pixel_shuffle.sub_pixel_as_transposed import SUB_PIXEL_AS_TRANSPOSED

EXERCISES = (PIXEL_SHUFFLE, DEPTH_TO_SPACE, SUB_PIXEL_AS_TRANSPOSED, ICNR, PHASE_ENERGY)
