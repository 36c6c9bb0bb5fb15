"""Lesson 10: aligning a skip, a U-Net for any size, intersection over union, and the verdict on an ablation."""

from __future__ import annotations

from course_lib.exercises.unet.ablation_verdict import ABLATION_VERDICT
from course_lib.exercises.unet.fit_skip import FIT_SKIP
from course_lib.exercises.unet.iou import IOU
from course_lib.exercises.unet.unet import UNET

EXERCISES = (FIT_SKIP, UNET, IOU, ABLATION_VERDICT)
