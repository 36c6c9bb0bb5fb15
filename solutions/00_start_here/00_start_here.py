# %% [markdown]
# # 00 · Start here
#
# A convolutional network is a chain of maps that get smaller and then, often, larger again. This course is about
# those two movements: what they compute, what they lose, what they cost, and how to build each of them yourself.
#
# **When you have worked through this lesson, you can**
#
# - run a check, read what it says, and ask for a hint;
# - say how large the output of any pooling or convolution is, before you run it;
# - say which rows and columns of a picture a network never looks at;
# - use four small probes that expose what an operator really does.
#
# | | |
# |---|---|
# | **Time** | about 40 minutes |
# | **Points** | 6 |
# | **You should know** | Python functions, and what the shape of a tensor is |
# | **A claim to audit** | "The size of the input must be divisible by the size of the pooling window." |
#
# Many texts make that claim. At the end of this lesson you will rule on it, with numbers of your own.

# %% [markdown]
# ## Does everything work?
#
# Click into the next cell and press **Shift + Enter**. It loads what this lesson needs and says what it found.

# %% tags=["varies", "clear-output"]
import platform

import torch
import torch.nn.functional as F

from course_lib import check, figures, hint, progress, samples, widgets

print("Python", platform.python_version(), "and torch", torch.__version__)
print("A GPU is here." if torch.cuda.is_available() else "No GPU: the processor will do.")

# %% [markdown]
# If you see two lines and no error, you are ready. If `course_lib` is not found, Jupyter was started outside the
# course's environment: close it, go to the folder of the course and call `make lab`.

# %% [markdown]
# ## How a lesson works
#
# Each idea climbs the same ladder:
#
# 1. **predict** what will happen, before you run anything;
# 2. **run** it, and see whether you were right;
# 3. see **why**, in a picture;
# 4. **build** it yourself;
# 5. **check** it: your function is compared with torch, on inputs chosen to find mistakes;
# 6. see what **torch** offers for the same thing.
#
# Please do predict. A wrong prediction is the moment in which you learn something; a result that you merely read
# is forgotten by tomorrow.

# %% [markdown]
# ### What a check tells you
#
# Here is an attempt at the exercise of this lesson. The function should say how many outputs a pooling window
# makes on an axis. The attempt is wrong on purpose.


# %% tags=["skip-execution"]
def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """How many windows fit on an axis? A first guess: divide the size by the stride."""
    return size // (kernel_size if stride is None else stride)


check(output_size)

# %% [markdown]
# Read the report from the top:
#
# - **The title** gives the points. An exercise has several *facets*, each with points of its own, so half of the
#   way counts.
# - **Then what is wrong**, for the first facet that failed. Where your result is exactly that of a mistake that
#   many people make, the report names it and says what to do instead.
# - **Then the evidence**: the call that failed, so that you can repeat it in a cell of your own.
#
# The number under the report is the points once more, for the grader. You may run a check as often as you like.

# %% [markdown]
# ### When you are stuck
#
# `hint(output_size)` gives a nudge; called again, it gives more. The same hints stand folded under each exercise.
# Taking a hint costs nothing.

# %% [markdown]
# ### When you are done
#
# Press **Validate** in the toolbar. It runs the whole notebook from top to bottom in a fresh kernel, as the
# grader will, and names the checks that do not have all their points yet ("partial credit" can mean none at all). If
# you take the course in a class, hand in through the *Assignments* tab or in the way that your instructor tells you.
# The grader runs the same checks on further inputs, which are drawn afresh: a solution that only knows the visible
# inputs does not pass.

# %% [markdown]
# ## How many windows fit?
#
# A pooling window reads `kernel_size` neighbouring positions and makes one number of them. Then it moves on by
# `stride` positions and does it again. In pooling, the stride is `kernel_size` unless you say otherwise.
#
# **Predict.** An axis has 5 positions, and the window reads 2. How many numbers come out, and which positions
# are read?

# %% tags=["skip-execution", "clear-output"]
five = torch.tensor([[10.0, 20.0, 30.0, 40.0, 50.0]])
F.max_pool1d(five, kernel_size=2)

# %% [markdown]
# Two numbers, and the 50 has vanished. The picture shows why: the last window does not fit.

# %% tags=["skip-execution"]
figures.window_coverage(5, kernel_size=2)

# %% [markdown]
# *Look at the ✗: no window reads position 4. Torch says nothing about it; it is not an error.*
#
# A third window would need a position 5, which does not exist. So torch leaves it out and **rounds down**.

# %% [markdown]
# ### The law
#
# Put the window at its leftmost place and push it to the right as far as it goes. The number of outputs is
#
# $$\text{output size} = \left\lfloor \frac{\text{size} + 2 \cdot \text{padding} - \text{span}}{\text{stride}} \right\rfloor + 1
# \qquad \text{with} \quad \text{span} = \text{dilation} \cdot (\text{kernel\_size} - 1) + 1 .$$
#
# Read it as a sentence: *the room that the window has, divided by the length of a step, rounded down; plus one
# for the place where it started.* There are three more words in it:
#
# - **padding** adds so many positions at both ends, hence the 2;
# - **dilation** spreads the positions that one window reads: every second, every third … So the window gets longer
#   without reading more; its length is the **span**;
# - the **brackets** round down. With `ceil_mode=True` they round up, and a window may hang over the end.

# %% [markdown]
# **Predict.** The first layer of a ResNet has `kernel_size=7, stride=2, padding=3`, and a picture has 224 columns.
# How many come out? Then comes a max pooling with `kernel_size=3, stride=2, padding=1`. And now?

# %% tags=["skip-execution", "clear-output"]
columns = torch.zeros(1, 1, 224)
after_first = F.max_pool1d(columns, kernel_size=7, stride=2, padding=3)
after_second = F.max_pool1d(after_first, kernel_size=3, stride=2, padding=1)
print(columns.shape[-1], "→", after_first.shape[-1], "→", after_second.shape[-1])

# %% [markdown]
# (224 + 6 − 7) / 2 = 111.5, rounded down to 111, plus 1 is 112. Then (112 + 2 − 3) / 2 = 55.5, so 56. The law is
# the same for pooling and for convolution, which is why we may use a pooling to ask for both.

# %% [markdown]
# ### Rounding up
#
# **Predict.** The same 5 positions and the same window of 2, now with `ceil_mode=True`. What is the third number?

# %% tags=["skip-execution", "clear-output"]
F.max_pool1d(five, kernel_size=2, ceil_mode=True)

# %% tags=["skip-execution"]
figures.window_coverage(5, kernel_size=2, ceil_mode=True)

# %% [markdown]
# *Look at the last window: it hangs over the end and finds a single value there.*
#
# There is one rule more. A window must **start** inside the input or its left padding; one that would start in the
# right padding could read nothing, so it is dropped.
#
# **Predict.** On 3 positions with `kernel_size=2, stride=2, padding=1`, rounding up gives
# ⌈(3 + 2 − 2) / 2⌉ + 1 = 3 windows. How many does torch make?

# %% tags=["skip-execution", "clear-output"]
three = torch.tensor([[10.0, 20.0, 30.0]])
F.max_pool1d(three, kernel_size=2, stride=2, padding=1, ceil_mode=True)

# %% [markdown]
# Two: the third window would start at position 3, behind the last value.

# %% [markdown]
# ### Explore
#
# Move the sliders. **Find three settings** with `kernel_size=2` in which every position is read although the size
# is odd. Then find one in which a position *in the middle* is never read.

# %% tags=["skip-execution"]
widgets.window_explorer(size=7, kernel_size=2)

# %% [markdown]
# *A row or column that lights up is one that no window reads. Whatever stands there cannot change the output.*

# %% [markdown]
# <details><summary>Some settings that answer the questions</summary>
#
# With `kernel_size=2` and size 7: `stride=1`; `ceil_mode` on; `padding=1` (then the first window hangs over on the
# left). A position in the middle is skipped whenever the stride is larger than the span: `kernel_size=2, stride=3`
# skips position 2, and at the end 5 and 6.
#
# </details>

# %% [markdown]
# ## Exercise: `output_size`
#
# <!-- facts: output_size -->
#
# Write the law as a function of whole numbers. Do not call torch's pooling; count.
#
# - `stride=None` means: the same as `kernel_size`.
# - `ceil_mode=True` rounds up and drops a last window that would start in the right padding, that is, at
#   position `size + padding` of the padded axis or later.
# - The result is an `int`. In Python `//` divides whole numbers and rounds down.
#
# <!-- hints: output_size -->


# %% nbgrader={"grade_id": "output_size", "solution": true}
def output_size(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The number of windows on an axis.

    size: number of positions on the axis, without padding.
    kernel_size, stride, padding, dilation, ceil_mode: as in torch.nn.MaxPool2d, for one axis.
    Returns an int.
    """
    ### BEGIN SOLUTION
    if stride is None:
        stride = kernel_size
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    if not ceil_mode:
        return room // stride + 1
    count = (room + stride - 1) // stride + 1
    if (count - 1) * stride >= size + padding:
        count -= 1
    return count
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_output_size", "grade": true}
check(output_size)
### BEGIN HIDDEN TESTS
check(output_size, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The claim
#
# > The size of the input must be divisible by the size of the pooling window.
#
# Let us ask torch: a picture of 5 × 5 and a window of 2 × 2. **Predict:** is it an error?

# %% tags=["skip-execution", "clear-output"]
picture = torch.arange(25.0).reshape(1, 1, 5, 5).requires_grad_()
pooled = F.max_pool2d(picture, kernel_size=2)
pooled.shape

# %% [markdown]
# No error. But something was paid for it. The gradient says what: it is zero wherever the output does not depend
# on the input. **Predict** where the gradient of the sum of all outputs is not zero.

# %% tags=["skip-execution"]
pooled.sum().backward()
maps = (picture.detach()[0, 0], pooled.detach()[0, 0], picture.grad[0, 0])
figures.grids(*maps, titles=["input", "output", "gradient"])

# %% [markdown]
# *Look at the last row and the last column of the gradient: zeros only. A value there may be as large as it
# likes, and during training nothing that led to it learns anything from this layer.*
#
# Zeros elsewhere are of another kind: those positions were read, and lost against a larger neighbour.

# %% tags=["skip-execution"]
figures.window_coverage_2d(5, kernel_size=2)

# %% [markdown]
# What can be done about it? Two things, and they are not the same:

# %% tags=["skip-execution"]
plain = F.max_pool2d(picture, kernel_size=2)
ceiled = F.max_pool2d(picture, kernel_size=2, ceil_mode=True)
padded = F.max_pool2d(picture, kernel_size=2, padding=1)
maps = (x.detach()[0, 0] for x in (plain, ceiled, padded))
figures.grids(*maps, titles=["as it is", "ceil_mode=True", "padding=1"])

# %% [markdown]
# *Compare the middle with the right: both are 3 × 3 and both read every position, but the windows lie differently.
# `ceil_mode` adds windows at the end; `padding=1` moves all of them by one.*

# %% [markdown]
# <details><summary>The verdict</summary>
#
# The claim is **wrong** as it stands: torch takes any size that at least one window fits on. What is true is weaker:
# if (size + 2 · padding − span) is not divisible by the **stride**, the positions at the end are not read, and they
# get no gradient. Divisibility is a question of the stride, not of the window: 3 × 3 windows with stride 2 fit
# exactly on 5, 7 and 9 positions. Where it matters, choose `ceil_mode` or padding on purpose; in an encoder and
# decoder it does matter, because 5 → 2 → 4 does not come back to 5 (lesson 10).
#
# </details>

# %% [markdown]
# ## Four probes
#
# A random tensor shows *that* two operators differ. A good probe shows *how*. Four of them will come back in every
# lesson:
#
# - an **impulse**, a single one among zeros: it shows which outputs a position reaches;
# - a **ramp**, a straight line: it shows where an operator looks, and whether it shifts;
# - a **step** from 0 to 1: it shows what happens at an edge;
# - **all_negative**: values below zero only, which show what the padding is.

# %% tags=["skip-execution"]
figures.probes(samples.probes(7))

# %% [markdown]
# ## Exercise: `probe_outputs`
#
# <!-- facts: probe_outputs -->
#
# Each probe has 7 positions. **Predict by hand** what max pooling with `kernel_size=3, stride=2, padding=1` makes of
# each of them, and write the numbers into the lists. Here are the probes as numbers:

# %% tags=["skip-execution", "clear-output"]
for name, probe in samples.probes(7).items():
    print(f"{name:>12}:", probe.tolist())

# %% [markdown]
# Return a dict with a list of numbers for each probe: `return {"impulse": [...], "ramp": [...], "step": [...],
# "all_negative": [...]}`.
#
# You could let torch compute the answers, and nobody would know. But the point of this exercise is the moment in
# which your head and torch disagree.
#
# <!-- hints: probe_outputs -->


# %% nbgrader={"grade_id": "probe_outputs", "solution": true}
def probe_outputs():
    """What max pooling with kernel_size=3, stride=2, padding=1 makes of each probe."""
    ### BEGIN SOLUTION
    return {
        "impulse": [0, 1, 1, 0],
        "ramp": [1, 3, 5, 6],
        "step": [0, 1, 1, 1],
        "all_negative": [-1, -3, -2, -2],
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_probe_outputs", "grade": true}
check(probe_outputs)
### BEGIN HIDDEN TESTS
check(probe_outputs, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Run this when you have your points; it draws what the probes became.

# %% tags=["clear-output", "skip-execution"]
before = samples.probes(7)
after = {name: F.max_pool1d(probe[None], 3, stride=2, padding=1)[0] for name, probe in before.items()}
figures.probes(before, after, window=(3, 2, 1))

# %% [markdown]
# *What to look at.* The impulse comes out **twice**: two windows contain it. The ramp comes out one higher than the
# middle of each window, except at the end: a maximum looks to the larger side. The step has moved to the left by
# one position. And of the negative values none became 0: what max pooling pads with is −∞.

# %% [markdown]
# ## The same in torch
#
# Torch has no function that tells an output size, but it has something better: a tensor **without memory**. On the
# device `"meta"` only shapes are computed, so that a whole network can be asked for its sizes in no time.

# %% tags=["skip-execution", "clear-output"]
huge = torch.empty(64, 3, 100_000, 100_000, device="meta")
F.max_pool2d(huge, kernel_size=3, stride=2, padding=1).shape

# %% [markdown]
# Those would have been nearly 8 terabytes. The formula, with the same names as here, stands in torch's documentation
# under *Shape* of every pooling and convolution: `torch.nn.MaxPool2d`, `torch.nn.Conv2d`.
#
# **Where it is used.** Every time two branches of a network meet, their sizes must agree: in the skips of a U-Net,
# in the pyramids of a detector, in the residual blocks of a ResNet. Most "size mismatch" errors are this law,
# forgotten for an odd number.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. A convolution has kernel_size 3, padding 1 and stride 1. What does it do to the size, and why?</summary>
#
# Nothing: (size + 2 − 3) / 1 + 1 = size. Each side gets exactly what the window needs to stand on the border.
#
# </details>
#
# <details><summary>2. "kernel_size=3, stride=2, padding=1 halves the size." For which sizes is that exact?</summary>
#
# ⌊(size + 2 − 3) / 2⌋ + 1 = ⌊(size − 1) / 2⌋ + 1, which is size / 2 for even sizes and (size + 1) / 2 for odd ones:
# 255 becomes 128.
#
# </details>
#
# <details><summary>3. When does a position in the middle get no gradient, whatever the values are?</summary>
#
# When no window reads it: the stride is larger than the span, or dilation skips it in every window.
#
# </details>

# %% [markdown]
# ## Your course
#
# This is the whole way.
#
# <!-- map -->

# %% [markdown]
# And this is how far you are:

# %% tags=["varies", "clear-output", "skip-execution"]
progress()

# %% [markdown]
# Next: [01 · Pooling](../01_pooling/01_pooling.ipynb), where you build the operators whose sizes you can now tell.
