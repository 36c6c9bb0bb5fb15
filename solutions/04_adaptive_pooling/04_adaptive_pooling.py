# %% [markdown]
# # 04 · Adaptive pooling and pyramids
#
# A linear layer counts its inputs, so a network that ends in one takes pictures of one size only. Adaptive pooling
# turns the question of pooling round: you say how many outputs you want, and the windows follow. From it comes the
# spatial pyramid, with which one network reads crops of every size. Many copies of it are broken; you repair one.
#
# **When you have worked through this lesson, you can**
#
# - say which positions an adaptive bin reads, and when two bins share one;
# - build adaptive pooling and a spatial pyramid, for pictures of any size;
# - say what a 1 × 1 pooling buys and what it forgets;
# - tell three things apart that are all called SPP, and say why one of them is a mistake.
#
# | | |
# |---|---|
# | **Time** | about 70 minutes |
# | **Points** | 12 |
# | **You should know** | max and average pooling (lesson 01); classes that inherit from `nn.Module` |
# | **A claim to audit** | "A pyramid is three adaptive poolings in a row: to 4 × 4, then 2 × 2, then 1 × 1." |
#
# <!-- points -->

# %%
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from IPython.display import Markdown
from tqdm import tqdm

from course_lib import check, figures, hint, samples, widgets
from course_lib.analysis import any_size

# %% [markdown]
# ## One size only
#
# A convolution does not mind how large a picture is: it slides the same few weights over it. Here is a small network,
# made for pictures of 16 × 16. **Predict** what it does with one of 16 × 24.

# %% tags=["skip-execution", "clear-output"]
convolution = nn.Conv2d(1, 8, kernel_size=3, padding=1)
net = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16 * 16, 10))
for size in (16, 16), (16, 24):
    try:
        print(size, "becomes", tuple(net(torch.zeros(1, 1, *size)).shape))
    except RuntimeError as error:
        print(size, "raises", error)

# %% [markdown]
# The linear layer refuses: it has one weight for each of its 2048 inputs, and now there are 3072. What can you do?
#
# - **Stretch** every picture to 16 × 16: thin things become wide.
# - **Cut** every picture down to 16 × 16: what lies outside is lost.
# - Leave the picture alone, and make the **map** behind the convolutions the same size, whatever it was.
#
# The third way is what this lesson is about.

# %% [markdown]
# ## Say how many, not how large
#
# An ordinary pooling is told how large its windows are, and the size of the output follows (lesson 00). An **adaptive
# pooling** is told the size of the output, and the windows follow. They are called *bins*.
#
# **Predict** which ordinary pooling turns 6 positions into 3.

# %% tags=["skip-execution", "clear-output"]
six = torch.tensor([[1.0, 2, 4, 8, 16, 32]])
F.adaptive_avg_pool1d(six, output_size=3), F.avg_pool1d(six, kernel_size=2)

# %% [markdown]
# Nothing new where the sizes divide. So take 5 positions, and ask for 2 outputs. **Predict** them. Which bin gets the
# 30 in the middle?

# %% tags=["skip-execution", "clear-output"]
five = torch.tensor([[10.0, 20, 30, 40, 50]])
F.adaptive_avg_pool1d(five, output_size=2)

# %% [markdown]
# Both: 20 is the mean of 10, 20 and 30, and 40 is the mean of 30, 40 and 50. Cut an axis of 5 positions into two equal
# halves, and the cut goes through the middle of position 2. No bin may lose it, so it belongs to both.
#
# That is the whole law. Cut the axis into `output_size` equal pieces, without any rounding. **A bin reads every
# position that its piece touches**: its start is rounded down, and its end is rounded up.
#
# $$\text{bin } i \text{ reads from} \quad \left\lfloor i \cdot \frac{\text{size}}{\text{output\_size}} \right\rfloor \quad
# \text{up to, not including,} \quad \left\lceil (i + 1) \cdot \frac{\text{size}}{\text{output\_size}} \right\rceil .$$

# %% [markdown]
# ### Explore
#
# Move the sliders. **Find** a size at which 4 bins are all equally long although they overlap. Then find a position
# that is read by three bins. And say for which sizes no position is shared.

# %% tags=["skip-execution"]
widgets.bin_explorer(size=5, output_size=2)

# %% [markdown]
# *The dashed lines are the exact cuts. A position that a cut goes through is yellow, and the bins on both sides read
# it. On the map rows and columns are cut in the same way, so where a shared row meets a shared column, four bins meet.*

# %% [markdown]
# <details><summary>Some settings that answer the questions</summary>
#
# With 4 bins and size 5 every bin has 2 positions, and with size 6 as well. With size 3 and 5 bins, position 1 is read by
# three of them: there may be more bins than positions, and then the output is larger than the input. No position is
# shared exactly where `output_size` divides `size`.
#
# </details>

# %% [markdown]
# ## Exercise: `adaptive_bins`
#
# <!-- facts: adaptive_bins -->
#
# Write the law as a function of whole numbers.
#
# - Return a list with a pair `(start, stop)` for each bin, as in a slice: `stop` is not read any more.
# - `output_size` may be larger than `size`. No bin is ever empty.
# - For 5 positions and 2 bins that is `[(0, 3), (2, 5)]`.
#
# <!-- hints: adaptive_bins -->


# %% nbgrader={"grade_id": "adaptive_bins", "solution": true}
def adaptive_bins(size, output_size):
    """The bins of an adaptive pooling: a list with (start, stop) for each of them.

    size: number of positions on the axis. output_size: number of bins.
    """
    ### BEGIN SOLUTION
    bins = []
    for i in range(output_size):
        start = i * size // output_size
        stop = -(-(i + 1) * size // output_size)
        bins.append((start, stop))
    return bins
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_adaptive_bins", "grade": true}
check(adaptive_bins)
### BEGIN HIDDEN TESTS
check(adaptive_bins, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### What sharing costs
#
# A shared position counts twice. **Predict** whether the mean of the two outputs is the mean of the five values.

# %% tags=["skip-execution", "clear-output"]
uneven = torch.tensor([[10.0, 20, 30, 40, 100]])
halves = F.adaptive_avg_pool1d(uneven, output_size=2)
print(f"mean of the outputs {halves.mean():.2f}, of the values {uneven.mean():.2f}")

# %% [markdown]
# It is not: the 30 in the middle has the weight of two. On a map it shows in the gradient, which says how much each
# value weighs. **Predict** where it is largest for 5 × 7 values and 2 × 3 bins.

# %% tags=["skip-execution"]
ones = torch.ones(1, 1, 5, 7, requires_grad=True)
F.adaptive_avg_pool2d(ones, (2, 3)).sum().backward()
figures.grids(ones.grad[0, 0], titles=["gradient of the sum of all outputs"])

# %% [markdown]
# *Look at the cross of darker cells: the middle row and two columns are read twice, and where they meet, four times.*

# %% [markdown]
# ### Audit: "ordinary windows can do that too"
#
# The paper that introduced pyramid pooling had no adaptive layer. It used ordinary max pooling with windows of
# ⌈size / n⌉ and a stride of ⌊size / n⌋, and many programs still do. **Predict** for which sizes from 4 to 40 this does
# *not* give n = 4 outputs.

# %% tags=["skip-execution", "clear-output"]
for size in range(4, 41):
    windows = F.max_pool1d(torch.zeros(1, 1, size), math.ceil(size / 4), stride=size // 4)
    if windows.shape[-1] != 4:
        print("size", size, "gives", windows.shape[-1], "outputs")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Nearly right**, which is the dangerous kind of wrong. The rule works for all these sizes except 6, 7 and 11, and it
# works for 13, the size of the maps in the paper. On a map of 7 × 7 it gives 36 outputs instead of 16, and the linear
# layer behind it refuses. Windows of one length and one stride cannot always give the number that you want; bins can,
# because their lengths may differ by one.
#
# </details>

# %% [markdown]
# ## Pictures of every size, one size of map
#
# On a picture the two axes are cut independently, so a bin is a rectangle: some rows and some columns. As in lesson
# 01, the maximum of a rectangle is the maximum of the maxima of its rows. And the mean is the mean of the means, since
# all rows of a rectangle are equally long. So the axes can be pooled one after the other.

# %% [markdown]
# ## Exercise: `adaptive_pool`
#
# <!-- facts: adaptive_pool -->
#
# Build adaptive pooling for pictures `(N, C, H, W)`, with your `adaptive_bins`.
#
# - `output_size` is an int for both axes, or a pair (H, W). A `None` in the pair leaves that axis as it is.
# - `mode` is `"max"` or `"avg"`.
# - A loop over the bins of an axis is fine; treat all pictures and channels at once. The dtype stays, gradients flow.
#
# <!-- hints: adaptive_pool -->


# %% nbgrader={"grade_id": "adaptive_pool", "solution": true}
def adaptive_pool(x, output_size, mode):
    """Adaptive pooling of pictures, (N, C, H, W) → (N, C, H_out, W_out).

    output_size: an int, or a pair (H_out, W_out) in which None keeps the size. mode: "max" or "avg".
    """
    ### BEGIN SOLUTION
    if isinstance(output_size, int):
        output_size = (output_size, output_size)
    for axis, wanted in zip((2, 3), output_size):
        if wanted is None:
            continue
        outputs = []
        for start, stop in adaptive_bins(x.shape[axis], wanted):
            part = x.narrow(axis, start, stop - start)
            outputs.append(part.amax(axis) if mode == "max" else part.mean(axis))
        x = torch.stack(outputs, axis)
    return x
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_adaptive_pool", "grade": true}
check(adaptive_pool)
### BEGIN HIDDEN TESTS
check(adaptive_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Chelsea and one of her eyes go through your function, and both come out as 24 × 36. **Predict** which of the two loses
# more.

# %% tags=["skip-execution", "your-code"]
cat = samples.as_float(samples.chelsea())
eye = cat[:, 75:135, 130:220]
small_cat, small_eye = (adaptive_pool(x[None], (24, 36), "avg")[0] for x in (cat, eye))
titles = ["Chelsea", "pooled", "an eye", "pooled"]
figures.images(cat, small_cat, eye, small_eye, titles=titles)

# %% [markdown]
# *Both have 24 × 36 values now. The eye looks nearly as before, because each of its bins reads 3 × 3 pixels; in the whole
# picture a bin reads 13 × 13 or more.* With a tall or a wide crop the bins would not be square, and the proportions
# would be lost. What a linear layer needs is a fixed number of values, and that it gets.

# %% [markdown]
# ## What 1 × 1 buys, and what it forgets
#
# The smallest adaptive pooling has a single output a channel. **Predict** which plain operation of torch it is.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
maps = torch.randn(2, 8, 13, 17)
torch.allclose(F.adaptive_avg_pool2d(maps, 1), maps.mean(dim=(2, 3), keepdim=True))

# %% [markdown]
# The mean of each map: **global average pooling**. It buys two things. Any input size goes in. And the linear layer
# behind it is small: VGG-16 flattens 512 maps of 7 × 7 into a layer of 4096 outputs, and ResNet-50 averages each of its
# 2048 maps and goes straight to 1000 classes. **Predict** the number of weights and biases of the two layers.

# %% tags=["skip-execution", "clear-output"]
for name, inputs, outputs in ("VGG-16", 512 * 7 * 7, 4096), ("ResNet-50", 2048, 1000):
    layer = nn.Linear(inputs, outputs, device="meta")
    print(f"{name:>9}: {sum(parameter.numel() for parameter in layer.parameters()):>11,}")

# %% [markdown]
# What does it cost? Here are two maps with the same values at other places. **Predict** how fine the pooling must be
# until its output tells them apart.

# %% tags=["skip-execution"]
one, other = torch.zeros(2, 1, 3, 3)
one[0, 0, 0], other[0, 2, 2] = 9, 9
pooled = [F.adaptive_max_pool2d(x, n) for n in (1, 2) for x in (one, other)]
pooled = [x[0] for x in (one, other, *pooled)]
figures.grids(*pooled, titles=["one", "other"] * 3)

# %% [markdown]
# *1 × 1 says that there is a 9, and not where; 2 × 2 tells top left from bottom right.* The coarse pooling is robust: it
# stays the same wherever the 9 moves. The fine one knows places. A network may want both.

# %% [markdown]
# ## The pyramid
#
# So take both. **Spatial pyramid pooling** pools the same map several times, *in parallel*: to 4 × 4, to 2 × 2 and to
# 1 × 1. Each of these is called a level.

# %% tags=["skip-execution"]
figures.picture_bins(cat, 4, 2, 1)

# %% [markdown]
# *Each frame becomes one number for each channel: its maximum. Look at where the left eye lies on each level.*
#
# Then all levels are flattened and put one behind the other. That makes 16 + 4 + 1 = 21 features for each channel, so
# **21 · C** features in all, whatever the size of the map.

# %% [markdown]
# ## Exercise: `spatial_pyramid_pool`
#
# <!-- facts: spatial_pyramid_pool -->
#
# - Pool `x`, `(N, C, H, W)`, to every level with your `adaptive_pool` and `mode="max"`.
# - Flatten each level to `(N, C · n · n)`: all values of the first channel, then those of the second, and so on.
# - Join the levels in the order in which they are given: `(N, 21 · C)` for `levels=(4, 2, 1)`.
#
# <!-- hints: spatial_pyramid_pool -->


# %% nbgrader={"grade_id": "spatial_pyramid_pool", "solution": true}
def spatial_pyramid_pool(x, levels=(4, 2, 1)):
    """Spatial pyramid pooling, (N, C, H, W) → (N, 21 · C) for the levels 4, 2 and 1.

    levels: for each level the number of bins along each axis.
    """
    ### BEGIN SOLUTION
    features = []
    for level in levels:
        pooled = adaptive_pool(x, level, "max")
        features.append(pooled.flatten(1))
    return torch.cat(features, dim=1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_spatial_pyramid_pool", "grade": true}
check(spatial_pyramid_pool)
### BEGIN HIDDEN TESTS
check(spatial_pyramid_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now the refusing network of the beginning can be mended. **Predict** how many inputs its linear layer needs behind
# your pyramid, and which of the four sizes it takes.

# %% tags=["skip-execution", "clear-output", "your-code"]
linear = nn.Linear(8 * 21, 10)
for size in (16, 16), (16, 24), (301, 7), (1, 1):
    features = spatial_pyramid_pool(F.relu(convolution(torch.zeros(1, 1, *size))))
    print(size, "becomes", tuple(features.shape), "and then", tuple(linear(features).shape))

# %% [markdown]
# ## The claim
#
# > A pyramid is three adaptive poolings in a row: to 4 × 4, then 2 × 2, then 1 × 1.
#
# You can find it as code. It runs without an error, and it looks like a list of the three levels:


# %% tags=["skip-execution"]
class BrokenPyramid(nn.Module):
    def __init__(self, levels=(4, 2, 1)):
        super().__init__()
        self.pools = nn.Sequential(*[nn.AdaptiveMaxPool2d(level) for level in levels])

    def forward(self, x):
        return self.pools(x)


# %% [markdown]
# **Predict** the shape of what it makes of 8 maps of 37 × 53. Which numbers are they?

# %% tags=["skip-execution", "clear-output"]
x = torch.randn(1, 8, 37, 53)
broken = BrokenPyramid()(x)
print(tuple(broken.shape), "and not 21 · 8 =", 21 * 8, "features")
print("the global maximum:", torch.equal(broken, x.amax(dim=(2, 3), keepdim=True)))

# %% [markdown]
# `nn.Sequential` hands the output of each layer to the next. Watch it happen on a map of 5 × 7. **Predict** which
# number arrives at the end.

# %% tags=["skip-execution"]
wide = torch.arange(35.0).reshape(5, 7) * 11 % 37
steps = [wide[None, None]]
for pool in BrokenPyramid().pools:
    steps.append(pool(steps[-1]))
titles = ["map", "to 4 × 4", "then to 2 × 2", "then to 1 × 1"]
figures.grids(*(step[0, 0] for step in steps), titles=titles)

# %% [markdown]
# *Follow the 36: it is the largest in its bin, then the largest of its neighbours, then the largest of all. On its way the
# other 20 numbers of the pyramid appear, and each is dropped as soon as the next pool has read it.*
#
# A maximum of maxima is the maximum of all, and the bins cover everything. **Predict**: is this so for every size, or
# can overlapping bins spoil it? And would three *average* poolings in a row give the global average?


# %% tags=["skip-execution", "clear-output"]
def same(chain_of, one_step):
    """On how many of the 576 sizes up to 24 × 24 a chain of pools gives what one step does."""
    torch.manual_seed(0)
    inputs = [torch.randn(1, 1, h, w) for h in range(1, 25) for w in range(1, 25)]
    chains = [nn.Sequential(*chain_of)(x) for x in inputs]
    return sum(torch.allclose(c, one_step(x), atol=1e-5) for c, x in zip(chains, inputs))


largest, mean = nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d
print("maximum:", same([largest(4), largest(2), largest(1)], largest(1)), "of 576 sizes")
print("average:", same([mean(4), mean(2), mean(1)], mean(1)), "of 576 sizes")

# %% [markdown]
# For the maximum always: to count a value twice does not make it larger. The average is right only where every value
# counts the same: if both sides are 1, 2 or a multiple of 4.

# %% [markdown]
# ### Is the chain itself the mistake?
#
# Suppose that the chain kept what it makes on its way. **Predict** whether its second step, from 4 × 4 to 2 × 2, is the
# 2 × 2 level of the true pyramid, and whether a step from 3 × 3 to 2 × 2 is.

# %% tags=["skip-execution", "clear-output"]
print("4, then 2:", same([largest(4), largest(2)], largest(2)), "of 576 sizes")
print("3, then 2:", same([largest(3), largest(2)], largest(2)), "of 576 sizes")

# %% [markdown]
# From 4 to 2 it is always the same: the cut in the middle is a cut of both levels, so two fine bins together are one
# coarse bin. From 3 to 2 it hardly ever is: the new cut goes through the middle bin of three.

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** Three adaptive max poolings in a row are one global max pooling, exactly and for every size: C numbers
# instead of 21 · C, of shape (N, C, 1, 1). Nothing raises until a linear layer expects 21 · C; and if somebody "mends"
# that error by giving the layer C inputs, nothing ever raises again. A pyramid pools x itself on every level and
# **joins** the levels. What breaks the chain is less that its pools follow each other than that all but the last output
# are thrown away.
#
# </details>

# %% [markdown]
# ## Exercise: `RepairedPyramid`
#
# <!-- facts: RepairedPyramid -->
#
# Repair `BrokenPyramid`, so that it gives what your `spatial_pyramid_pool` gives.
#
# - The constructor is that of the broken one, and it may stay as it is: `self.pools` holds a pool for each level. What is
#   wrong is the way in which `forward` uses them.
# - `forward` turns `(N, C, H, W)` into `(N, 21 · C)`: each level flattened, the levels joined in their order.
# - Torch's adaptive pools are permitted here.
#
# <!-- hints: RepairedPyramid -->


# %% nbgrader={"grade_id": "RepairedPyramid", "solution": true}
class RepairedPyramid(nn.Module):
    """A spatial pyramid of maxima, (N, C, H, W) → (N, 21 · C) for the levels 4, 2 and 1."""

    def __init__(self, levels=(4, 2, 1)):
        super().__init__()
        self.pools = nn.Sequential(*[nn.AdaptiveMaxPool2d(level) for level in levels])

    def forward(self, x):
        ### BEGIN SOLUTION
        features = []
        for pool in self.pools:
            features.append(pool(x).flatten(1))
        return torch.cat(features, dim=1)
        ### END SOLUTION


# %% nbgrader={"grade_id": "check_RepairedPyramid", "grade": true}
check(RepairedPyramid)
### BEGIN HIDDEN TESTS
check(RepairedPyramid, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Another thing of the same name
#
# > Detectors such as YOLOv3 use the spatial pyramid.
#
# They do have a block of that name. It pools with windows of 5, 9 and 13, *stride 1* and padding. **Predict** the shape
# of what it makes of 16 maps of 13 × 13.


# %% tags=["skip-execution", "clear-output"]
def around(x, kernel_size):
    """The maximum of the window around each position: the size stays."""
    return F.max_pool2d(x, kernel_size, stride=1, padding=kernel_size // 2)


def yolo_spp(x):
    return torch.cat([x, around(x, 5), around(x, 9), around(x, 13)], dim=1)


yolo_spp(torch.randn(1, 16, 13, 13)).shape

# %% [markdown]
# The size stays, and the channels are four times as many. An impulse shows what the block does:

# %% tags=["skip-execution"]
impulse = samples.impulse(17, 17)[None, None]
spread = yolo_spp(impulse)[0]
figures.images(*spread, titles=["x", "5 × 5", "9 × 9", "13 × 13"])

# %% [markdown]
# *Each position learns what there is around it, near and far. The block widens what a position sees, without making the
# map smaller.* Later versions write it as a chain of three 5 × 5 poolings. **Predict** whether this is the same.

# %% tags=["skip-execution", "clear-output"]
x = torch.randn(1, 16, 20, 20)
twice, thrice = around(around(x, 5), 5), around(around(around(x, 5), 5), 5)
torch.equal(twice, around(x, 9)), torch.equal(thrice, around(x, 13))

# %% [markdown]
# It is, and it is cheaper. A chain is fine *if what comes between is kept*: that version joins x and all three steps.
#
# | name | pools | stride | size of the output | what for |
# |---|---|---|---|---|
# | pyramid (SPP-net, 2014) | to 4 × 4, 2 × 2, 1 × 1, in parallel | – | 21 · C features | any input size |
# | SPP in YOLO | 5, 9, 13, in parallel | 1 | as the input, 4 · C channels | wider view |
# | the chain of the claim | to 4, then 2, then 1 | – | C numbers | a slip |

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **A mix-up of names.** YOLO's block (in the variant YOLOv3-SPP, in YOLOv4, and as a chain in YOLOv5) makes nothing
# independent of the size of its input: a larger map goes in, a larger map comes out. It shares with the pyramid only
# that it pools at several scales and joins the results.
#
# </details>

# %% [markdown]
# ## Crops of many sizes, one classifier
#
# This is what the pyramid was invented for. A detector finds boxes of many sizes on a page and asks of each: what is in
# it? Here is such a page, with handwritten digits in boxes of ten sizes.

# %% tags=["skip-execution"]
digits, labels = samples.digits()
_, (unseen, true) = any_size.split(digits, labels)
boxes = [(3, 3, 24, 24), (2, 32, 10, 18), (16, 31, 24, 10), (15, 46, 16, 22), (34, 46, 10, 10)]
boxes += [(30, 4, 12, 24), (3, 56, 9, 8), (3, 72, 38, 30), (46, 4, 8, 22), (47, 60, 9, 24)]


def cut(box):
    top, left, height, width = box
    return slice(top, top + height), slice(left, left + width)


page, framed = torch.zeros(2, 60, 106)
for digit, (top, left, height, width) in zip(unseen, boxes):
    framed[cut((top - 1, left - 1, height + 2, width + 2))] = 0.35
    ink = any_size.resized(digit[None], (height, width)).clamp(0, 1)[0, 0]
    page[cut((top, left, height, width))] = framed[cut((top, left, height, width))] = ink
figures.images(framed, titles=["a page with ten boxes"])

# %% [markdown]
# *Each grey frame is a box. Its crop goes into the network as it is, neither stretched nor cut.*
#
# The network has two convolutions (each with a batch norm, see lesson 05), a head that turns maps of any size into
# features, and a linear layer. Only the head differs:
#
# - **mean**: global average pooling;
# - **chain**: the broken pyramid, which is global max pooling;
# - **sorted**: your pyramid, but the numbers of each level are sorted by size in every channel. It has as many features as
#   the pyramid and the same values, but it has forgotten where they stood;
# - **pyramid**: yours.

# %% tags=["skip-execution", "your-code"]
pyramid = RepairedPyramid()


def without_places(x):
    levels = [pool(x).flatten(2).sort(-1).values for pool in pyramid.pools]
    return torch.cat([level.flatten(1) for level in levels], dim=1)


heads = {
    "mean": lambda x: x.mean(dim=(2, 3)),
    "chain": nn.Sequential(BrokenPyramid(), nn.Flatten()),
    "sorted": without_places,
    "pyramid": pyramid,
}
any_size.CropNet(pyramid)

# %% [markdown]
# Each is trained on two thirds of the digits, batch by batch with a new height and a new width from 8 to 24, and judged
# on 300 of the others at six sizes. The last size is larger than anything that it has seen. **Predict** the order of the four. It
# takes less than half a minute.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
with tqdm(total=4 * 3 * 2, desc="epochs", file=sys.stdout, ncols=80) as bar:
    rows = any_size.compare(heads, digits, labels, tick=bar.update)
Markdown(any_size.table(rows))

# %% [markdown]
# *Percent of the digits that are recognised, height × width above: the mean over three seeds, the least and the greatest
# behind it.* The pyramid reads every size that it was trained on, and the last one, which is new to all four, better than
# the others do. It is not the number of features that does it: sorted, the same numbers are worth much less.
#
# Do not conclude that averages are bad. These two convolutions see only 5 × 5 values, the corner of a stroke, so that
# the head alone can tell where a stroke lies. In a deep network the channels can know it themselves; there a global
# average is enough, and most classifiers end in one.
#
# Now let the four read the page. **Predict** which boxes are the hardest.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
nets = {row.name: row.net for row in rows if row.seed == 0}
lines = ["| box | digit | " + " | ".join(nets) + " |", "|---|---|" + "---|" * len(nets)]
for box, digit in zip(boxes, true.tolist()):
    crop = page[cut(box)][None, None]
    read = [net(crop).argmax().item() for net in nets.values()]
    marks = [f"{answer} {'✓' if answer == digit else '✗'}" for answer in read]
    lines.append(f"| {box[2]} × {box[3]} | {digit} | " + " | ".join(marks) + " |")
Markdown("\n".join(lines))

# %% [markdown]
# ## The same in torch
#
# - `nn.AdaptiveMaxPool2d`, `nn.AdaptiveAvgPool2d` and their sisters for signals and volumes. The maximum also gives its
#   positions: `return_indices=True`.
# - A pyramid is not in torch. You have written it.
# - Adaptive averages go by another name too. **Predict** what this prints:

# %% tags=["skip-execution", "clear-output"]
area = F.interpolate(cat[None], size=(24, 24), mode="area")
torch.equal(area, F.adaptive_avg_pool2d(cat[None], 24))

# %% [markdown]
# **Where it is used.** ResNet, and most classifiers since, end in an adaptive average to 1 × 1, and that is why they take
# any size. VGG in torchvision has one to 7 × 7 before it flattens. In detection, SPP-net ran the convolutions once for the
# whole picture and pooled a pyramid from each box of the map; Fast R-CNN kept one level, 7 × 7, and called it RoI
# pooling. Its bins are yours. PSPNet, for segmentation, averages to 1, 2, 3 and 6 and lays the levels back over the map.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. A network ends in a global average and a linear layer. Trained at 224 × 224, is it as good at 64 × 64?</summary>
#
# It runs there without an error, and that is all that the average promises. Things are smaller now than all that its
# convolutions have learned to see. Any size is not the same as equally well at any size.
#
# </details>
#
# <details><summary>2. Is an adaptive average pooling to 2 × 2, followed by one to 1 × 1, the global average?</summary>
#
# For even heights and widths yes. For odd ones the middle row or column is read by two bins and counts twice.
#
# </details>
#
# <details><summary>3. How do you test that a pyramid is one, if a wrong one can have the right shape?</summary>
#
# By its values: on a map of 4 × 4 the first 16 features must be the map itself. Or by its gradient: at the sum of all
# features it must reach the winner of every bin, and not only the largest value of all.
#
# </details>

# %% [markdown]
# Next comes [lesson 05](../05_cnn_block/05_cnn_block.ipynb), *The CNN block*: convolution, batch norm, ReLU and pooling
# as one thing, and what happens when it works in place.
