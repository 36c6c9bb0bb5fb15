"""Lesson 08: the transposed convolution, built three ways, one exercise a module."""

from course_lib.exercises.transposed_convolution.by_matrix import CONV_TRANSPOSE_BY_MATRIX
from course_lib.exercises.transposed_convolution.by_zeros import CONV_TRANSPOSE_BY_ZEROS
from course_lib.exercises.transposed_convolution.overlap_count import OVERLAP_COUNT
from course_lib.exercises.transposed_convolution.scatter import CONV_TRANSPOSE_SCATTER
from course_lib.exercises.transposed_convolution.transposed_output_size import TRANSPOSED_OUTPUT_SIZE

EXERCISES = (
    CONV_TRANSPOSE_SCATTER,
    CONV_TRANSPOSE_BY_MATRIX,
    CONV_TRANSPOSE_BY_ZEROS,
    TRANSPOSED_OUTPUT_SIZE,
    OVERLAP_COUNT,
)
