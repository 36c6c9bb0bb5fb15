"""Lifts the limit on printed text where it is held in its own process, and prints and raises megabytes in every cell.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""

# %% first
get_ipython().recorder.text_left = 1 << 40
print("<" * (3 << 20))
raise ValueError("<" * (3 << 20))


# %% max_pool_loops
print("<" * (3 << 20))
