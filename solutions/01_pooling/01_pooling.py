# %% [markdown]
# # 01 · Pooling: maximum, average, minimum
#
# Pooling makes a map smaller by a rule without a single parameter: take a window, keep one number. That sounds
# harmless. In this lesson you build the three classic rules, find out what each keeps and what it throws away, and
# meet four claims about them that do not survive a measurement.
#
# **When you have worked through this lesson, you can**
#
# - build max, average and min pooling with stride, padding and dilation, on signals, pictures and volumes;
# - say what padding must be for each of them, and what an average divides by;
# - predict what pooling does to a picture, a distribution and a signal in time;
# - explain why one of them goes wrong on bytes without any error.
#
# | | |
# |---|---|
# | **Time** | about 75 minutes |
# | **Points** | 16 |
# | **You should know** | the output-size law of lesson 00; slices of tensors |
# | **A claim to audit** | "After max pooling the picture is smaller, but its colours are distributed as before." |
#
# <!-- points -->

# %%
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from course_lib import check, figures, hint, samples, widgets
from course_lib.geometry import per_axis

# %% [markdown]
# ## One window at a time
#
# Here is a map of 4 × 4 numbers. A window of 2 × 2 stands in its top left corner and moves by 2, so that it reads
# every number once. Of each window we keep the largest number: that is **max pooling**.
#
# **Predict** the four numbers that come out. Then step through them.

# %% tags=["skip-execution"]
four = torch.tensor([[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3]])
widgets.pooling_stepper(four, F.max_pool2d(four[None, None], 2)[0, 0], kernel_size=2)

# %% [markdown]
# *The blue frame is the window, and the line above the maps is all that happens. Of the four numbers in a window, three
# are forgotten, and so is where the largest one stood.*
#
# That is the usual picture of pooling: it looks for a feature, keeps the strongest response, and drops its exact
# place. How much of this is true, and when it hurts, is the subject of lesson 02.

# %% [markdown]
# ## Exercise: `max_pool_loops`
#
# <!-- facts: max_pool_loops -->
#
# Build it in the most obvious way, for one map without padding: two loops over the output, and in each step the
# largest number of one window.
#
# - `x` has the shape `(H, W)`; the output has as many rows and columns as windows fit whole (lesson 00).
# - Values may all be negative, and the dtype may be anything: it stays as it is.
#
# <!-- hints: max_pool_loops -->


# %% nbgrader={"grade_id": "max_pool_loops", "solution": true}
def max_pool_loops(x, kernel_size, stride):
    """Max pooling of one map, (H, W) → (H_out, W_out).

    kernel_size, stride: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    rows = (x.shape[0] - kernel_size) // stride + 1
    columns = (x.shape[1] - kernel_size) // stride + 1
    out = x.new_empty(rows, columns)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            out[i, j] = x[top : top + kernel_size, left : left + kernel_size].max()
    return out
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_max_pool_loops", "grade": true}
check(max_pool_loops)
### BEGIN HIDDEN TESTS
check(max_pool_loops, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## What a maximum does to a picture
#
# Chelsea is a cat, 300 × 451 pixels. We make her eight times smaller in each direction, in three ways: keep every
# eighth pixel; keep the **mean** of each 8 × 8 block; keep its **maximum**.
#
# **Predict:** which of the three will be the brightest? In which will the whiskers survive?

# %% tags=["skip-execution"]
cat = samples.as_float(samples.chelsea())
every_eighth = cat[:, ::8, ::8]
mean = F.avg_pool2d(cat, 8)
maximum = F.max_pool2d(cat, 8)
figures.images(cat, every_eighth, mean, maximum, titles=["Chelsea", "every 8th pixel", "mean", "maximum"])

# %% [markdown]
# *Look at the whiskers and at the pupils. Every eighth pixel tears thin lines apart; the mean smooths them away; the
# maximum keeps bright lines and makes them thicker, while it eats the dark pupils.*
#
# So "max pooling keeps what matters" is only half of a sentence. It keeps what is **large**. In a network that is
# trained with it, large comes to mean important; in a photograph it just means bright.

# %% [markdown]
# ### Audit: "the colours are distributed as before"
#
# You may read that a picture after max pooling has the same palette as before, only with fewer pixels. The three
# colours of Chelsea have these means:

# %% tags=["skip-execution", "clear-output"]
for name, picture in {"Chelsea": cat, "mean": mean, "maximum": maximum}.items():
    red, green, blue = picture.mean(dim=(1, 2)).tolist()
    print(f"{name:>8}: red {red:.3f}  green {green:.3f}  blue {blue:.3f}")

# %% [markdown]
# The mean keeps them (nearly: 300 and 451 are not divisible by 8, so some pixels are never read). The maximum does
# not. To see the effect without a cat, take a million values from a standard normal distribution, with mean 0.
#
# **Predict:** what is their mean after 2 × 2 max pooling? A little above 0, about 0.5, or about 1?

# %% tags=["skip-execution"]
torch.manual_seed(0)
noise = torch.randn(1, 1, 1000, 1000)
pooled = F.max_pool2d(noise, 2), F.avg_pool2d(noise, 2)
figures.histograms(noise, *pooled, titles=["noise", "2 × 2 maximum", "2 × 2 average"])

# %% [markdown]
# *Look at the dashed lines, the means. The maximum of four moves the whole distribution to the right by more than one
# standard deviation; the average of four leaves the middle where it was and halves the width.*

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong** for max pooling, and wrong for average pooling too, though in another way. The largest of four standard
# normal values is 1.03 on average, so max pooling makes everything larger. Average pooling keeps the mean but not the
# spread: the mean of n independent values has 1/√n of their standard deviation, here a half. This is one reason why
# networks put a normalisation behind such a layer.
#
# </details>

# %% [markdown]
# ## What padding must be
#
# Padding lets a window stand on the border. But with what should the border be filled? For a convolution the answer
# is 0. **Predict** what goes wrong if a maximum is padded with 0, on a map of negative numbers:

# %% tags=["skip-execution"]
cold = torch.tensor([[-3.0, -8, -5], [-6, -1, -9], [-4, -7, -2]])
zero_padded = F.max_pool2d(F.pad(cold[None, None], (1, 1, 1, 1)), 3, stride=2)[0, 0]
right = F.max_pool2d(cold[None, None], 3, stride=2, padding=1)[0, 0]
figures.pooling_step(cold, right, 3, kernel_size=3, stride=2, padding=1, yours=zero_padded)

# %% [markdown]
# *In the target the padding is −∞: a number that can never win. On the right it was 0, and 0 won in all four windows.*
#
# Zero padding is a mistake that no error message tells you about. Behind a ReLU, where nothing is negative, it even
# gives the right result; so it can sleep in a program for years.

# %% [markdown]
# ## From loops to slices
#
# Your loops are right, but how long do they take? (Solve `max_pool_loops` first.)

# %% tags=["varies", "skip-execution", "clear-output", "your-code"]
grey = cat.mean(dim=0)
start = time.perf_counter()
by_loops = max_pool_loops(grey, 2, 2)
seconds = time.perf_counter() - start
print(f"{by_loops.numel():,} windows by loops: {1000 * seconds:.0f} ms")

# %% [markdown]
# Python is slow at doing a small thing many times. The way out is to look at all windows at once. Take one axis
# and windows of 3 with stride 2:

# %% tags=["skip-execution"]
line = torch.tensor([2.0, 7.0, 1.0, 8.0, -2.0, 8.5, -1.0])
first, second, third = line[0:5:2], line[1:6:2], line[2:7:2]
slices = torch.stack([first, second, third])
figures.grids(line, slices, titles=["line", "the three slices"])

# %% [markdown]
# *Look at the right grid by columns: column i holds the three values of window i. Every row is a **slice** of the line
# with step `stride`, begun one position later each time.*
#
# **Predict** what the elementwise maximum of the three slices is.

# %% tags=["skip-execution", "clear-output"]
torch.maximum(torch.maximum(first, second), third), F.max_pool1d(line[None], 3, 2)[0]

# %% [markdown]
# Three operations instead of a loop over all windows, and there would be three as well on a line of a million
# values. Two questions are left:
#
# - **Dilation.** The slices are begun `dilation` positions later each time, instead of one.
# - **More axes.** The largest value of a rectangle is the largest of the largest values of its rows. So we may pool
#   along one axis first and then pool the result along the other. This is called *separable*: a window of k × k
#   costs 2 · k slices instead of k².

# %% tags=["skip-execution", "clear-output"]
wide = torch.arange(35.0).reshape(5, 7) * 11 % 37
rows_first = F.max_pool2d(wide[None, None], (1, 3))
then_columns = F.max_pool2d(rows_first, (3, 1))
torch.equal(then_columns, F.max_pool2d(wide[None, None], 3))

# %% [markdown]
# ## Exercise: `max_pool`
#
# <!-- facts: max_pool -->
#
# Build max pooling as torch has it, for signals `(N, C, T)`, pictures `(N, C, H, W)` and volumes `(N, C, D, H, W)`
# with the same lines, and without a loop over windows. A loop over the axes and over the positions *inside* one
# window is fine.
#
# - Each argument may be an int, or a tuple with one int for each spatial axis. `per_axis(value, n, name)` turns both
#   into a tuple: `per_axis(3, 2, "kernel_size")` is `(3, 3)`.
# - `stride=None` means: the same as `kernel_size`.
# - Padding counts as −∞. `F.pad(x, (left, right, top, bottom, …), value=…)` names the **last** axis first.
# - Windows that do not fit whole are left out. The dtype stays, and gradients flow.
#
# <!-- hints: max_pool -->


# %% nbgrader={"grade_id": "max_pool", "solution": true}
def max_pool(x, kernel_size, stride=None, padding=0, dilation=1):
    """Max pooling over all axes behind the first two, (N, C, *spatial) → (N, C, *pooled).

    kernel_size, stride, padding, dilation: an int, or a tuple with one int for each spatial axis.
    """
    ### BEGIN SOLUTION
    axes = x.dim() - 2
    kernel_size = per_axis(kernel_size, axes, "kernel_size")
    stride = kernel_size if stride is None else per_axis(stride, axes, "stride")
    padding = per_axis(padding, axes, "padding")
    dilation = per_axis(dilation, axes, "dilation")
    for axis, k, s, p, d in zip(range(2, 2 + axes), kernel_size, stride, padding, dilation):
        x = x.movedim(axis, -1)
        x = F.pad(x, (p, p), value=float("-inf"))
        last = x.shape[-1] - d * (k - 1)
        best = x[..., 0:last:s]
        for j in range(1, k):
            best = torch.maximum(best, x[..., j * d : j * d + last : s])
        x = best.movedim(-1, axis)
    return x
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_max_pool", "grade": true}
check(max_pool)
### BEGIN HIDDEN TESTS
check(max_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now let both of your functions pool the same cat.

# %% tags=["varies", "skip-execution", "clear-output", "your-code"]
start = time.perf_counter()
by_slices = max_pool(grey[None, None], 2)[0, 0]
faster = seconds / (time.perf_counter() - start)
print("The same result:", torch.equal(by_loops, by_slices))
print(f"Slices are {faster:.0f} times as fast as loops.")

# %% [markdown]
# ## Average pooling, and what it divides by
#
# Replace "the largest" by "the mean" and you have **average pooling**. Where a maximum picks one value and forgets
# the rest, an average lets every value count the same: it summarises and smooths.
#
# Here is a piece of code as one finds it in tutorials. **Predict** what it prints.

# %% tags=["skip-execution", "clear-output"]
# max pooling, window 2x2, stride 2
pool = nn.AvgPool2d(kernel_size=2, stride=2)
pool(four[None, None])

# %% [markdown]
# The comment says maximum; the code takes the mean. Python runs the code. It is an old slip of copying, and the shapes
# give no hint of it, since both pools make the same size. When you read code, believe the name of the class.

# %% [markdown]
# ### At the border
#
# An average is a sum divided by a count, and with padding there are two ways to count. The padding is zeros this
# time; a zero changes no sum. But does it count?
#
# **Predict:** all values are 7, the window is 3 × 3, `padding=1`. What comes out in the corner, if padded zeros count,
# and if they don't?

# %% tags=["skip-execution"]
sevens = torch.full((1, 1, 4, 4), 7.0)
counted = F.avg_pool2d(sevens, 3, stride=1, padding=1)
not_counted = F.avg_pool2d(sevens, 3, stride=1, padding=1, count_include_pad=False)
figures.grids(counted[0, 0], not_counted[0, 0], titles=["count_include_pad=True", "count_include_pad=False"])

# %% [markdown]
# *In the corner only 4 of 9 values are real. Counting all 9 gives 7 · 4 / 9 = 3.11: the picture gets a dark frame.
# Counting the real ones gives 7.* Torch's default is `True`, the dark frame.
#
# There is a third way: `divisor_override=n` divides every sum by n, whatever was counted. With n = 1 you get sums.

# %% [markdown]
# ## Exercise: `avg_pool`
#
# <!-- facts: avg_pool -->
#
# Build average pooling for pictures `(N, C, H, W)`. The sums are the easy part; take care of the divisor.
#
# - `kernel_size`, `stride` and `padding` are ints or pairs `(H, W)`; padding is zeros.
# - `count_include_pad=True` divides by the size of the window; `False` by the number of real values in it.
# - `divisor_override`, where it is given, takes the place of both.
#
# <!-- hints: avg_pool -->


# %% nbgrader={"grade_id": "avg_pool", "solution": true}
def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True, divisor_override=None):
    """Average pooling of pictures, (N, C, H, W) → (N, C, H_out, W_out).

    kernel_size, stride, padding: an int, or a pair (H, W).
    """
    ### BEGIN SOLUTION
    kernel_size = per_axis(kernel_size, 2, "kernel_size")
    stride = kernel_size if stride is None else per_axis(stride, 2, "stride")
    high, wide = per_axis(padding, 2, "padding")

    def sums(values):
        values = F.pad(values, (wide, wide, high, high))
        for axis, k, s in zip((2, 3), kernel_size, stride):
            values = values.unfold(axis, k, s).sum(-1)
        return values

    if divisor_override is not None:
        return sums(x) / divisor_override
    if count_include_pad:
        return sums(x) / (kernel_size[0] * kernel_size[1])
    return sums(x) / sums(torch.ones_like(x))
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_avg_pool", "grade": true}
check(avg_pool)
### BEGIN HIDDEN TESTS
check(avg_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Audit: an average of whole numbers
#
# "If the dtype does not fit, torch says so." **Predict** what the average of 3, 4, 3 and 4 is, as float and as int64.

# %% tags=["skip-execution", "clear-output"]
numbers = torch.tensor([[[[3, 4], [3, 4]]]])
F.avg_pool2d(numbers.float(), 2), F.avg_pool2d(numbers, 2)

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** The mean is 3.5, the output must be int64, and torch drops what stands behind the point without a word.
# Convert to float before you average: label maps and byte pictures above all.
#
# </details>

# %% [markdown]
# ## Min pooling
#
# Lists of pooling layers often name three: maximum, average and minimum. **Predict:** what does torch have for the third?

# %% tags=["skip-execution", "clear-output"]
hasattr(nn, "MaxPool2d"), hasattr(nn, "AvgPool2d"), hasattr(nn, "MinPool2d")

# %% [markdown]
# There is none. The usual advice is that none is needed, because min(x) = −max(−x). That is true of numbers. Is it true of
# bytes, which is what a picture file holds?
#
# **Predict** what this prints. The smallest byte is 0.

# %% tags=["skip-execution", "clear-output"]
bytes_ = torch.tensor([[[[0, 5, 7, 9]]]], dtype=torch.uint8)
-F.max_pool2d(-bytes_, kernel_size=(1, 4))

# %% tags=["skip-execution", "clear-output"]
-bytes_

# %% [markdown]
# *A byte has no sign: −5 becomes 256 − 5 = 251. Only −0 stays 0, and so the smallest byte is still the smallest after
# negation and can never win.* No error, no warning, and nearly right: the result is the second smallest value.

# %% [markdown]
# ## Exercise: `min_pool`
#
# <!-- facts: min_pool -->
#
# Build min pooling for pictures `(N, C, H, W)`, so that it is right for floats and for whole numbers of any dtype.
#
# - Padding must never win. For floats it is +∞; what is it for whole numbers? `torch.iinfo(x.dtype)` knows.
# - `F.pad` sends its value through a float, in which the largest int64 has no place. A tensor of the padded size, filled
#   with that value by `x.new_full(shape, value)`, into which you then write x, has no such limit.
# - The dtype stays. Where x is a float, gradients flow.
#
# <!-- hints: min_pool -->


# %% nbgrader={"grade_id": "min_pool", "solution": true}
def min_pool(x, kernel_size, stride=None, padding=0):
    """Min pooling of pictures, (N, C, H, W) → (N, C, H_out, W_out), for floats and whole numbers.

    kernel_size, stride, padding: an int, or a pair (H, W).
    """
    ### BEGIN SOLUTION
    kernel_size = per_axis(kernel_size, 2, "kernel_size")
    stride = kernel_size if stride is None else per_axis(stride, 2, "stride")
    high, wide = per_axis(padding, 2, "padding")
    largest = float("inf") if x.is_floating_point() else torch.iinfo(x.dtype).max
    n, c, h, w = x.shape
    out = x.new_full((n, c, h + 2 * high, w + 2 * wide), largest)
    out[:, :, high : high + h, wide : wide + w] = x
    for axis, k, s in zip((2, 3), kernel_size, stride):
        out = out.unfold(axis, k, s).amin(-1)
    return out
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_min_pool", "grade": true}
check(min_pool)
### BEGIN HIDDEN TESTS
check(min_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### What it is good for
#
# The maximum around a pixel minus the minimum around it is large where the brightness changes: an edge detector
# without a single parameter, known as the *morphological gradient*. It is made of your two functions.

# %% tags=["skip-execution", "your-code"]
around = dict(kernel_size=3, stride=1, padding=1)
edges = max_pool(grey[None, None], **around) - min_pool(grey[None, None], **around)
brighter = (3 * edges[0, 0]).clamp(max=1)
figures.images(grey, brighter, titles=["Chelsea in grey", "maximum − minimum, times 3"])

# %% [markdown]
# *Look at the eyes and the whiskers: every border is a line two or three pixels wide.*

# %% [markdown]
# ## A signal in time
#
# Nothing here was about pictures alone. An electroencephalogram (EEG) is a signal: voltage over time, in several
# channels. Pooled by 8, an 80 Hz recording becomes one of 10 Hz. Speech recognisers shorten their input like this
# before anything expensive happens.
#
# **Predict:** brain waves swing up and down around zero. Which of the two poolings will still swing?

# %% tags=["skip-execution"]
signal, rate = samples.eeg()
one = signal[:1, :240]
largest, middle = F.max_pool1d(one, 8), F.avg_pool1d(one, 8)
rows = {"EEG": one[0], "maximum of 8": largest[0], "mean of 8": middle[0]}
figures.signals(*rows.values(), titles=list(rows), windows=[None, 8, 8], rate=rate)

# %% [markdown]
# *The grey line is the signal itself. The maximum rides on the crests: it is an upper envelope, and it has lost how low the
# valleys are. The mean swings along, but the quick waves have cancelled out.*
#
# There is one more thing to be careful about: **where in time** does a pooled sample stand? In the picture it stands in the
# middle of its window. If you forget that, the pooled signal runs ahead of the true one; with eight samples, by 3.5
# of them.

# %% [markdown]
# ## Exercise: `pool_signal`
#
# <!-- facts: pool_signal -->
#
# Return two things: the pooled signal, and where on the old time axis its samples stand.
#
# - `signal` has the shape `(C, T)`; `mode` is `"max"` or `"avg"`. There is no padding.
# - The centre of a window over the samples a … b is (a + b) / 2, in samples; for 0 and 1 that is 0.5. The centres are
#   a float tensor with one number for each window.
#
# <!-- hints: pool_signal -->


# %% nbgrader={"grade_id": "pool_signal", "solution": true}
def pool_signal(signal, kernel_size, stride, mode):
    """Pools a signal in time, (C, T) → (C, T_out), and says where its samples stand, (T_out,).

    mode: "max" or "avg". Returns (pooled, centres), the centres in samples of the old time axis.
    """
    ### BEGIN SOLUTION
    windows = signal.unfold(-1, kernel_size, stride)
    pooled = windows.amax(-1) if mode == "max" else windows.mean(-1)
    starts = torch.arange(pooled.shape[-1]) * stride
    return pooled, starts + (kernel_size - 1) / 2
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_pool_signal", "grade": true}
check(pool_signal)
### BEGIN HIDDEN TESTS
check(pool_signal, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The same in torch
#
# You have built what `nn.MaxPool1d`, `nn.MaxPool2d`, `nn.MaxPool3d` and their `AvgPool` sisters do. As functions they are
# `F.max_pool2d` and so on. They take three things that you have not needed yet:
#
# - `ceil_mode=True` rounds the size up, as in lesson 00;
# - `return_indices=True` also says *where* each maximum stood; lesson 07 undoes a pooling with it;
# - `nn.LPPool2d(p, …)` stands between the two: the p-th root of the sum of the p-th powers. For p = 1 it is a sum, and for
#   a growing p it comes closer and closer to the maximum.
#
# **Predict:** how many numbers does a max pooling learn during training? And how many does a 2 × 2 convolution, from 64
# channels to 64?


# %% tags=["skip-execution", "clear-output"]
def learned(layer):
    return sum(parameter.numel() for parameter in layer.parameters())


learned(nn.MaxPool2d(2)), learned(nn.Conv2d(64, 64, kernel_size=2, stride=2))

# %% [markdown]
# None, and 16,448. A pooling is a fixed rule. Lesson 03 measures what that saves and what it costs.
#
# **Where it is used.** VGG halves its maps with five max poolings; ResNet has one, 3 × 3 with stride 2, right behind its first
# convolution. Nearly every classifier ends in one average over the whole map (lesson 04). Networks for speech pool along
# time; detectors use a max pooling with stride 1 to find the peaks in a map of scores.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Max pooling twice with 2 × 2 and stride 2: is it the same as once with 4 × 4 and stride 4? And average pooling?</summary>
#
# Yes for both, where the sizes are divisible by 4: a maximum of maxima is the maximum of all, and a mean of means over
# windows of equal size is the mean of all. With `count_include_pad=False` and padding the windows are no longer of equal
# size, and the second is not true any more.
#
# </details>
#
# <details><summary>2. Your max pooling is right on every picture, but a colleague says that it pads with zeros. How can both be true?</summary>
#
# The pictures came out of a ReLU or hold brightness: nothing in them is negative. Test it with negative values only.
#
# </details>
#
# <details><summary>3. A label map holds the numbers of classes: 0 sky, 1 tree, 2 car. Which of the three poolings may you use on it?</summary>
#
# None of them with a good meaning. The mean of sky and car would be tree; the maximum prefers whatever class was numbered
# last. Take every k-th pixel, or the most frequent class of a window.
#
# </details>

# %% [markdown]
# Next comes [lesson 02](../02_backward_and_shift/02_backward_and_shift.ipynb), *Backward and shift*: where the gradient
# of a maximum goes, and whether pooling really makes a network blind to small shifts.
