# %% [markdown]
# # 09 · Pixel shuffle and the checkerboard
#
# A map can become larger without a single new number: take four channels, and make of them one with twice as many
# rows and columns. That is pixel shuffle, and it is how many networks that enlarge photographs end. In this lesson
# you build it, show that it is a transposed convolution in disguise, and hunt down the checkerboard that both of them
# draw, often before they have learned anything.
#
# **When you have worked through this lesson, you can**
#
# - build pixel shuffle and its inverse, and tell torch's channel order from TensorFlow's;
# - write a sub-pixel convolution as a transposed convolution, number for number;
# - say which upsamplers draw a checkerboard before any training, and mend one of them by its first weights;
# - measure a checkerboard instead of squinting at pictures.
#
# | | |
# |---|---|
# | **Time** | about 75 minutes |
# | **Points** | 12 |
# | **You should know** | transposed convolution and overlap (lesson 08); `reshape` and `permute` |
# | **A claim to audit** | "A kernel that is divisible by the stride removes the checkerboard." |
#
# <!-- points -->

# %%
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from IPython.display import Markdown
from tqdm import tqdm

from course_lib import check, figures, hint, samples, widgets
from course_lib.analysis import super_resolution

# %% [markdown]
# ## Channels become pixels
#
# Here are four channels of a single pixel: 10, 11, 12 and 13. Pixel shuffle with a factor of 2 makes one channel of
# them, with 2 rows and 2 columns. **Predict** where the 11 will stand: to the right of the 10, or below it?

# %% tags=["skip-execution", "clear-output"]
four = torch.tensor([10.0, 11, 12, 13]).reshape(1, 4, 1, 1)
F.pixel_shuffle(four, upscale_factor=2)

# %% [markdown]
# To its right: the block is filled as one reads. Nothing is computed, and no number is lost or added; each pixel with
# its r² channels becomes a block of r × r pixels. So r² times as many channels buy r times as many rows and columns.
#
# **Predict** the shape that 9 channels of 4 × 4 become with a factor of 3.

# %% tags=["skip-execution", "clear-output"]
F.pixel_shuffle(torch.zeros(1, 9, 4, 4), upscale_factor=3).shape

# %% [markdown]
# ### Explore
#
# Each cell bears the number of its channel. **Find** which input channel makes the lower right pixels of output
# channel 1. Then set `upscale_factor` to 3, and find it again.

# %% tags=["skip-execution"]
widgets.shuffle_explorer(upscale_factor=2, channels=2, channel=5)

# %% [markdown]
# *The blue frames show what happens to one pixel: its channels, above, become one block of each output channel,
# below. The cells of the channel that you follow are yellow; they lie r apart, and together they are called a
# **phase**.* Leave the control `mode` alone for now.

# %% [markdown]
# <details><summary>The answers</summary>
#
# Channel 7 with a factor of 2: it is number 3 of the second group of four. With 3 it is channel 17, the last of the
# second group of nine. In general, output channel c at row i and column j of a block comes from channel **c · r² + i
# · r + j**.
#
# </details>

# %% [markdown]
# ### One axis at a time
#
# How does one write that without loops? Give each meaning an axis of its own. The channels hold three things at once:
# the output channel c, and the place (i, j) inside the block. The rows of the output hold two: the row h of the
# block, and the row i inside it. Here is one dimension of it, two channels of three values. **Predict** the third
# grid: all its numbers in reading order.

# %% tags=["skip-execution"]
two_channels = torch.tensor([[1.0, 2, 3], [10, 20, 30]])  # axes: place, position
turned = two_channels.permute(1, 0)  # axes: position, place
titles = ["two channels", "axes exchanged", "as one line"]
figures.grids(two_channels, turned, turned.reshape(-1), titles=titles)

# %% [markdown]
# *`reshape` alone keeps the reading order; it would take the left grid line by line. `permute` brings 1 and 10
# beside each other, and then `reshape` may join the axes.* So there are three steps: **part, permute, join**.

# %% [markdown]
# ## Exercise: `pixel_shuffle`
#
# <!-- facts: pixel_shuffle -->
#
# Build pixel shuffle and its inverse, for pictures.
#
# - `x` is `(N, C · r², H, W)` and becomes `(N, C, H · r, W · r)`, with r = `upscale_factor`.
# - With `inverse=True` it is the other way round: `(N, C, H · r, W · r)` becomes `(N, C · r², H, W)`. Torch calls
#   that pixel unshuffle.
# - The dtype stays, and gradients flow.
#
# <!-- hints: pixel_shuffle -->


# %% nbgrader={"grade_id": "pixel_shuffle", "solution": true}
def pixel_shuffle(x, upscale_factor, inverse=False):
    """Pixel shuffle, (N, C · r², H, W) → (N, C, H · r, W · r), or its inverse."""
    ### BEGIN SOLUTION
    r = upscale_factor
    n, c, h, w = x.shape
    if inverse:
        parted = x.reshape(n, c, h // r, r, w // r, r)
        return parted.permute(0, 1, 3, 5, 2, 4).reshape(n, c * r * r, h // r, w // r)
    parted = x.reshape(n, c // (r * r), r, r, h, w)
    return parted.permute(0, 1, 4, 2, 5, 3).reshape(n, c // (r * r), h * r, w * r)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_pixel_shuffle", "grade": true}
check(pixel_shuffle)
### BEGIN HIDDEN TESTS
check(pixel_shuffle, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The inverse makes a picture smaller without losing anything. Let it fold Chelsea's eye. **Predict** how the four
# channels will look beside each other.

# %% tags=["skip-execution", "your-code"]
cat = samples.as_float(samples.chelsea())
eye = cat[:, 80:140, 140:230]
folded = pixel_shuffle(eye.mean(0)[None, None], 2, inverse=True)[0]
titles = [f"channel {k}" for k in range(4)]
figures.images(*folded, titles=titles)

# %% [markdown]
# *Four small eyes that look nearly the same: each holds every second row and column, begun at another place.* Taking
# one of them and dropping the rest is what a stride does (lesson 02). Here all four are kept, as channels, and
# `pixel_shuffle` brings the picture back to the last bit.

# %% [markdown]
# ## Two channel orders
#
# There is a second convention. TensorFlow calls the operation `depth_to_space`, and lets the place inside the block
# run **slowest** along the channels, where torch lets it run fastest. ONNX, the format in which networks travel from
# one framework to another, knows both and calls them CRD and DCR:
#
# | mode | whose order | the channels are parted into | so (c, i, j) comes from channel |
# |---|---|---|---|
# | CRD | torch | (c, i, j) | c · r² + i · r + j |
# | DCR | TensorFlow | (i, j, c) | (i · r + j) · C + c |
#
# Take eight channels 0 … 7 of one pixel and a factor of 2, so that there are C = 2 output channels. Torch gives [0,
# 1, 2, 3] and [4, 5, 6, 7]. **Predict** what TensorFlow gives, then look: below, `mode` is set to it.

# %% tags=["skip-execution"]
figures.shuffle_view(2, channels=2, channel=5, mode="DCR")

# %% [markdown]
# *The first block of each output: [0, 2, 4, 6] and [1, 3, 5, 7]. All channels of the first place come first.*

# %% [markdown]
# ## Exercise: `depth_to_space`
#
# <!-- facts: depth_to_space -->
#
# - `x` is `(N, C · r², H, W)` and becomes `(N, C, H · r, W · r)`, with r = `block_size`.
# - `mode="DCR"` is TensorFlow's order, `mode="CRD"` is torch's.
# - You may call your `pixel_shuffle`.
#
# <!-- hints: depth_to_space -->


# %% nbgrader={"grade_id": "depth_to_space", "solution": true}
def depth_to_space(x, block_size, mode="DCR"):
    """Channels to pixels in either order, (N, C · r², H, W) → (N, C, H · r, W · r).

    mode: along the channels the place inside a block runs slowest ("DCR") or fastest ("CRD").
    """
    ### BEGIN SOLUTION
    if mode == "DCR":
        n, channels, h, w = x.shape
        places = block_size * block_size
        parted = x.reshape(n, places, channels // places, h, w)
        x = parted.transpose(1, 2).reshape(n, channels, h, w)
    return pixel_shuffle(x, block_size)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_depth_to_space", "grade": true}
check(depth_to_space)
### BEGIN HIDDEN TESTS
check(depth_to_space, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What happens to somebody who mixes them up? The shapes are the same, so nothing raises. Fold the eye in colour in
# torch's order, and unfold it in both. **Predict** what the wrong one looks like.

# %% tags=["skip-execution", "your-code"]
folded = pixel_shuffle(eye[None], 2, inverse=True)
right, mixed = (depth_to_space(folded, 2, mode)[0] for mode in ("CRD", "DCR"))
figures.images(eye, right, mixed, titles=["the eye", "CRD again", "DCR instead"])

# %% [markdown]
# *On the right the colours have run together: each of the three output channels got some reds, some greens and some
# blues, hence the mesh of single pixels.* With a single output channel the two orders agree, so a test on grey
# pictures passes.

# %% [markdown]
# ### Audit: "TensorFlow 1 has nothing like it"
#
# You may read that PixelShuffle exists in torch, and that in TensorFlow 1 one had to write it oneself. **Predict**:
# if you carry over the weights of a network that was trained with a hand-written torch order, which of the 12
# channels for three colours stay in their place under `depth_to_space`?

# %% tags=["skip-execution", "clear-output", "your-code"]
numbers = torch.arange(12.0).reshape(1, 12, 1, 1)
ours, its = (depth_to_space(numbers, 2, mode).flatten().int() for mode in ("CRD", "DCR"))
print("CRD:", ours.tolist())
print("DCR:", its.tolist())
print("channels that stay:", ours[ours == its].tolist())

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** TensorFlow had `tf.depth_to_space` and `tf.space_to_depth` before it reached version 1.0, under names
# that nobody finds who looks for "pixel shuffle". And they are no drop-in for a hand-written torch order: of 12
# channels only the first and the last stay where they are. Ask of an operator not only whether it is there, but also
# in which order it counts.
#
# </details>

# %% [markdown]
# ## Sub-pixel convolution
#
# Shuffled channels must come from somewhere. A **sub-pixel convolution** is an ordinary convolution that makes r²
# channels for each that is wanted, at the small size, and a pixel shuffle behind it. Send an impulse through one,
# with four kernels of 3 × 3 that hold nothing but their own number. **Predict** the middle of the output.

# %% tags=["skip-execution"]
impulse = samples.impulse(3, 3)[None, None]
kernels = torch.arange(1.0, 5).reshape(4, 1, 1, 1).expand(4, 1, 3, 3)
answer = F.pixel_shuffle(F.conv2d(impulse, kernels, padding=1), 2)
figures.grids(impulse[0, 0], answer[0, 0], titles=["impulse", "the answer"])

# %% [markdown]
# *One pixel has become 6 × 6 of them: four kernels of 3 × 3, interleaved.* A pixel that scatters a 6 × 6 kernel over
# the output, and its neighbour the same kernel two pixels further on: that is a **transposed convolution** with
# `kernel_size=6, stride=2` (lesson 08). So the two must be the same operator, with its weights written in another
# order. In which?
#
# - The weight of a convolution is `(C_out, C_in, k, k)`, that of a transposed convolution `(C_in, C_out, k, k)`.
# - The answer of a convolution to an impulse is its kernel **turned round** along both axes; you can't see it above,
#   where all numbers of a kernel are equal. A transposed convolution scatters its kernel as it stands.
# - The kernels are interleaved as pixels are.

# %% [markdown]
# ## Exercise: `sub_pixel_as_transposed`
#
# <!-- facts: sub_pixel_as_transposed -->
#
# Make of the weight of a sub-pixel convolution the weight of the transposed convolution that does the same.
#
# - `weight` is `(C · r², C_in, k, k)`, with r = `upscale_factor`, in torch's order.
# - The result is `(C_in, C, k · r, k · r)`. For an odd k it belongs into `F.conv_transpose2d(x, …, stride=r,
#   padding=(k // 2) * r)`.
#
# <!-- hints: sub_pixel_as_transposed -->


# %% nbgrader={"grade_id": "sub_pixel_as_transposed", "solution": true}
def sub_pixel_as_transposed(weight, upscale_factor):
    """The weight of a transposed convolution that does the same as a sub-pixel convolution.

    weight: (C · r², C_in, k, k), with the upscale_factor r. Returns (C_in, C, k · r, k · r).
    """
    ### BEGIN SOLUTION
    turned = weight.transpose(0, 1).flip((2, 3))
    return pixel_shuffle(turned, upscale_factor)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_sub_pixel_as_transposed", "grade": true}
check(sub_pixel_as_transposed)
### BEGIN HIDDEN TESTS
check(sub_pixel_as_transposed, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now both, on random numbers: 8 channels to 3, a factor of 2. **Predict** how far apart they are.

# %% tags=["skip-execution", "clear-output", "your-code"]
torch.manual_seed(0)
x, weight = torch.randn(2, 8, 10, 7).double(), torch.randn(3 * 4, 8, 3, 3).double()
sub_pixel = pixel_shuffle(F.conv2d(x, weight, padding=1), 2)
as_transposed = sub_pixel_as_transposed(weight, 2)
transposed = F.conv_transpose2d(x, as_transposed, stride=2, padding=2)
print(tuple(weight.shape), "became", tuple(as_transposed.shape))
furthest = (sub_pixel - transposed).abs().max()
print("nowhere further apart than 1e-12:", bool(furthest < 1e-12))

# %% [markdown]
# They are one operator. Even the number of multiply-adds is the same: r² kernels of k × k at each pixel, or one of (k
# · r) × (k · r). What differs is how fast a machine does it, and what you would think of first: with the kernels
# apart, one sees that **each phase has weights of its own**. Keep that in mind.

# %% [markdown]
# ## The claim
#
# > A kernel that is divisible by the stride removes the checkerboard.
#
# The advice is in a well-known article about the checkerboards of generated pictures (A. Odena and others,
# *Deconvolution and Checkerboard Artifacts*, 2016), and you measured its reason in lesson 08: with `kernel_size=3,
# stride=2` some pixels get one contribution, others two or four. With `kernel_size=4` every pixel gets four. Here are
# ones, through weights of one. **Predict** both grids.

# %% tags=["skip-execution"]
ones = torch.ones(1, 1, 6, 6)
three, four = (F.conv_transpose2d(ones, torch.ones(1, 1, k, k), stride=2) for k in (3, 4))
inside = slice(4, 8)
maps = (y[0, 0, inside, inside] for y in (three, four))
figures.grids(*maps, titles=["kernel_size=3", "kernel_size=4"])

# %% [markdown]
# *Away from the border: a board on the left, even on the right.* So far, so true. But no network begins with equal
# weights. **Predict** how many different numbers there will be on the right with random weights, as
# `nn.ConvTranspose2d` begins with.

# %% tags=["skip-execution"]
torch.manual_seed(0)
layer = nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, bias=False)
with torch.no_grad():
    board = layer(ones)[0, 0, inside, inside]
figures.grids(board, titles=["kernel_size=4, random weights"])

# %% [markdown]
# *Four: one for each phase, over and over. It is a checkerboard, and the network has not seen a single picture.*
#
# Every phase gets four contributions, but from four weights **of its own**. **Predict** how to compute the four
# numbers from the kernel.

# %% tags=["skip-execution", "clear-output"]
kernel = layer.weight.detach()[0, 0]
for i in range(2):
    for j in range(2):
        print(f"phase ({i}, {j}): {kernel[i::2, j::2].sum():.3f} and {board[i, j]:.3f}")

# %% [markdown]
# The taps `kernel[i::2, j::2]` fall on phase (i, j), so on flat ground that phase is as bright as their **sum**. Four
# random sums are not equal.

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Half true.** If the stride divides the kernel, every phase gets equally *many* contributions; that takes away the
# checkerboard that comes from counting, and it is worth having. But there is none on flat ground only if the phases'
# weights also have equal *sums*, and random weights do not. A sub-pixel convolution is a transposed convolution whose
# kernel k · r is always divisible by the stride r, and it begins with a board as well. The article itself says that
# its advice helps and is not enough. Equal the sums become by training, or by beginning equal.
#
# </details>

# %% [markdown]
# ## Begin equal: ICNR
#
# One can choose first weights for which all phases agree. The paper "Checkerboard artifact free sub-pixel
# convolution" (2017) does it in the simplest way: of the r² kernels of an output channel, draw **one**, and copy it
# to the others. Then the r² pixels of a block begin equal, and the layer begins as an upsampling that everybody
# knows. **Predict** which.

# %% tags=["skip-execution", "clear-output"]
one = torch.randn(1, 8, 3, 3)
x = torch.randn(1, 8, 5, 5)
begins = F.pixel_shuffle(F.conv2d(x, one.expand(4, 8, 3, 3), padding=1), 2)
nearest = F.interpolate(F.conv2d(x, one, padding=1), scale_factor=2, mode="nearest")
torch.allclose(begins, nearest)

# %% [markdown]
# Nearest neighbours, behind a convolution: hence the name, *initialised to convolution nearest-neighbour resize*.
# From there training may move the four kernels apart.

# %% [markdown]
# ## Exercise: `icnr`
#
# <!-- facts: icnr -->
#
# - `weight` is `(C · r², …)`, freshly drawn, in torch's order; r = `upscale_factor`.
# - Return a weight of the same shape in which every group of r² neighbouring kernels holds r² copies of its **first**
#   one.
# - A bias, `(C · r²,)`, must work too. The weight that is handed in stays as it was.
#
# <!-- hints: icnr -->


# %% nbgrader={"grade_id": "icnr", "solution": true}
def icnr(weight, upscale_factor):
    """First weights that make a sub-pixel convolution a nearest upsampling, (C · r², …) → same shape."""
    ### BEGIN SOLUTION
    r = upscale_factor
    first = weight[:: r * r]
    return first.repeat_interleave(r * r, dim=0)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_icnr", "grade": true}
check(icnr)
### BEGIN HIDDEN TESTS
check(icnr, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## A measure: the energy of the phases
#
# A checkerboard is a difference between phases, so measure the phases. Take every r-th row and column, begun at (i,
# j), and average the **squares** of what stands there: that is the energy of phase (i, j). Squares, because on noise,
# where values of both signs cancel, a mean says nothing. All r² energies alike: no checkerboard. How unequal they
# are, one number says: their standard deviation divided by their mean.

# %% [markdown]
# ## Exercise: `phase_energy`
#
# <!-- facts: phase_energy -->
#
# - `x` is what an upsampler has made: `(N, C, H, W)`, and r = `upscale_factor` divides H and W.
# - Return a pair. First the energies, a tensor `(r, r)`: for each phase the mean square over all pictures, channels
#   and places.
# - Second the **unevenness**, a float: the standard deviation of the r² energies (divide by r², not by r² − 1), over
#   their mean. Where all energies are 0 it is 0.
#
# <!-- hints: phase_energy -->


# %% nbgrader={"grade_id": "phase_energy", "solution": true}
def phase_energy(x, upscale_factor):
    """The energy of each phase, (N, C, H, W) → (r, r), and how uneven they are, a float."""
    ### BEGIN SOLUTION
    r = upscale_factor
    squares = [x[..., i::r, j::r].square().mean() for i in range(r) for j in range(r)]
    energy = torch.stack(squares).reshape(r, r)
    mean = energy.mean().item()
    unevenness = energy.std(correction=0).item() / mean if mean else 0.0
    return energy, unevenness
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_phase_energy", "grade": true}
check(phase_energy)
### BEGIN HIDDEN TESTS
check(phase_energy, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Six upsamplers, before training
#
# Six ways to make one large channel of 16 small ones. The last two are made of your functions.


# %% tags=["skip-execution", "your-code"]
class SubPixel(nn.Module):
    def __init__(self, channels, first=lambda weight, upscale_factor: weight):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, kernel_size=3, padding=1)
        for parameter in self.conv.parameters():
            parameter.data = first(parameter.data, 2)

    def forward(self, x):
        return pixel_shuffle(self.conv(x), 2)


def resized(channels, mode):
    resize = nn.Upsample(scale_factor=2, mode=mode)
    return nn.Sequential(resize, nn.Conv2d(channels, 1, 3, padding=1))


upsamplers = {
    "nearest, conv 3": lambda c: resized(c, "nearest"),
    "bilinear, conv 3": lambda c: resized(c, "bilinear"),
    "transposed 3": lambda c: nn.ConvTranspose2d(c, 1, 3, 2, padding=1, output_padding=1),
    "transposed 4": lambda c: nn.ConvTranspose2d(c, 1, 4, 2, padding=1),
    "sub-pixel": lambda c: SubPixel(c),
    "sub-pixel, ICNR": lambda c: SubPixel(c, icnr),
}

# %% [markdown]
# Each gets flat maps, the same number everywhere, and noise. **Predict** for which of the six your measure is 0 on
# flat maps, and for which on noise.


# %% tags=["skip-execution", "clear-output", "your-code"]
def untrained(name, x, seed=0):
    """What an upsampler that has learned nothing makes of x, away from the border."""
    torch.manual_seed(seed)
    with torch.no_grad():
        return upsamplers[name](16)(x)[..., 8:-8, 8:-8]


flat, noise = torch.ones(1, 16, 24, 24), torch.randn(4, 16, 64, 64)
for name in upsamplers:
    on_flat, on_noise = (phase_energy(untrained(name, x), 2)[1] for x in (flat, noise))
    print(f"{name:>16}: {on_flat:.3f} on flat maps, {on_noise:.3f} on noise")

# %% [markdown]
# On flat maps three of them have no board at all: the two that resize first, because behind equal pixels a convolution
# finds the same everywhere, and ICNR, which begins as a resizing. The three others have one, whether the stride divides
# the kernel or not.
#
# Noise asks for more. Behind *nearest*, a 3 × 3 convolution sees some pixels twice and others once, and what it sees
# twice depends on the phase: the weights have the same sum, but not the same energy. Only ICNR is even there as well,
# because its four pixels are equal. And look at *transposed 3*: by far the worst on noise, whatever the seed, for it
# is a matter of counting.

# %% [markdown]
# ### Artifacts before training
#
# Choose an upsampler and a seed. **Predict** for *transposed 4* whether another seed gives another board.

# %% tags=["skip-execution", "your-code"]
pictures, energies, unevennesses = {}, {}, {}
for name in upsamplers:
    made = [untrained(name, flat, seed)[0, 0, :16, :16] for seed in range(6)]
    pictures[name] = [(0.5 + (y - y.mean()) / 4).clamp(0, 1) for y in made]
    measured = [phase_energy(y[None, None], 2) for y in made]
    energies[name] = [energy for energy, _ in measured]
    unevennesses[name] = [uneven for _, uneven in measured]
widgets.artifact_explorer(pictures, energies, unevennesses, upsampler="transposed 4")

# %% [markdown]
# *What you see is flat ground after an untrained upsampler; mid-grey is the mean. With every seed the board is
# another one. With "nearest", "bilinear" and "ICNR" there is nothing to see but grey.*

# %% [markdown]
# ## Photographs, twice as large
#
# Does training mend it? Take three photographs to learn from, and a corner of three others to judge by. Each is halved by
# averaging 2 × 2 pixels, and a network is to bring back what was there.

# %% tags=["skip-execution"]
to_learn = samples.astronaut(), samples.coffee(), samples.rocket()
to_judge = samples.chelsea(), samples.camera(), samples.brick()
taught = [super_resolution.grey(samples.as_float(p)) for p in to_learn]
judged = [super_resolution.grey(samples.as_float(p))[:, :256, :256] for p in to_judge]
corners = [F.adaptive_avg_pool2d(p[:, :300, :300], 100) for p in (*taught, *judged)]
figures.images(*corners, titles=["to learn from"] * 3 + ["to judge by"] * 3)

# %% [markdown]
# How near a picture comes to the true one says its **PSNR**, in decibels: 6 more is half the error. Bicubic
# interpolation (lesson 06) needs no training and sets the mark. **Predict** which of the three photographs is hardest.


# %% tags=["skip-execution", "clear-output"]
def bicubic(x):
    return F.interpolate(x, scale_factor=2, mode="bicubic")


alone = [super_resolution.psnr(bicubic, picture) for picture in judged]
print("Chelsea {:.2f}, camera {:.2f}, brick {:.2f} dB".format(*alone))
print(f"mean {sum(alone) / 3:.2f} dB")

# %% [markdown]
# The network is small: two convolutions at the small size, then the upsampler, and what comes out is **added to the
# bicubic interpolation**. So it has to learn only what interpolation lacks. The upsampler is the last layer: nothing
# behind it can hide its pattern.
#
# That pattern is measured too, as you would see it: how far apart the four phases are when the whole picture has one
# grey, in steps of the 255 that a screen shows.
#
# **Predict**: which upsamplers win in PSNR? Is the pattern gone at the end, and for whom after a tenth of the training?
# It takes about half a minute.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
with tqdm(total=6 * 3 * 180, desc="steps", file=sys.stdout, ncols=80) as bar:
    rows = super_resolution.compare(upsamplers, taught, judged, tick=bar.update)
Markdown(super_resolution.table(rows))

# %% [markdown]
# *The mean over three seeds, behind the PSNR the least and the greatest. "flat" is the pattern on flat grey: before
# training, after a tenth of it, and after it. "noise" is your unevenness, on noise, before and after.* (Your numbers
# may differ a little; `python benchmarks/super_resolution.py` makes the table anew.)

# %% [markdown]
# Here is a part of a photograph that no network has seen, doubled before and after training by networks of the first
# seed. **Predict** in which of the three pictures on the right you will see a board.

# %% tags=["skip-execution", "varies", "your-code"]
nets = {row.name: row.net for row in rows if row.seed == 0}
first = {}
for name in upsamplers:
    torch.manual_seed(0)
    first[name] = super_resolution.DoublingNet(upsamplers[name])
picture = judged[0][:, 80:140, 140:230]
small = super_resolution.halved(picture[None])
with torch.no_grad():
    doubled = [first["transposed 4"](small), nets["transposed 4"](small)]
    doubled.append(first["sub-pixel, ICNR"](small))
titles = ["the photograph", "transposed 4, before", "transposed 4, after", "ICNR, before"]
figures.images(picture, *(y[0].clamp(0, 1) for y in doubled), titles=titles)

# %% [markdown]
# *The untrained transposed convolution lays its mesh over everything, and training takes it away. The sub-pixel
# convolution with ICNR is as untrained as the other, and where it errs, it errs smoothly.*
#
# And the checkerboard? Here is what the trained networks make of flat grey, **a hundred times amplified**.

# %% tags=["skip-execution", "varies", "your-code"]
grey = torch.full((1, 1, 16, 16), 0.5)
with torch.no_grad():
    flats = {name: net(grey)[0, :, 8:-8, 8:-8] for name, net in nets.items()}
amplified = [(0.5 + 100 * (y - y.mean())).clamp(0, 1) for y in flats.values()]
figures.images(*amplified, titles=list(flats))

# %% [markdown]
# *The boards are still there, where nobody would see them: a tenth or two of a grey level. The first two have none, and
# never could.*

# %% [markdown]
# <details><summary>What the table says</summary>
#
# **Training unlearns most of the pattern.** It begins at 15 to 20 grey levels for the three upsamplers that begin
# with a board, is plainly visible after a tenth of the training, and ends below what a screen can show: a wrong
# brightness on flat ground is an error that every crop punishes. Where nothing punishes it as directly, in a network
# that is to make pictures which merely look real, it stays, and that is where checkerboards became famous.
#
# **Beginning equal pays.** The two sub-pixel convolutions are the same layer with the same number of weights, and
# differ in their first values only. The one with ICNR is better in every seed: it need not spend its first steps on
# getting rid of a board, and it ends as the best of the six.
#
# **Counting is not unlearned.** *transposed 3* gets its flat ground right like the others, but on noise its phases
# stay as uneven as they were: one of them is made of four weights, two of two, one of a single one. The claim was
# right about that much.
#
# And be careful with the rest of the order. The other five lie within a quarter of a decibel of bicubic interpolation,
# above it or below, and their seeds overlap: in so short a training they have hardly begun.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# Your two functions are `F.pixel_shuffle` and `F.pixel_unshuffle`, or `nn.PixelShuffle(r)` and
# `nn.PixelUnshuffle(r)`; they take any number of axes in front of the last three. ICNR torch does not have; it is
# your one line. And TensorFlow's order? There is `F.channel_shuffle(x, groups)`, which deals channels out like cards.
# **Predict** which `groups` brings TensorFlow's order into torch's, and whether `F.fold` can shuffle pixels too.

# %% tags=["skip-execution", "clear-output", "your-code"]
x = torch.randn(2, 12, 4, 5)
dealt = F.pixel_shuffle(F.channel_shuffle(x, groups=4), 2)
folded = F.fold(x.flatten(2), output_size=(8, 10), kernel_size=2, stride=2)
print("DCR by channel_shuffle:", torch.equal(dealt, depth_to_space(x, 2, "DCR")))
print("CRD by fold:           ", torch.equal(folded, pixel_shuffle(x, 2)))

# %% [markdown]
# Both are right: `groups` is r², the number of places; and `fold` with `kernel_size = stride = r` lays blocks side by
# side, which is what a shuffle does.
#
# **Where it is used.** ESPCN brought sub-pixel convolution to super-resolution in 2016, so that all its convolutions
# could work at the small size; EDSR and many after it kept it. The other direction is as common: the first layer of
# YOLOv5's early versions (*Focus*) and the patch merging of Swin Transformers fold 2 × 2 pixels into channels before
# a convolution or a linear layer, in orders of their own. The patches of a Vision Transformer are a pixel unshuffle
# with r = 16 and a linear layer. Networks that generate pictures often take *nearest* and a convolution, for the flat
# ground that you have seen; others blur behind each enlargement.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Pixel shuffle has no parameters and computes nothing. So why is a network that ends in it better than one that ends in nearest upsampling?</summary>
#
# It need not be; the convolution in front of it makes the difference. With r² kernels for each output channel every
# pixel of a block gets an answer of its own. Behind *nearest*, a convolution of the same size looks at fewer
# different numbers, since it reads copies.
#
# </details>
#
# <details><summary>2. A transposed convolution has kernel_size=6 and stride=3, and all its weights are equal. Is there a checkerboard? And after one step of training?</summary>
#
# With equal weights none: every phase gets 2 × 2 contributions. After a step it depends on the gradient: the nine
# phases have different weights, and nothing holds their sums together.
#
# </details>
#
# <details><summary>3. You load weights of a super-resolution network into another framework. Shapes fit, nothing raises, and the pictures are covered with a fine mesh of wrong colours. What is your first guess?</summary>
#
# The channel order in front of the shuffle. Regroup the output channels of the last convolution from (c, i, j) to (i,
# j, c), or the other way round, its bias too. On grey pictures you would not have noticed.
#
# </details>

# %% [markdown]
# Next comes [lesson 10](../10_unet/10_unet.ipynb), *Encoder and decoder: U-Net*, in which everything that makes maps
# smaller and larger meets in one network.
