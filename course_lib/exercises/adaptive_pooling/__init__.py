"""Lesson 04: adaptive bins, adaptive pooling, spatial pyramid pooling, and a broken pyramid to repair."""

from __future__ import annotations

from course_lib.exercises.adaptive_pooling.adaptive_bins import ADAPTIVE_BINS
from course_lib.exercises.adaptive_pooling.adaptive_pool import ADAPTIVE_POOL
from course_lib.exercises.adaptive_pooling.repaired_pyramid import REPAIRED_PYRAMID
from course_lib.exercises.adaptive_pooling.spatial_pyramid_pool import SPATIAL_PYRAMID_POOL

EXERCISES = (ADAPTIVE_BINS, ADAPTIVE_POOL, SPATIAL_PYRAMID_POOL, REPAIRED_PYRAMID)
