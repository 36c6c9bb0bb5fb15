"""Lesson 05: batch norm, the block as a module, folding, in-place snippets, and what autograd keeps."""

from __future__ import annotations

from course_lib.exercises.cnn_block.audit_memory import AUDIT_MEMORY
from course_lib.exercises.cnn_block.batch_norm import BATCH_NORM
from course_lib.exercises.cnn_block.conv_block import CONV_BLOCK
from course_lib.exercises.cnn_block.fold_batch_norm import FOLD_BATCH_NORM
from course_lib.exercises.cnn_block.sort_snippets import SORT_SNIPPETS

EXERCISES = (BATCH_NORM, CONV_BLOCK, FOLD_BATCH_NORM, SORT_SNIPPETS, AUDIT_MEMORY)
