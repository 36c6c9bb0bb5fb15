"""Ends its own process by a segmentation fault.

lesson: 01_pooling
exercise: max_pool_loops
code: SG
"""

# %% max_pool_loops
import ctypes

ctypes.string_at(0)
