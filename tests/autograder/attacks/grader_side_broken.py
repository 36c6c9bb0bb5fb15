"""Breaks the grader's own side in its process, so that it stumbles where it should answer.

lesson: 01_pooling
exercise: max_pool_loops
code: SG
says: TypeError: 'NoneType' object is not callable
"""

# %% max_pool_loops
import autograder.attempt

autograder.attempt.static_hits = None


def max_pool_loops(x, kernel_size, stride):
    return x.unfold(0, kernel_size, stride).unfold(1, kernel_size, stride).amax((-1, -2))
