# %% [markdown]
# # 07 · Unpooling
#
# Pooling keeps one number for each window. Unpooling goes the other way: from one number back to a window. It cannot
# bring back what is lost, so it has to decide where the number goes: to the one place that it came from, or to all
# places
# alike. You build both, find out which laws they keep, and repair a block that puts its numbers anywhere.
#
# **When you have worked through this lesson, you can**
#
# - follow the index of a maximum down and up, for odd sizes too;
# - tell the two conventions of average unpooling apart, and say what each of them is good for;
# - say which order of pooling and unpooling is the identity, and when;
# - find three mistakes in a residual up-sampling block that runs without any error.
#
# | | |
# |---|---|
# | **Time** | about 60 minutes |
# | **Points** | 10 |
# | **You should know** | pooling (lesson 01); the adjoint of a pooling (lesson 02); what a batch norm counts (lesson 05) |
# | **A claim to audit** | "Unpooling needs some indices: pool an empty tensor of the right size, and take those." |
#
# <!-- points -->

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F

from course_lib import check, figures, hint, samples, widgets
from course_lib.geometry import per_axis

# %% [markdown]
# ## Where did it stand?
#
# Max pooling can tell you more than the largest number: with `return_indices=True` it also says where that number
# stood.
# An index is one whole number: the position in the map, **counted row by row** from 0.
#
# **Predict** the four maxima and their four indices.

# %% tags=["skip-execution", "clear-output"]
four = torch.tensor([[[[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [7, 7, 9, 3]]]])
y, indices = F.max_pool2d(four, 2, return_indices=True)
y, indices

# %% [markdown]
# The 9 stands in row 1, column 1 of a map with 4 columns: 1 · 4 + 1 = 5. Note the lower left window: 7 stands in it
# twice,
# and the index is that of the first. And note what the index does *not* count from: not from its window, but from
# the corner of the whole map.
#
# **Max unpooling** takes the numbers and the indices, begins with zeros, and puts every number back to its place.
# **Predict** how many zeros stay.

# %% tags=["skip-execution"]
unpooled = F.max_unpool2d(y, indices, 2)
figures.grids(four, y, unpooled, titles=["before", "pooled", "unpooled"])

# %% [markdown]
# *Look at the twelve zeros: these numbers are gone. The four that are left stand exactly where they stood before.*

# %% [markdown]
# ### Explore
#
# Step through a map of 5 × 5. Then set the size to 4 × 4, and go through it again. **Find** the numbers that land where
# they did not come from.

# %% tags=["skip-execution"]
rows = [3.0, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4], [6, 2, 6, 4, 3]
five = torch.tensor(rows)
maxima, places = F.max_pool2d(five[None], 2, return_indices=True)
widgets.index_follower(five, maxima[0], places[0], output_sizes=[(5, 5), (4, 4)])

# %% [markdown]
# *The blue frame is the window, the orange ones follow one number. Above it you read how its index is taken apart into
# row and column. A cross marks a number that has gone astray.*

# %% [markdown]
# ## Several sizes, one pooled map
#
# A map of 4 × 4 pools to 2 × 2. So does one of 5 × 5, whose last row and column no window reads (lesson 00). From the
# pooled map nobody can see which it was. Unless you say more, torch goes back to the smallest:
#
# $$\text{size} = (\text{pooled size} - 1) \cdot \text{stride} + \text{kernel\_size} - 2 \cdot \text{padding} .$$
#
# > A 2 × 2 unpooling makes every side twice as long, so there is nothing to specify.
#
# **Predict** what happens if a 5 × 5 map is pooled and unpooled like that. A thousand random maps will tell.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
raised, scrambled = 0, 0
for _ in range(1000):
    x = torch.rand(1, 1, 5, 5)
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    try:
        back = F.max_unpool2d(y, indices, 2)
        scrambled += int((back != x[:, :, :4, :4]).logical_and(back != 0).any())
    except RuntimeError as error:
        raised, message = raised + 1, error
print(raised, "raise, the last one with:", message)
print(scrambled, "run, with numbers in wrong places")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong, and only by luck with an error.** Indices up to 18 point into a map of 25 positions; the map of 4 × 4 has 16.
# Where one of them is 16 or more, torch raises: 636 times of 1000. The other 364 run, and every number below the first
# row is in a wrong place, because it was counted along rows of five and is put along rows of four. It is the **width**
# that matters: a map of 5 × 4 would only lose its last row.
#
# The remedy is to say where you want to go back to: `output_size=x.shape[2:]`. Always, if the size may be odd.
#
# </details>

# %% [markdown]
# ## Exercise: `max_unpool`
#
# <!-- facts: max_unpool -->
#
# Build max unpooling for maps `(N, C, H, W)`.
#
# - `indices` has the shape of `y`. Each map of each sample counts its positions from 0.
# - `kernel_size`, `stride` and `padding` are ints or pairs (H, W), those of the pooling; `per_axis(value, 2, name)`
#   makes
#   pairs of them. They are needed for the size alone, by the formula above.
# - `output_size`, where it is given, is the size: a pair (H, W).
# - Where windows overlap, the same number may arrive at a place several times. It is put there, not added.
#
# <!-- hints: max_unpool -->


# %% nbgrader={"grade_id": "max_unpool", "solution": true}
def max_unpool(y, indices, kernel_size, stride=None, padding=0, output_size=None):
    """Max unpooling, (N, C, h, w) → (N, C, H, W).

    indices: int64, of the shape of y; positions row · W + column of each map.
    kernel_size, stride, padding: an int, or a pair (H, W). output_size: (H, W), or None.
    """
    ### BEGIN SOLUTION
    if output_size is None:
        kernel_size = per_axis(kernel_size, 2, "kernel_size")
        stride = kernel_size if stride is None else per_axis(stride, 2, "stride")
        padding = per_axis(padding, 2, "padding")
        sizes = zip(y.shape[2:], stride, kernel_size, padding)
        output_size = [(n - 1) * s + k - 2 * p for n, s, k, p in sizes]
    height, width = output_size
    zeros = y.new_zeros(*y.shape[:2], height * width)
    flat = zeros.scatter(-1, indices.flatten(2), y.flatten(2))
    return flat.reshape(*y.shape[:2], height, width)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_max_unpool", "grade": true}
check(max_unpool)
### BEGIN HIDDEN TESTS
check(max_unpool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The other unpooling
#
# An average has no winner. All positions of a window had the same part in it, so on the way back all of them get the
# same. But how much? Texts mostly show a picture in which **each position gets the number**. Others say that it must
# be **shared out** among the positions. Both are called average unpooling.
#
# Take a window of 2 × 2 with the average 8. **Predict** for both conventions: what is the sum of the four, and what is
# their average?

# %% tags=["skip-execution", "clear-output"]
for name, window in {"copy": [8.0, 8, 8, 8], "share": [2.0, 2, 2, 2]}.items():
    window = torch.tensor(window)
    print(f"{name:>5}: the sum is {window.sum():.0f}, the average {window.mean():.0f}")

# %% [markdown]
# | convention | each position gets | keeps | its law |
# |---|---|---|---|
# | **copy** | y | the mean | `avg_pool(avg_unpool(y)) = y`: a right inverse |
# | **adjoint** | y / (kernel height · kernel width) | the sum | ⟨avg_pool(x), y⟩ = ⟨x, avg_unpool(y)⟩ |
#
# You know the second one already. In lesson 02 you have built the backward pass of average pooling: the transpose of
# its
# matrix. **Predict** what this prints: the gradient that average pooling sends back, if 8 arrives at its output.

# %% tags=["skip-execution", "clear-output"]
x = torch.zeros(1, 1, 2, 2, requires_grad=True)
torch.autograd.grad(F.avg_pool2d(x, 2), x, torch.full((1, 1, 1, 1), 8.0))[0]

# %% [markdown]
# ### Audit: "there is one right average unpooling"
#
# <details><summary>The verdict</summary>
#
# **There are two**, and each is right for what it is made for. If a picture is to come back at its old brightness,
# copy:
# the mean stays. If you want to send something back through an average, a gradient or a probability that must still
# sum up to 1, share. A program that takes one for the other is wrong by a factor of 4, for every 2 × 2. Torch has
# neither
# under this name, so state your convention.
#
# </details>

# %% [markdown]
# ## Exercise: `avg_unpool`
#
# <!-- facts: avg_unpool -->
#
# Build both conventions, for maps `(N, C, H, W)`.
#
# - `kernel_size` and `stride` are ints or pairs (H, W). There is no padding.
# - Windows begin `stride` apart. A position that no window reads stays 0. Where windows overlap, what arrives adds up.
# - `output_size` is a pair (H, W), at least as large as what the windows cover, which is the default.
# - `convention` is `"copy"` or `"adjoint"`.
#
# <!-- hints: avg_unpool -->


# %% nbgrader={"grade_id": "avg_unpool", "solution": true}
def avg_unpool(y, kernel_size, stride=None, output_size=None, convention="copy"):
    """Average unpooling, (N, C, h, w) → (N, C, H, W).

    kernel_size, stride: an int, or a pair (H, W). output_size: (H, W), or None.
    convention: "copy" gives each position the number, "adjoint" its share of it.
    """
    ### BEGIN SOLUTION
    kernel_size = per_axis(kernel_size, 2, "kernel_size")
    stride = kernel_size if stride is None else per_axis(stride, 2, "stride")
    rows, columns = y.shape[2:]
    if output_size is None:
        output_size = [(n - 1) * s + k for n, s, k in zip(y.shape[2:], stride, kernel_size)]
    if convention == "adjoint":
        y = y / (kernel_size[0] * kernel_size[1])
    out = y.new_zeros(*y.shape[:2], *output_size)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = out[:, :, top : top + kernel_size[0], left : left + kernel_size[1]]
            window += y[:, :, i : i + 1, j : j + 1]
    return out
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_avg_unpool", "grade": true}
check(avg_unpool)
### BEGIN HIDDEN TESTS
check(avg_unpool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise: `which_identity`
#
# <!-- facts: which_identity -->
#
# Now settle the question in which order nothing is lost. There are four possible answers, for maps of whole windows:
#
# - `"A"`: up and then down, pool(unpool(y)), always gives back y;
# - `"B"`: down and then up, unpool(pool(x)), always gives back x;
# - `"C"`: both do;
# - `"D"`: neither does.
#
# Return a dict with one of these letters for each of
#
# - `"max"`: max pooling and max unpooling, for maps without numbers below zero, and with any index inside its window;
# - `"copy"`: average pooling and average unpooling by copies;
# - `"adjoint"`: average pooling and its adjoint, windows of 2 × 2;
#
# Then two small sums, with windows of 2 × 2:
#
# - `"below zero"`: the number that comes out if −3 is max-unpooled and max-pooled again;
# - `"left"`: the numbers that are not 0 if a map with 1, 2, 3, 4 in its first row, and so on up to 16, is max-pooled and
#   unpooled again. A list of four, in reading order.
#
# <!-- hints: which_identity -->


# %% nbgrader={"grade_id": "which_identity", "solution": true}
def which_identity():
    """Which order of pooling and unpooling gives back what went in."""
    ### BEGIN SOLUTION
    return {
        "max": "A",
        "copy": "A",
        "adjoint": "D",
        "below zero": 0,
        "left": [6, 8, 14, 16],
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_which_identity", "grade": true}
check(which_identity)
### BEGIN HIDDEN TESTS
check(which_identity, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Run this when you have your point. **Predict** what a second round trip changes.


# %% tags=["skip-execution", "clear-output", "your-code"]
def round_trip(x):
    return max_unpool(*F.max_pool2d(x, 2, return_indices=True), 2)


x = torch.rand(1, 1, 6, 6)
once, twice = round_trip(x), round_trip(round_trip(x))
torch.equal(x, once), torch.equal(once, twice)

# %% [markdown]
# The first trip loses, the second one loses nothing more: what is left has room in the small map. Such an operator is
# called a **projection**.

# %% [markdown]
# ## A round trip on the retina
#
# This is the back of a human eye. A doctor looks at its blood vessels; we make a map of them, by how much darker
# than its surroundings a pixel is in the green channel.

# %% tags=["skip-execution"]
retina = samples.as_float(samples.retina())
green = retina[1:2, 240:410, 255:425]
vessels = (F.avg_pool2d(green, 31, stride=1) - green[:, 15:-15, 15:-15]).clamp(min=0)
vessels = vessels / vessels.max()
figures.images(retina[:, ::3, ::3], vessels, titles=["a retina", "vessels, a part of it"])

# %% [markdown]
# *The part on the right is 140 × 140 of the 1411 × 1411 pixels: three large vessels and some fine ones.*
#
# Now we pool with 4 × 4 and go back in three ways: with the true indices; with the indices of some random tensor;
# by averages and copies. **Predict** which of the three comes closest to the original, pixel by pixel, and in which
# you could still follow a vessel.

# %% tags=["skip-execution", "your-code"]
torch.manual_seed(0)
y, true = F.max_pool2d(vessels[None], 4, return_indices=True)
_, other = F.max_pool2d(torch.rand(1, 1, 140, 140), 4, return_indices=True)
ways = {
    "true indices": max_unpool(y, true, 4),
    "random indices": max_unpool(y, other, 4),
    "averages, copied": avg_unpool(F.avg_pool2d(vessels[None], 4), 4),
}
figures.images(*[way[0].clamp(0, 1) for way in ways.values()], titles=list(ways))

# %% [markdown]
# *Look at how wide the vessels are. The true maxima lie on thin lines along their middle. With random indices the same
# numbers form a cloud. The averages are a coarse picture without holes.*

# %% tags=["skip-execution", "clear-output", "your-code"]
for name, way in ways.items():
    print(f"{name:>16}: mean error {(way - vessels).abs().mean():.3f}")
stray = (vessels.flatten()[other.flatten()] - y.flatten()).abs().mean()
print(f"A number at a random place differs from what belongs there by {stray:.3f}.")

# %% [markdown]
# Pixel by pixel the averages win by far: fifteen of sixteen values are 0 in the other two, and most of the error is
# just
# that. So unpooling is no way of enlarging pictures. It is a way of keeping **places**: what stands there is exact,
# and a
# convolution behind it is to fill the holes. With random indices not even the places are left.

# %% [markdown]
# ## The claim
#
# > Unpooling needs some indices: pool an empty tensor of the right size, and take those.
#
# It stands in a block that you may meet: the *residual up-sampling block*. It unpools, and then two paths lead to a
# sum. Here is one with all of the mistakes; later you repair it.


# %% tags=["skip-execution"]
class BrokenUpProjection(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        n, channels, height, width = x.shape
        nothing = torch.empty(n, channels, 2 * height, 2 * width)  # never filled
        _, indices = F.max_pool2d(nothing, 2, return_indices=True)
        unpooled = F.max_unpool2d(x, indices, 2)
        residual = self.bn1(self.conv1(unpooled))
        out = self.relu(self.bn1(self.conv1(unpooled)))
        return self.bn2(self.conv2(out)) + residual


# %% [markdown]
# ### The indices
#
# `torch.empty` takes memory as it is and does not fill it. Which value is the largest there is chance, so let us take
# random
# values for it, which we can repeat. **Predict** how many of the places are right, for windows of 2 × 2.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
for size in 8, 8, 8, 1000:
    x = torch.rand(1, 1, size, size)
    y, true = F.max_pool2d(x, 2, return_indices=True)
    _, chance = F.max_pool2d(torch.rand_like(x), 2, return_indices=True)
    right = (true == chance).float().mean()
    error = [(F.max_unpool2d(y, i, 2) - x).square().mean().item() for i in (true, chance)]
    print(f"{size:>4}: {right:>4.0%} right, error {error[0]:.2f} and {error[1]:.2f}")

# %% [markdown]
# A window has four positions, so a quarter of the places is right in the long run; on a small map it may be any
# number. The error (the mean square of the difference) is nearly twice as large as with the true indices.
#
# It may be worse. Fresh memory often is all zeros, and among equal numbers the first one wins: then every number stands
# in the upper left corner of its window. That is at least always the same, and some networks do it on purpose. But a
# block that works with whatever lay in memory gives another result for the same input tomorrow.

# %% [markdown]
# ### The residual, and what is counted twice
#
# A residual block adds a **second** path to the first. **Predict** of `BrokenUpProjection`: how many batches has `bn1`
# counted
# after one forward pass? And what is `residual`?

# %% tags=["skip-execution", "clear-output"]
block = BrokenUpProjection(2, 4)
seen = []
block.bn1.register_forward_hook(lambda layer, given, out: seen.append(out.clone()))
block(torch.rand(3, 2, 5, 5))
counted = [layer.num_batches_tracked.item() for layer in (block.bn1, block.bn2)]
print("batches counted by bn1 and bn2:", counted)
print("residual is what the main path has before its ReLU:", torch.equal(*seen))

# %% [markdown]
# Both paths begin with the same two layers, with the same weights, on the same input. So `residual` is the main path's
# own beginning, computed twice. And in training every batch enters the running statistics of `bn1` twice, which makes
# their momentum 0.19 instead of 0.1. Nothing of this raises.

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** Indices are not a formality that unpooling asks for: they are the only thing that it knows. They must be
# those
# of the pooling that made the map small, and they must be handed over, with the size. If there are none, because the
# small map came from a strided convolution, then nobody knows places, and interpolation or a transposed convolution is
# the
# honest way up.
#
# </details>

# %% [markdown]
# ## Exercise: `UpProjection`
#
# <!-- facts: UpProjection -->
#
# Repair the block. The constructor is given: `conv3` and `bn3` are new, and belong to the second path.
#
# - `forward` gets the small map `x`, the `indices` of the 2 × 2 pooling in the encoder, and `output_size`, a pair (H,
#   W), or
#   None where every side doubles. Unpool with your `max_unpool`.
# - One path: conv1, bn1, ReLU, conv2, bn2. The other: conv3, bn3. Both begin with the unpooled map.
# - Behind their sum stands a ReLU.
#
# <!-- hints: UpProjection -->


# %% nbgrader={"grade_id": "UpProjection", "solution": true}
class UpProjection(nn.Module):
    """Unpooling and a residual block: (N, C, h, w) → (N, O, 2·h, 2·w), or output_size."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def forward(self, x, indices, output_size=None):
        ### BEGIN SOLUTION
        unpooled = max_unpool(x, indices, 2, output_size=output_size)
        main = self.relu(self.bn1(self.conv1(unpooled)))
        main = self.bn2(self.conv2(main))
        projection = self.bn3(self.conv3(unpooled))
        return self.relu(main + projection)
        ### END SOLUTION


# %% nbgrader={"grade_id": "check_UpProjection", "grade": true}
check(UpProjection)
### BEGIN HIDDEN TESTS
check(UpProjection, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# An encoder and your decoder, for a picture of any size. **Predict** the two shapes.

# %% tags=["skip-execution", "clear-output", "your-code"]
picture = torch.rand(1, 3, 37, 53)
small, indices = F.max_pool2d(picture, 2, return_indices=True)
large = UpProjection(3, 8)(small, indices, output_size=picture.shape[2:])
small.shape, large.shape

# %% [markdown]
# ## The same in torch
#
# - `F.max_unpool1d`, `F.max_unpool2d`, `F.max_unpool3d`, and `nn.MaxUnpool2d` as a layer:
#   `nn.MaxUnpool2d(2)(y, indices, output_size=x.shape)`. With overlapping windows torch does as you did.
# - `nn.MaxPool2d(2, return_indices=True)` returns the pair. Inside `nn.Sequential` that breaks the chain, since the
#   next layer
#   gets a tuple; write a `forward`.
# - Average unpooling is not in torch. Where windows touch, copying is an old acquaintance. **Predict** the result:

# %% tags=["skip-execution", "clear-output", "your-code"]
y = torch.rand(1, 2, 3, 4)
nearest = F.interpolate(y, scale_factor=2, mode="nearest")
torch.equal(avg_unpool(y, 2), nearest)

# %% [markdown]
# It is nearest-neighbour interpolation (lesson 06) by a whole factor.
#
# **Where it is used.** SegNet segments pictures with a decoder that gets nothing from its encoder but the indices,
# which
# take far less memory than whole maps. The networks by Zeiler and Fergus that draw what a feature has seen send
# activations
# back through such "switches". The block of this lesson comes from a network that estimates depth from a single
# picture (Laina
# and others, 2016); it has no indices, and puts every number into the upper left corner on purpose.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Why do indices count along the whole map and not inside their window?</summary>
#
# With overlapping windows, one place has several names inside windows, but only one in the map. And unpooling needs no
# window at all then: only the size of the map, and above all its width.
#
# </details>
#
# <details><summary>2. You pool and unpool without a ReLU before. What may go wrong at the next max pooling?</summary>
#
# Numbers below zero. Where all of a window is negative, the pooled number is negative, and unpooling puts zeros beside
# it:
# the next maximum is one of these zeros.
#
# </details>
#
# <details><summary>3. What is the gradient of max unpooling?</summary>
#
# Each y gets what arrives at its place, and what arrives at the zeros is lost: it is a gathering by the same indices.
# The gradient of max pooling is, the other way round, an unpooling: each maximum's gradient goes to its index.
#
# </details>

# %% [markdown]
# Next comes [lesson 08](../08_transposed_convolution/08_transposed_convolution.ipynb), *Transposed convolution*: each
# number goes to a whole window again, but with weights that are learned.
