# %% [markdown]
# # 06 · Interpolation
#
# From here on maps get larger. The simplest way needs no training: look between the pixels. Everything in it follows
# from one picture, two rulers one above the other, and so does the most misunderstood flag of torch, `align_corners`.
# This is the longest lesson; it has three parts, and a good place for a break between them.
#
# **When you have worked through this lesson, you can**
#
# - say where on the input an output looks, for nearest, nearest-exact, and both values of `align_corners`;
# - build linear, bilinear, bicubic and trilinear interpolation, each as a few weights in a row of a matrix;
# - say which `align_corners` undoes which encoder, and show it with a measurement;
# - choose a mode for a photograph, a label map, a depth map or a volume, and make things smaller without aliasing.
#
# | | |
# |---|---|
# | **Time** | about 120 minutes |
# | **Points** | 20 |
# | **You should know** | sizes and strides (lessons 00 and 03); adaptive bins (lesson 04); matrix products |
# | **A claim to audit** | "For segmentation, set align_corners=True." |
#
# <!-- points -->
#
# | part | asks | you build |
# |---|---|---|
# | **1** | Where does an output look? | `source_coordinates` |
# | **2** | What does it make of what it finds there? | `linear_matrix`, `bilinear`, `choose_flag` |
# | **3** | What if two neighbours are not enough, or too many? | `bicubic`, `downsample`, `trilinear` |

# %%
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from IPython.display import Markdown

from course_lib import check, figures, hint, samples, widgets
from course_lib.geometry import per_axis

# %% [markdown]
# ## Part 1 · Where does an output look?
#
# Four pixels are to become sixteen. Where do the other twelve come from? Torch has a function for it,
# `F.interpolate`, and it asks for a `mode`. **Predict** the 4 × 4 numbers that `"nearest"` makes of 1, 2, 3, 4. What
# will `"bilinear"` put between the 1 and the 2?

# %% tags=["skip-execution"]
two = torch.tensor([[[[1.0, 2], [3, 4]]]])
nearest = F.interpolate(two, size=4, mode="nearest")
mixed = F.interpolate(two, size=4, mode="bilinear")
figures.grids(two, nearest, mixed, titles=["input", "nearest", "bilinear"])

# %% [markdown]
# *Nearest copies each pixel four times. Bilinear goes from 1 to 2 in steps: 1, 1.25, 1.75, 2.*
#
# Why 1.25 and not 1.33? Four numbers from 1 to 2, evenly spaced, would be 1, 1.33, 1.67 and 2. Torch can do that as
# well. **Predict** what changes in the other rows:

# %% tags=["skip-execution"]
aligned = F.interpolate(two, size=4, mode="bilinear", align_corners=True)
figures.grids(mixed, aligned, titles=["align_corners=False", "align_corners=True"])

# %% [markdown]
# *Both are bilinear, both begin at 1 and end at 4, and none of the twelve values in between is the same.*
#
# So the numbers are not decided by the word "bilinear". They are decided by **where each output looks**.

# %% [markdown]
# ### A pixel is a piece, not a point
#
# Here is the picture from which everything follows. Draw the input as a ruler on which each pixel is a piece of
# length 1. Pixel 0 lies between 0 and 1, and its **centre is at ½**. Draw the output below it as a ruler of the same
# total length: if there are twice as many outputs, each is ½ long. The length of an output, measured on the input's
# ruler, is the **step**:
#
# $$\text{step} = \frac{\text{size}}{\text{output\_size}} .$$
#
# Now stand in an output and look straight up.

# %% tags=["skip-execution"]
figures.rulers(4, 8)

# %% [markdown]
# *Look at where each blue line begins. A line that bends copies the pixel that it meets; a diamond is a place between
# two centres. In each output stands what it finds: a pixel, or a place counted from the centre of pixel 0.*
#
# Four rules, and they differ in three small decisions:
#
# | | the rulers touch at | an output looks from | and finds |
# |---|---|---|---|
# | `nearest` | their ends | its left edge, i · step | a pixel: rounded down |
# | `nearest-exact` | their ends | its centre, (i + ½) · step | a pixel: rounded down |
# | linear, `align_corners=False` | their ends | its centre, (i + ½) · step | a place: (i + ½) · step − ½ |
# | linear, `align_corners=True` | their outer centres | its centre | a place: i · step, with a step of its own |
#
# **The − ½** only changes the unit of the answer: on the ruler the centre of pixel 0 is at ½, and as a place between
# pixels we want to call it 0. The usual formula (i + ½) · step − ½ has its two halves from there: one moves to the
# centre of the *output*, the other counts from the centre of the *input*.
#
# **With `align_corners=True`** the lower ruler is stretched until its first centre lies below the first centre and
# its last below the last. Between n centres there are n − 1 gaps, so that
#
# $$\text{step} = \frac{\text{size} - 1}{\text{output\_size} - 1} ,$$
#
# and no halves are needed, because we begin at a centre and count from it. The name is unlucky: it is not the corners
# of the picture that are aligned, but the *centres of its corner pixels*.

# %% [markdown]
# ### Nearest is not the nearest
#
# With 8 pixels and 4 outputs, the step is 2. **Predict** which pixels the two nearest modes copy.

# %% tags=["skip-execution", "clear-output"]
eight = torch.arange(8.0)[None, None]
for mode in "nearest", "nearest-exact":
    print(f"{mode:>13}:", F.interpolate(eight, size=4, mode=mode).flatten().tolist())

# %% [markdown]
# 0, 2, 4, 6 and 1, 3, 5, 7. The left edge of an output is where a pixel begins; its centre is the border between two,
# where rounding down on the ruler finds the second. With a step of 4, `nearest` copies the first of four pixels, 1.5
# pixels before the output's centre, and `nearest-exact` the third, half a pixel behind it. So plain `nearest` may
# shift the picture by nearly half an output. The exact mode came later, to mend that without changing what older
# programs get.
#
# ### Explore
#
# Move the sliders. **Find** a pair of sizes at which all four rules agree. Find one at which `nearest` and
# `nearest-exact` agree although the sizes differ. And look at a single output: what does each rule read then?

# %% tags=["skip-execution"]
widgets.pixel_ruler(size=8, output_size=3)

# %% [markdown]
# *With align_corners=True and few outputs, the lower ruler sticks out on both sides: the outputs are wider than the
# pieces that they stand for.*
#
# <details><summary>Some settings that answer the questions</summary>
#
# Equal sizes: every output looks at its own pixel, whatever the rule. Twice as many outputs, as from 4 to 8: the left
# edge and the centre of an output lie in the same pixel. A single output: both nearest modes differ most, pixel 0
# against the one in the middle; align_corners=False looks at the exact middle, and align_corners=True, which has no
# second centre to hold on to, at pixel 0.
#
# </details>

# %% [markdown]
# ## How many, and how far apart
#
# There are two ways to ask for a size: `size=8` says it, and `scale_factor=2` multiplies it.
#
# ### Audit: "they may be combined"
#
# > size and scale_factor can be given one at a time or together.
#
# **Predict** what torch makes of both.

# %% tags=["skip-execution", "clear-output"]
try:
    F.interpolate(two, size=4, scale_factor=2)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** It is one or the other. Each may be a single number for all axes, or one for each axis, as in
# `size=(64, 128)` or `scale_factor=(2, 1.5)`.
#
# </details>

# %% [markdown]
# ### Audit: "recompute_scale_factor=True avoids an error"
#
# > If the scale_factor is a fraction, set recompute_scale_factor=True to avoid interpolation errors.
#
# Five pixels times 1.5 is 7.5, and torch rounds down: seven outputs. But how far apart are they? 1 / 1.5 = 0.667
# would be true to the factor, and 5 / 7 = 0.714 true to the sizes. **Predict** which of these three lines are equal.

# %% tags=["skip-execution", "clear-output"]
five = torch.arange(5.0)[None, None]
asks = {
    "scale_factor=1.5": dict(scale_factor=1.5),
    "  … recomputed": dict(scale_factor=1.5, recompute_scale_factor=True),
    "size=7": dict(size=7),
}
for name, how in asks.items():
    values = F.interpolate(five, mode="linear", **how).flatten().tolist()
    print(f"{name:>17}:", "  ".join(f"{value:.3f}" for value in values))

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Misleading.** It avoids no error; it changes the values. As it stands, a factor of 1.5 means exactly that: the
# outputs are 1 / 1.5 of a pixel apart, and what does not fit at the end is cut off. Recomputed means: forget the
# factor, keep the size that it gave, and stretch. Choose the first where lengths matter (an object of 10 pixels
# becomes one of 15), the second where the ends must meet. With align_corners=True there is no difference, since only
# the sizes count there.
#
# </details>

# %% [markdown]
# ## Exercise: `source_coordinates`
#
# <!-- facts: source_coordinates -->
#
# Write the four rules as one function. It says for each output at which place it takes its value, counted in pixels
# **from the centre of pixel 0**.
#
# - `mode` is `"nearest"`, `"nearest-exact"` or `"linear"`. The nearest modes copy one pixel, so their places are
#   whole numbers; `align_corners` matters for `"linear"` alone.
# - Places may lie beyond the pixels, such as −0.25. Leave them as they are.
# - Where a `scale_factor` is given, the step is 1 / scale_factor, except with `align_corners=True`.
# - The result is a float64 tensor of `output_size` numbers: places have to be more exact than pictures.
#
# <!-- hints: source_coordinates -->


# %% nbgrader={"grade_id": "source_coordinates", "solution": true}
def source_coordinates(
    size,
    output_size,
    mode="nearest",
    align_corners=False,
    scale_factor=None,
):
    """Where each output takes its value, from the centre of pixel 0, (output_size,).

    mode: "nearest", "nearest-exact" or "linear". Returns a float64 tensor.
    """
    ### BEGIN SOLUTION
    i = torch.arange(output_size, dtype=torch.float64)
    if mode == "linear" and align_corners:
        return i * (size - 1) / max(output_size - 1, 1)
    step = size / output_size if scale_factor is None else 1 / scale_factor
    if mode == "nearest":
        return (i * step).floor()
    centres = (i + 0.5) * step
    return centres - 0.5 if mode == "linear" else centres.floor()
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_source_coordinates", "grade": true}
check(source_coordinates)
### BEGIN HIDDEN TESTS
check(source_coordinates, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2 · What does it make of what it finds?
#
# You know that an output looks at place 0.25. Pixel 0 is a quarter away and pixel 1 three quarters. **Linear
# interpolation** gives each of the two the weight *1 − distance*: ¾ of pixel 0 and ¼ of pixel 1. That is all.
#
# And at place −0.25, half outside? There is no pixel on the left, so the border pixel **repeats**: the place is
# brought back to 0.
#
# **Predict** the weights for 2 pixels and 4 outputs: a row for each output, a column for each pixel.

# %% tags=["skip-execution"]
ones = torch.eye(2)[None]
false = F.interpolate(ones, size=4, mode="linear")[0].T
true = F.interpolate(ones, size=4, mode="linear", align_corners=True)[0].T
figures.grids(false, true, titles=["align_corners=False", "align_corners=True"])

# %% [markdown]
# *Read it by rows: the first output is all pixel 0, the second one ¾ pixel 0 and ¼ pixel 1. With align_corners=True
# there are thirds in the place of quarters. Every row sums to 1.*
#
# So interpolation **is a matrix**: output = A · input. In every row of A at most two weights are not zero, however
# long the axis is; such a matrix is called *sparse*. Three things follow at once:
#
# - rows that sum to 1 leave a constant picture as it is (a *partition of unity*);
# - weights that are not negative never leave the range of the input;
# - the gradient flows back through Aᵀ: each pixel collects by its column what the outputs that read it send.

# %% [markdown]
# ## Exercise: `linear_matrix`
#
# <!-- facts: linear_matrix -->
#
# Build A with your `source_coordinates`.
#
# - The shape is `(output_size, size)` and the dtype float64, so that it serves pictures of any dtype.
# - Beyond the centres of the outer pixels the border repeats.
# - A single pixel, and a single output, are axes as well.
#
# <!-- hints: linear_matrix -->


# %% nbgrader={"grade_id": "linear_matrix", "solution": true}
def linear_matrix(size, output_size, align_corners=False, scale_factor=None):
    """The weights of linear interpolation along one axis, (output_size, size), float64."""
    ### BEGIN SOLUTION
    places = source_coordinates(size, output_size, "linear", align_corners, scale_factor)
    places = places.clamp(0, size - 1)
    left = places.floor().long()
    right = (left + 1).clamp(max=size - 1)
    fraction = places - left
    rows = torch.arange(output_size)
    matrix = torch.zeros(output_size, size, dtype=torch.float64)
    matrix[rows, left] = 1 - fraction
    matrix[rows, right] += fraction
    return matrix
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_linear_matrix", "grade": true}
check(linear_matrix)
### BEGIN HIDDEN TESTS
check(linear_matrix, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Two axes
#
# A place on a picture lies between four pixels. Go from left to right first: on the row above it and on the row below
# it you get a number each. Then go from the one number to the other. That is **bilinear** interpolation, and each of
# the four pixels ends up with the product of its two weights.
#
# **Predict** the number in the second row and second column for 2 × 2 → 4 × 4. Both places are 0.25.

# %% tags=["skip-execution", "clear-output"]
above = 0.75 * 1 + 0.25 * 2
below = 0.75 * 3 + 0.25 * 4
0.75 * above + 0.25 * below, F.interpolate(two, size=4, mode="bilinear")[0, 0, 1, 1].item()

# %% [markdown]
# In matrices: the rows get a matrix A, the columns a matrix B, and output = A · input · Bᵀ. It does not matter
# which comes first, and nothing larger than two small matrices is needed.
#
# Now a test of your picture. The same four numbers stand in the corner of a 3 × 3 map of zeros, and both maps are
# made twice as large. **Predict** which of the values in the top left corner stay the same, with align_corners=False.

# %% tags=["skip-execution", "clear-output"]
three = F.pad(two, (0, 1, 0, 1))
false = [F.interpolate(x, scale_factor=2, mode="bilinear") for x in (two, three)]
print(false[1][0, 0])
figures.grids(*false, titles=["False, from 2 × 2", "False, from 3 × 3"])

# %% [markdown]
# *The top left 3 × 3 values agree; beyond them the new zeros have a say, where the border repeated before. The step
# is ½ in both.* **Predict** the same for True.

# %% tags=["skip-execution", "clear-output"]
flag = dict(mode="bilinear", align_corners=True)
true = [F.interpolate(x, scale_factor=2, **flag) for x in (two, three)]
print(true[1][0, 0])
figures.grids(*true, titles=["True, from 2 × 2", "True, from 3 × 3"])

# %% [markdown]
# *Only the 1 is left. The step is 1/3 for two pixels and 2/5 for three, so a value in one corner of a picture depends
# on how large the picture is.*
#
# Keep that in mind for later: a network that is trained on crops and used on whole pictures sees two different steps.

# %% [markdown]
# ## Exercise: `bilinear`
#
# <!-- facts: bilinear -->
#
# Build it for pictures `(N, C, H, W)` from your `linear_matrix`.
#
# - Either `size` is given, an int or a pair (H, W), or `scale_factor`, a number or a pair. `per_axis(size, 2,
#   "size")` spreads a size over both axes.
# - A factor s turns n pixels into `int(n * s)`, and the step is 1 / s, as in `source_coordinates`.
# - The dtype stays, channels do not mix, and gradients flow. `matrix.to(x)` has the dtype of x.
#
# <!-- hints: bilinear -->


# %% nbgrader={"grade_id": "bilinear", "solution": true}
def bilinear(x, size=None, scale_factor=None, align_corners=False):
    """Bilinear interpolation of pictures, (N, C, H, W) → (N, C, H_out, W_out).

    size: an int, or a pair (H_out, W_out). scale_factor: a number, or a pair.
    """
    ### BEGIN SOLUTION
    factors = (None, None)
    if size is None:
        factors = scale_factor if isinstance(scale_factor, tuple) else (scale_factor,) * 2
        size = [int(n * factor) for n, factor in zip(x.shape[2:], factors)]
    rows, columns = (
        linear_matrix(n, out, align_corners, factor).to(x)
        for n, out, factor in zip(x.shape[2:], per_axis(size, 2, "size"), factors)
    )
    return torch.matmul(torch.matmul(rows, x), columns.T)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_bilinear", "grade": true}
check(bilinear)
### BEGIN HIDDEN TESTS
check(bilinear, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The claim: which flag is right?
#
# > For segmentation, set align_corners=True.
#
# > align_corners=False is the better default; leave it there.
#
# You find both, with equal confidence. Let us settle it with a **ramp**: a signal whose value at pixel x is x. If you
# make it smaller and then large again, and pixel 7 comes out as 6.5, then everything at pixel 7 has moved by half a
# pixel. The error on a ramp is a shift, in pixels.
#
# Two encoders make it smaller, each by a stride of 2: an average pooling of 2, and a convolution with
# `kernel_size=3, stride=2, padding=1`, whose kernel has equal weights so that it takes means too.


# %%
def average(x):
    return F.avg_pool1d(x, 2)


def convolution(x):
    return F.conv1d(x, torch.full((1, 1, 3), 1 / 3), stride=2, padding=1)


def round_trip(encoder, size, align_corners):
    """A ramp made smaller and large again: how far off each of its pixels is, (size,)."""
    ramp = torch.arange(float(size))[None, None]
    small = encoder(ramp)
    large = F.interpolate(small, size=size, mode="linear", align_corners=align_corners)
    return (large - ramp).flatten()


# %% [markdown]
# **Predict:** average pooling on 16 pixels, and back. With which flag does every pixel come home?

# %% tags=["skip-execution", "clear-output"]
for flag in False, True:
    print(f"{flag!s:>5}:", *(f"{e:5.2f}" for e in round_trip(average, 16, flag)))

# %% [markdown]
# With False, all but the two at the ends, where the border repeats. With True the errors run from +0.5 to −0.5: the
# picture is stretched, right in the middle and wrong towards the ends.
#
# Why? Because **two things have to agree**: where the encoder put its samples, and where the decoder takes them to
# be. Sample i of an average pooling is the mean of pixels 2i and 2i + 1, so it stands at 2i + ½. Sample i of the
# convolution is centred on pixel 2i. (Lesson 03 calls this the centre of its receptive field.) The widget shows both,
# and the error.
#
# **Find** the settings without an error in the middle half, the grey part. What do they have in common?

# %% tags=["skip-execution"]
encoders = {"average, k2 s2": (average, 0.5), "convolution, k3 s2 p1": (convolution, 0.0)}


def measure(name, size, align_corners):
    encoder, first = encoders[name]
    count = encoder(torch.zeros(1, 1, size)).shape[-1]
    places = first + 2 * torch.arange(count)
    return places, round_trip(encoder, size, align_corners)


widgets.ramp_explorer(measure, list(encoders), size=17)

# %% [markdown]
# *Blue dots: where the samples stand. Orange diamonds: where `interpolate` takes them to be. Where the lines between
# them are vertical, the error below is 0. At the ends the border repeats, and the convolution reads padded zeros, so
# no flag is right there.*

# %% [markdown]
# ## Exercise: `choose_flag`
#
# <!-- facts: choose_flag -->
#
# Measure four round trips: both encoders, on 16 and on 17 pixels. For each return a list of three: the **largest
# absolute error in the middle half** with `align_corners=False`, the same with `True`, and which flag is right,
# `"False"`, `"True"` or `"neither"`. Right means an error of 0.
#
# - The middle half leaves out `size // 4` pixels at each end.
# - `round_trip` above gives you the errors; you may also write your own.
#
# <!-- hints: choose_flag -->


# %% nbgrader={"grade_id": "choose_flag", "solution": true}
def choose_flag():
    """For each encoder and size a list: error with False, error with True, right flag.

    The keys are "avg_16", "avg_17", "conv_16", "conv_17"; a flag may be "neither".
    """
    ### BEGIN SOLUTION
    encoders = {
        "avg": lambda x: F.avg_pool1d(x, 2),
        "conv": lambda x: F.conv1d(x, torch.full((1, 1, 3), 1 / 3), stride=2, padding=1),
    }
    answer = {}
    for name, encoder in encoders.items():
        for size in (16, 17):
            ramp = torch.arange(float(size))[None, None]
            worst = []
            for flag in (False, True):
                small = encoder(ramp)
                large = F.interpolate(small, size, mode="linear", align_corners=flag)
                error = (large - ramp)[..., size // 4 : size - size // 4]
                worst.append(error.abs().max().item())
            flags = [str(flag) for flag, error in zip((False, True), worst) if error < 0.001]
            answer[f"{name}_{size}"] = [*worst, *(flags or ["neither"])]
    return answer
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_choose_flag", "grade": true}
check(choose_flag)
### BEGIN HIDDEN TESTS
check(choose_flag, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Predict** before you look: where neither flag is right, by how much is each of them wrong at least and at most?

# %% tags=["skip-execution", "clear-output"]
lines = ["| encoder | pixels | with False | with True |", "|---|---|---|---|"]
for name, encoder in {"average": average, "convolution": convolution}.items():
    for size in 16, 17:
        cells = []
        for flag in False, True:
            middle = round_trip(encoder, size, flag)[size // 4 : size - size // 4]
            cells.append(f"{middle.min():+.2f} … {middle.max():+.2f}")
        lines.append(f"| {name} | {size} | {cells[0]} | {cells[1]} |")
Markdown("\n".join(lines).replace("-", "−").replace("|−−−", "|---"))

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Both claims are wrong, because neither asks what came before.**
#
# - `align_corners=False` takes a sample to stand in the *middle of its piece*. That is where average and max pooling
#   with k = s put it, as long as the size is divisible.
# - `align_corners=True` takes the first and the last samples to stand *on the first and the last pixel*. That is
#   where a convolution with an odd kernel, p = (k − 1) / 2 and stride s puts them, if the size is a multiple of s,
#   plus 1.
# - At any other size neither is right. Half a pixel at stride 2 is little; at the end of an encoder with stride 32 it
#   is 15.5 pixels of the photograph.
#
# The way out is to choose sizes that fit: pad to a multiple of the stride for the one, to a multiple plus 1 for the
# other (networks with such encoders were trained on crops of 321 or 513 pixels for this reason), and cut the padding
# off at the end. With learned kernels the network can learn a part of the shift; it is still easier not to build one
# in.
#
# </details>

# %% [markdown]
# Here is that way out. The average pooling of 17 pixels becomes right if a pixel is added first and cut off at the
# end. **Predict** the largest error in the middle half.

# %% tags=["skip-execution", "clear-output"]
ramp = torch.arange(17.0)[None, None]
padded = F.pad(ramp, (0, 1), mode="replicate")
back = F.interpolate(average(padded), scale_factor=2, mode="linear")[..., :17]
(back - ramp)[..., 4:13].abs().max().item()

# %% [markdown]
# This is a good place for a break.

# %% [markdown]
# ## Part 3 · More neighbours, fewer pixels, more axes
#
# A straight line between two pixels has a corner at every pixel. To bend it smoothly one must look further: **cubic**
# interpolation weighs four pixels, two on each side. **Predict** what it makes of a step from 0 to 1.

# %% tags=["skip-execution"]
step = samples.step(8)
places = (torch.arange(512) + 0.5) / 64 - 0.5
between = {
    mode: F.interpolate(step[None, None, None], size=(1, 512), mode=mode).flatten()
    for mode in ("nearest", "bilinear", "bicubic")
}
lines = {name: (places, values) for name, values in between.items()}
figures.curves(lines, points=(torch.arange(8), step))

# %% [markdown]
# *Look at the dash-dotted line on both sides of the step: below 0 and above 1, by 0.11. The curve swings out before
# it jumps.*
#
# Interpolation with weights that are all positive cannot do that. Cubic weights are partly negative, and this is the
# price of sharper edges: a picture between 0 and 1 gets values outside, a probability may become −0.1, and a byte
# picture must be cut off. People call it *overshoot*, and where it repeats, *ringing*.
#
# The weights come from this function of the distance d (R. Keys, 1981), with **a = −0.75** in torch and OpenCV:
#
# $$w(d) = \begin{cases} (a + 2)\, d^3 - (a + 3)\, d^2 + 1 & d \le 1 \\ a\, d^3 - 5a\, d^2 + 8a\, d - 4a & 1 < d < 2
# \end{cases}$$
#
# It is 1 at its own pixel and 0 at all the others, so the curve goes through every pixel; and the four weights sum to
# 1 at every place.

# %% [markdown]
# ## Exercise: `bicubic`
#
# <!-- facts: bicubic -->
#
# Build it for pictures `(N, C, H, W)`: everything is as in `bilinear`, but for the matrix.
#
# - Around a place stand the pixels left − 1, left, left + 1 and left + 2, where left is the place rounded down.
# - At the border the *place* stays where it is, even outside; each of the four *indices* that lies outside is brought
#   back to the border pixel, which then gets several weights.
# - `size` is an int or a pair (H, W).
#
# <!-- hints: bicubic -->


# %% nbgrader={"grade_id": "bicubic", "solution": true}
def bicubic(x, size, align_corners=False):
    """Bicubic interpolation with a = −0.75, (N, C, H, W) → (N, C, H_out, W_out).

    size: an int, or a pair (H_out, W_out).
    """
    ### BEGIN SOLUTION
    a, matrices = -0.75, []
    for n, out in zip(x.shape[2:], per_axis(size, 2, "size")):
        places = source_coordinates(n, out, "linear", align_corners)
        left = places.floor()
        matrix = torch.zeros(out, n, dtype=torch.float64)
        for tap in range(-1, 3):
            d = (places - left - tap).abs()
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
            column = (left + tap).clamp(0, n - 1).long()
            matrix[torch.arange(out), column] += torch.where(d <= 1, near, far)
        matrices.append(matrix.to(x))
    rows, columns = matrices
    return torch.matmul(torch.matmul(rows, x), columns.T)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_bicubic", "grade": true}
check(bicubic)
### BEGIN HIDDEN TESTS
check(bicubic, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### The gallery
#
# Here are the modes on a crop of Chelsea, with the time that each took just now. **Predict** which mode you would
# rather have for a photograph, and which is the slowest. Then move the crop to her whiskers and to the edge of an
# ear.


# %% tags=["varies", "skip-execution"]
def as_mode(name, **flags):
    return lambda x, factor: F.interpolate(x, scale_factor=factor, mode=name, **flags)


cat = samples.as_float(samples.chelsea())
modes = {
    "nearest": as_mode("nearest"),
    "bilinear": as_mode("bilinear"),
    "aligned": as_mode("bilinear", align_corners=True),
    "bicubic": as_mode("bicubic"),
}
widgets.mode_gallery(cat, modes, row=90, column=158, crop=24)

# %% [markdown]
# *Nearest shows the pixels as squares. Bilinear is soft, with faint crosses where the surface has its creases.
# Bicubic is crisper, and next to the brightest spots it is a little too dark: the overshoot.* The aligned version
# shows the same thing a little larger: its border pixels lie at the very edge.
#
# One crop is too small to measure times. **Predict** the order of the modes on a feature map of 64 × 128 × 128, made
# twice as large. Where will your own function come?

# %% tags=["varies", "skip-execution", "clear-output", "your-code"]
maps = torch.randn(1, 64, 128, 128)
timed = {name: lambda resize=resize: resize(maps, 2) for name, resize in modes.items()}
timed["your bilinear"] = lambda: bilinear(maps, scale_factor=2)
timed["your bicubic"] = lambda: bicubic(maps, 256)
for name, run in timed.items():
    run()
    begins = [(time.perf_counter(), run(), time.perf_counter()) for _ in range(3)]
    best = min(end - start for start, _, end in begins)
    print(f"{name:>13}: {1000 * best:5.1f} ms")

# %% [markdown]
# "Nearest is extremely fast and bicubic slow" is what one reads. See for yourself how far it goes on your machine:
# copying four million numbers takes time as well, and two dense matrices, though most of their weights are zeros, are
# multiplied by a routine that has been polished for decades.

# %% [markdown]
# ## Making things smaller
#
# Interpolation also goes down. But think of the weights: however many pixels lie between two outputs, linear
# interpolation reads **two** an axis. **Predict** which of 8 pixels are read when they become 2.

# %% tags=["skip-execution", "clear-output"]
read = torch.zeros(1, 1, 8, requires_grad=True)
F.interpolate(read, scale_factor=0.25, mode="linear").sum().backward()
read.grad

# %% [markdown]
# Pixels 1, 2, 5 and 6; the other half does not exist for it. So "bilinear by ¼" is not an average of 4 × 4: it takes
# 4 of 16 pixels. Fine patterns then turn into coarse ones that are not there; you know this **aliasing** from lesson
# 02. The wall has thin mortar lines. **Predict** what is left of them at an eighth of the size.

# %% tags=["skip-execution"]
wall = samples.as_float(samples.brick())[None]
small = {
    "bilinear": F.interpolate(wall, size=64, mode="bilinear"),
    "area": F.interpolate(wall, size=64, mode="area"),
    "bilinear, antialiased": F.interpolate(wall, size=64, mode="bilinear", antialias=True),
}
shown = [3 * (x[0] - 0.5) + 0.5 for x in (wall, *small.values())]
figures.images(*(x.clamp(0, 1) for x in shown), titles=["the wall", *small])

# %% [markdown]
# *With three times the contrast. Plain bilinear is grainy and breaks the lines up; the other two have read every
# pixel.*
#
# There are two cures in torch:
#
# - `mode="area"` takes the mean of the piece of each output. It *is* the adaptive average pooling of lesson 04: every
#   pixel that a piece touches counts fully.
# - `antialias=True` (with bilinear and bicubic) keeps the filter's shape and **stretches it by the step**, so that it
#   reaches as far on the input as one output is wide: the weight is 1 − distance / step, where it is positive. Then
#   each row is divided by its sum, since at the border a part of the triangle is missing. (For antialiased bicubic
#   torch quietly takes a = −0.5.)

# %% [markdown]
# ## Exercise: `downsample`
#
# <!-- facts: downsample -->
#
# Build both for pictures `(N, C, H, W)`. Each is a matrix for each axis, as before.
#
# - `mode="area"`: equal weights for every pixel that the piece from i · step to (i + 1) · step touches.
# - `mode="bilinear"`: the stretched triangle. The distance is that of the centres, (j + ½) for pixel j and (i + ½) ·
#   step for output i.
# - `size` is an int or a pair (H, W), never larger than the picture.
#
# <!-- hints: downsample -->


# %% nbgrader={"grade_id": "downsample", "solution": true}
def downsample(x, size, mode):
    """Smaller pictures without aliasing, (N, C, H, W) → (N, C, H_out, W_out).

    size: an int, or a pair (H_out, W_out). mode: "area", or "bilinear" (antialiased).
    """
    ### BEGIN SOLUTION
    matrices = []
    for n, out in zip(x.shape[2:], per_axis(size, 2, "size")):
        i, j = torch.arange(out)[:, None], torch.arange(n)
        if mode == "area":
            weights = (((j + 1) * out > i * n) & (j * out < (i + 1) * n)).double()
        else:
            step = n / out
            distance = (j + 0.5 - (i.double() + 0.5) * step).abs()
            weights = (1 - distance / step).clamp(min=0)
        matrices.append((weights / weights.sum(1, keepdim=True)).to(x))
    rows, columns = matrices
    return torch.matmul(torch.matmul(rows, x), columns.T)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_downsample", "grade": true}
check(downsample)
### BEGIN HIDDEN TESTS
check(downsample, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Not every map is a photograph
#
# ### Audit: "nearest is for classification"
#
# > Nearest: for quick prototypes and classification. Bilinear: for segmentation.
#
# In segmentation there are two things to resize: the scores of a network, and the **label map** that they are
# compared with. Its numbers are names: 0 is the meadow, 3 is the horse. **Predict** what bilinear makes of a 0 next
# to a 3.

# %% tags=["skip-execution", "clear-output"]
F.interpolate(torch.tensor([[[[0.0, 3.0]]]]), size=(1, 4), mode="bilinear")

# %% [markdown]
# 0.75 and 2.25: rounded, label 1 and label 2, say a cow and a tree. **Predict** where on the horse they will turn
# up.

# %% tags=["skip-execution", "clear-output"]
labels = samples.horse()[None].float()
coarse = F.interpolate(labels, size=(41, 50), mode="nearest-exact")
by_name = F.interpolate(coarse, size=(328, 400), mode="nearest-exact")
by_mean = F.interpolate(coarse, size=(328, 400), mode="bilinear").round()
invented = (by_mean == 1) | (by_mean == 2)
print(f"invented: {100 * invented.float().mean():.1f} % of the pixels")
pictures = [x[0] / 3 for x in (coarse, by_name, by_mean)] + [invented[0].float()]
titles = ["labels", "nearest-exact", "bilinear, rounded", "invented"]
figures.images(*pictures, titles=titles)

# %% [markdown]
# *A seam of two new labels runs around the horse. The nearest mode is jagged, but it knows the two labels only.*
#
# <details><summary>The verdict</summary>
#
# **Wrong as a rule.** What decides is not the task but what the numbers mean. Names (labels, indices, masks) are
# copied: nearest-exact. Amounts (brightness, scores, heights) may be mixed: bilinear. In segmentation you resize the
# *scores* bilinearly and take the largest afterwards; a label map you resize by nearest. And torch makes you convert
# a label map to float for it: interpolate takes floats and bytes only.
#
# </details>

# %% [markdown]
# ### Flying pixels
#
# Distance is an amount, so bilinear should be right for it. A stereo camera has measured how far away each pixel of
# this scene is. **Predict** how the distance changes along a line from the red front fender to the wall behind it.

# %% tags=["skip-execution"]
picture, disparity = samples.disparity()
metres = 0.994978 * 193.001 / (disparity + 31.086)  # focal length · baseline / disparity
nearness = (disparity / 60).nan_to_num(posinf=0)
figures.images(picture, nearness, titles=["a motorcycle", "the brighter, the nearer"])

# %% [markdown]
# *The fender is 2.2 m away, the wall 3.7 m, and in between there is nothing: the map jumps. Black is where the camera
# does not know.*
#
# We follow one row across that edge, keep every fourth pixel, and ask for all of them back. **Predict** what bilinear
# puts between the fender and the wall.

# %% tags=["skip-execution"]
row = metres[:, None, 280:281, 590:650]
kept = row[..., 2::4]
profiles = {
    mode: (torch.arange(60), F.interpolate(kept, size=(1, 60), mode=mode).flatten())
    for mode in ("nearest-exact", "bilinear")
}
figures.curves(profiles, (torch.arange(60), row.flatten()), "pixel", "distance in m")

# %% [markdown]
# *Black dots are the truth: fender, jump, wall. Bilinear invents points at 2.4, 2.8, 3.2 and 3.5 m, in the air.* (One
# such dot stands in the map itself.) In a cloud of points they hang in space behind every edge, and robots brake for
# them: they are called **flying pixels**. The mean of two distances is a distance, but not one of anything in the
# scene. Where a map *jumps*, copy; where it is smooth, mix.

# %% [markdown]
# ### Land
#
# Land has slopes, but few cliffs. Here are heights around Jacksboro, Tennessee, averaged over 8 × 8 points and
# interpolated back. **Predict** the order of the mean errors, and look at one row.

# %% tags=["skip-execution", "clear-output"]
heights = samples.elevation()[None, :, :, :400]
blocks, rebuilt = F.avg_pool2d(heights, 8), {}
for mode in "nearest-exact", "bilinear", "bicubic":
    land = F.interpolate(blocks, scale_factor=8, mode=mode)
    off, low, high = (land - heights).abs().mean(), land.min(), land.max()
    print(f"{mode:>13}: {off:.1f} m off, from {low:.0f} to {high:.0f} m")
    rebuilt[mode] = (torch.arange(96), land[0, 0, 100, :96])
truth = torch.arange(96), heights[0, 0, 100, :96]
figures.curves(rebuilt, truth, "point", "height in m")

# %% [markdown]
# *Black dots are the land. The stairs of nearest miss it most, and bicubic follows the ridges closest; the finest
# ripples no mode brings back.* Nor the lowest valley (236 m) and the highest peak (1076 m): **upsampling does not
# undo downsampling**. It guesses what was lost from what is left.
#
# All of it in one table:
#
# | the numbers are | to make them larger | to make them smaller |
# |---|---|---|
# | names: labels, masks, indices | nearest-exact | nearest-exact |
# | distances that jump | nearest-exact | nearest-exact |
# | brightness | bicubic, cut off at the ends; or bilinear | area, or `antialias=True` |
# | heights, volumes | bicubic, trilinear | area |
# | scores and features of a network | bilinear, with the flag that fits its encoder | pooling or stride |

# %% [markdown]
# ## Volumes
#
# > Trilinear interpolation weighs the four points around a place.
#
# In a volume a place lies between two slices, and in each between four voxels. **Predict** from how many voxels the
# one in the middle of 2 × 2 × 2 takes its value, and with which weights.

# %% tags=["skip-execution", "clear-output"]
cube = torch.zeros(1, 1, 2, 2, 2, requires_grad=True)
F.interpolate(cube, size=1, mode="trilinear").sum().backward()
cube.grad.flatten()

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong: eight**, 2 × 2 × 2. Four belong to bilinear. In general it is 2 for each axis, and for cubic 4 for each: 16
# on a picture. (In torch, bicubic exists for pictures alone, linear for signals, and trilinear wants five axes, (N,
# C, D, H, W).)
#
# </details>

# %% [markdown]
# ## Exercise: `trilinear`
#
# <!-- facts: trilinear -->
#
# Build it for volumes `(N, C, D, H, W)`. `size` is an int, or a triple (D, H, W).
#
# <!-- hints: trilinear -->


# %% nbgrader={"grade_id": "trilinear", "solution": true}
def trilinear(x, size, align_corners=False):
    """Trilinear interpolation of volumes, (N, C, D, H, W) → (N, C, D_out, H_out, W_out).

    size: an int, or a triple (D_out, H_out, W_out).
    """
    ### BEGIN SOLUTION
    for axis, out in zip((2, 3, 4), per_axis(size, 3, "size")):
        matrix = linear_matrix(x.shape[axis], out, align_corners).to(x)
        x = torch.matmul(x.movedim(axis, -1), matrix.T).movedim(-1, axis)
    return x
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_trilinear", "grade": true}
check(trilinear)
### BEGIN HIDDEN TESTS
check(trilinear, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### A brain with every second slice
#
# A magnetic resonance scan takes time for each slice, so one would like to take fewer and interpolate. Here is one of
# the middle of a brain, 25 slices. We keep slices 0, 2, 4 … 24 and compute the ones between them.
#
# **Predict** the flag, from the rulers: the first and the last slices are kept, and the kept ones stand two apart.

# %% tags=["skip-execution", "clear-output", "your-code"]
brain = samples.mri()[None]
half = brain[:, :, ::2]
guesses = {
    "nearest-exact": F.interpolate(half, size=(25, 41, 33), mode="nearest-exact"),
    "align_corners=False": trilinear(half, (25, 41, 33)),
    "align_corners=True": trilinear(half, (25, 41, 33), align_corners=True),
}
for name, guess in guesses.items():
    off = (guess - brain).abs().mean() / brain.mean()
    print(f"{name:>20}: off by {100 * off:.1f} % of the mean brightness")

# %% [markdown]
# The samples stand *on* the first and the last slices, so it is True: the kept slices come out as they were, and the
# others halfway between their neighbours. With False the brain is squeezed: its ends come half a slice inwards. Look
# at the volume from the side, cut along the nose.

# %% tags=["skip-execution", "your-code"]
shown = brain, guesses["nearest-exact"], guesses["align_corners=True"]
side = [2 * x[0, 0, :, :, 16].flip(0).clamp(max=0.5) for x in shown]
figures.images(*side, titles=["all 25 slices", "nearest-exact", "trilinear, aligned"])

# %% [markdown]
# *Every row is a slice. Copied slices make stairs; interpolated ones are smoother than the truth, since the mean of
# two slices also takes the mean of their noise.*

# %% [markdown]
# ## The same in torch
#
# - `F.interpolate` is the function, `nn.Upsample` the same as a layer, with the same arguments. Like a pooling it
#   learns nothing.
# - `nn.UpsamplingNearest2d` and `nn.UpsamplingBilinear2d` are older names for two special cases.
# - `F.grid_sample` looks at *any* places that you give it, with the same two conventions of `align_corners`.
#
# ### Audit: "interpolate replaces both of the older layers"
#
# **Predict** whether these two are the same.

# %% tags=["skip-execution", "clear-output"]
older = nn.UpsamplingBilinear2d(scale_factor=2)(two)
newer = F.interpolate(two, scale_factor=2, mode="bilinear")
torch.equal(older, newer), older[0, 0, 0], newer[0, 0, 0]

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Only with care.** `UpsamplingBilinear2d` has `align_corners=True` built in; the default of `interpolate` is False.
# If you replace the one by the other without the flag, every value between the corners changes, and no error tells
# you. `UpsamplingNearest2d` is plain `mode="nearest"`.
#
# </details>

# %% [markdown]
# ### Audit: "13 × 13 × 16 becomes 416 × 416 × 3 by upsampling"
#
# And an example that one finds with it feeds whole numbers to a layer. **Predict** what each of the two calls does.

# %% tags=["skip-execution", "clear-output"]
print(tuple(F.interpolate(torch.zeros(1, 16, 13, 13), size=416).shape))
try:
    nn.UpsamplingNearest2d(scale_factor=2)(torch.arange(1, 5).view(1, 1, 2, 2))
except NotImplementedError as error:
    print("NotImplementedError:", error)

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** Interpolation works on each channel for itself: 16 go in, 16 come out. From 16 channels to 3 it takes a
# convolution. And int64 is refused even by nearest, which would only have to copy; convert to float first, and back
# afterwards.
#
# </details>

# %% [markdown]
# **Where it is used.** Decoders for segmentation upsample scores or features bilinearly and let a convolution follow,
# as in DeepLab and in many U-Nets; feature pyramids for detection double their maps by nearest and add them.
# Generators of pictures often upsample by nearest and then convolve, to avoid the checkerboards of lesson 09. Every
# pipeline that loads pictures resizes them, with antialiasing if it is a good one: train with one filter and test
# with another, and a network loses points.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. A feature map of 20 × 20 comes from a picture of 640 × 640 through five poolings of 2. Which flag brings its scores back to 640 × 640?</summary>
#
# False. Every pooling puts a sample in the middle of its piece, and 640 is divisible by 32, so after five of them
# sample i stands at 32 · i + 15.5. That is where align_corners=False takes it to be: (i + ½) · 32 − ½.
#
# </details>
#
# <details><summary>2. Your bilinear is right for every test, but a colleague's, with the same formula, has a black line at the right and the bottom edge. What has happened?</summary>
#
# At the last pixel the right neighbour does not exist. Your colleague reads a zero there, or overwrites the last
# pixel's weight with 0. Its weights no longer sum to 1; a picture of sevens would show it at once.
#
# </details>
#
# <details><summary>3. You double a picture with bilinear and halve it again with bilinear. Is it the picture that you began with?</summary>
#
# No. Doubled, the outputs look at the places ¼ and ¾ between centres, and never at a centre, so no pixel is copied.
# Halved, two of them are averaged: ⅛, ¾, ⅛ of three neighbours. That is a blur. With nearest it would come back
# exactly.
#
# </details>

# %% [markdown]
# Next comes [lesson 07](../07_unpooling/07_unpooling.ipynb), *Unpooling*: going up again with the help of what was
# remembered on the way down.
