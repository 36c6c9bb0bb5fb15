"""Shows forty thousand outputs of one letter, over each of which nbgrader and a browser take their time.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""

# %% first
import sys

recorder = get_ipython().recorder
recorder.text_left = recorder.rich_left = 1 << 40
for _ in range(20_000):
    print("a", end="")
    print("b", end="", file=sys.stderr)
