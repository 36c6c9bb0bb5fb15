"""Ends with the exit status that says that the sandbox could not be made, so that no attempt ever gets a grade.

lesson: 01_pooling
exercise: max_pool_loops
code: SG
"""

# %% first
import os

os._exit(70)
