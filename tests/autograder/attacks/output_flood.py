"""Prints without end, in one line and in many.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
for _ in range(200):
    print("x" * (1 << 20))
print("\n" * 1_000_000)


def max_pool_loops(x, kernel_size, stride):
    print("y" * (30 << 20))
    return x
