"""The instructor's side of Down & Up: building the lessons and grading what learners hand in."""
