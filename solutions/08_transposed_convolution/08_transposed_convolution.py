# %% [markdown]
# # 08 · Transposed convolution
#
# A convolution reads: it gathers a window into one number. Its transpose writes: it spreads one number over a window.
# Decoders, generators and segmentation networks grow their maps like that, with weights that are learned. You build it
# in three
# ways that look as if they had nothing in common, and prove with one law that they are the same.
#
# **When you have worked through this lesson, you can**
#
# - build the transposed convolution by scattering, by a transposed matrix, and by zero insertion;
# - say why it is the adjoint of a convolution, and not its inverse;
# - compute its output size with padding, `output_padding` and dilation;
# - predict from kernel and stride alone where strokes overlap, and say what that means for checkerboards.
#
# | | |
# |---|---|
# | **Time** | about 80 minutes |
# | **Points** | 14 |
# | **You should know** | strided convolution (lesson 03); the adjoint law (lesson 02) |
# | **A claim to audit** | "A transposed convolution undoes a convolution, so it is also called deconvolution." |
#
# <!-- points -->

# %%
import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

from course_lib import check, figures, hint, samples, widgets
from course_lib.geometry import per_axis

# %% [markdown]
# ## Painting with a kernel
#
# Take a map of zeros with a single 1, and a kernel. **Predict** what a transposed convolution makes of them.

# %% tags=["skip-execution"]
impulse = samples.impulse(3, 3)[None, None]
kernel = torch.tensor([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]])
stamp = F.conv_transpose2d(impulse, kernel, stride=2)
figures.grids(impulse, kernel, stamp, titles=["x", "kernel", "output"])

# %% [markdown]
# *Look at the middle of the output: the kernel itself, the right way up. An input of 2 would have left it doubled.*
#
# That is all. **Every input value paints the kernel, times itself, and where strokes overlap they add up.** The stroke
# of
# `x[i, j]` begins at row i · stride, column j · stride: so the stride says how far apart strokes lie, and the map
# grows.

# %% [markdown]
# ### Explore
#
# Paint the six numbers one after the other. Then choose another layer. **Find** the layer whose strokes overlap and
# still
# give the same count everywhere inside, and the layer which leaves places empty.

# %% tags=["skip-execution"]
six = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
one_by_one = torch.diag(six.flatten()).reshape(6, 1, 2, 3)
layers = {}
for size, stride in (3, 2), (2, 2), (4, 2), (2, 3), (3, 1):
    strokes = F.conv_transpose2d(one_by_one, torch.ones(1, 1, size, size), stride=stride)
    layers[f"kernel {size}, stride {stride}"] = strokes.unflatten(0, (2, 3)).squeeze(2)
widgets.kernel_painter(six, layers, step=5)

# %% [markdown]
# *All taps of the kernel are 1 here. The orange frames are an input and its stroke; on the right you read how many
# strokes have met at each position.*

# %% [markdown]
# ### The weights are the other way round
#
# A layer that turns 3 channels into 8, with a 5 × 5 kernel. **Predict** the shape of its weights as a convolution, and
# as a transposed convolution.

# %% tags=["skip-execution", "clear-output"]
nn.Conv2d(3, 8, 5).weight.shape, nn.ConvTranspose2d(3, 8, 5).weight.shape

# %% [markdown]
# A convolution has (C_out, C_in, kH, kW), and the transposed one **(C_in, C_out, kH, kW)**. That is no whim: one and
# the same tensor of
# weights leads a convolution from 3 channels to 8, and its transpose from 8 back to 3.

# %% tags=["skip-execution", "clear-output"]
weight = torch.randn(8, 3, 5, 5)
there = F.conv2d(torch.randn(1, 3, 9, 9), weight)
back = F.conv_transpose2d(there, weight)
there.shape, back.shape

# %% [markdown]
# ## Exercise: `conv_transpose_scatter`
#
# <!-- facts: conv_transpose_scatter -->
#
# The first way: paint. For pictures `(N, C_in, H, W)` and weights `(C_in, C_out, kH, kW)`.
#
# - The whole painted map has (H − 1) · stride + dilation · (kH − 1) + 1 rows, columns alike. With `dilation` the taps
#   of a
#   stroke lie that far apart.
# - `padding` rows and columns are then **cut off** at each end. `output_padding` says how many of them are not cut off
#   at the last
#   end, below and on the right; if there was nothing to cut, they are rows of zeros.
# - `bias`, where it is given, is added once to each value of its output channel.
# - `stride`, `padding`, `output_padding` and `dilation` are ints or pairs (H, W).
#
# <!-- hints: conv_transpose_scatter -->


# %% nbgrader={"grade_id": "conv_transpose_scatter", "solution": true}
def conv_transpose_scatter(
    x,
    weight,
    bias=None,
    stride=1,
    padding=0,
    output_padding=0,
    dilation=1,
):
    """Transposed convolution by painting, (N, C_in, H, W) → (N, C_out, H_out, W_out).

    weight: (C_in, C_out, kH, kW). bias: (C_out,) or None. The others: ints or pairs (H, W).
    """
    ### BEGIN SOLUTION
    s, p = per_axis(stride, 2, "stride"), per_axis(padding, 2, "padding")
    q, d = per_axis(output_padding, 2, "output_padding"), per_axis(dilation, 2, "dilation")
    n, _, height, width = x.shape
    rows, columns = weight.shape[2:]
    tall = (height - 1) * s[0] + d[0] * (rows - 1) + 1
    wide = (width - 1) * s[1] + d[1] * (columns - 1) + 1
    out = x.new_zeros(n, weight.shape[1], tall + q[0], wide + q[1])
    for a in range(rows):
        for b in range(columns):
            top, left = a * d[0], b * d[1]
            down = slice(top, top + s[0] * (height - 1) + 1, s[0])
            right = slice(left, left + s[1] * (width - 1) + 1, s[1])
            out[:, :, down, right] += torch.einsum("nchw,co->nohw", x, weight[:, :, a, b])
    out = out[:, :, p[0] : tall + q[0] - p[0], p[1] : wide + q[1] - p[1]]
    return out if bias is None else out + bias[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_conv_transpose_scatter", "grade": true}
check(conv_transpose_scatter)
### BEGIN HIDDEN TESTS
check(conv_transpose_scatter, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Where the name comes from
#
# A convolution is linear, so there is a matrix A that does it: flatten the input, multiply, and you have the flattened
# output. For a
# signal of 7 values and a kernel [1, 2, 3] with stride 2 it has 3 rows and 7 columns. Each column answers a question:
# what does the convolution make of a 1 at this place?
#
# **Predict** the first row. Then look at the transposed matrix: what does its first *column* look like?

# %% tags=["skip-execution"]
signal_kernel = torch.tensor([[[1.0, 2, 3]]])
columns = F.conv1d(torch.eye(7)[:, None], signal_kernel, stride=2)
A = columns[:, 0].T
figures.grids(A, A.T, titles=["A: the convolution", "A transposed"])

# %% [markdown]
# *A row of A is a window, which reads three inputs. A column of the transposed matrix is a stroke, which paints the
# kernel at
# three outputs. They are the same numbers: whoever was read from is now written to.*
#
# So multiplying by the transposed matrix is painting, and that is what the layer is named after. From lesson 02 you
# know
# the law by which a transpose is recognised without its matrix:
#
# $$\langle A u, \; x \rangle = \langle u, \; A^{\mathsf T} x \rangle \qquad \text{for every } u \text{ and every } x.$$
#
# **Predict** whether the two numbers agree for a convolution and a transposed convolution in torch, with a stride and
# a padding.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
u, x = torch.randn(1, 3, 9, 9).double(), torch.randn(1, 8, 5, 5).double()
weight = torch.randn(8, 3, 3, 3).double()
convolved = F.conv2d(u, weight, stride=2, padding=1)
painted = F.conv_transpose2d(x, weight, stride=2, padding=1)
(convolved * x).sum(), (u * painted).sum()

# %% [markdown]
# ## Exercise: `conv_transpose_by_matrix`
#
# <!-- facts: conv_transpose_by_matrix -->
#
# The second way: write down the matrix of an ordinary convolution, for one channel, and multiply by its transpose.
#
# - `weight` is `(kH, kW)`. `size` is (H, W): the map that the convolution would read, and the shape of your output.
#   `stride` and
#   `padding` are ints, those of the convolution.
# - `x` is `(h, w)`: as large as what the convolution makes of a map of that size.
# - A has h · w rows and H · W columns. Maps are flattened row by row, as `flatten` does it.
# - Return two things: Aᵀ times x, in the shape `size`, and A.
#
# <!-- hints: conv_transpose_by_matrix -->


# %% nbgrader={"grade_id": "conv_transpose_by_matrix", "solution": true}
def conv_transpose_by_matrix(x, weight, size, stride=1, padding=0):
    """Transposed convolution by its matrix, (h, w) → ((H, W), the matrix (h · w, H · W)).

    weight: (kH, kW). size: (H, W). stride, padding: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    (h, w), (height, width) = x.shape, size
    A = weight.new_zeros(h * w, height * width)
    for i, j in itertools.product(range(h), range(w)):
        for a, b in itertools.product(range(weight.shape[0]), range(weight.shape[1])):
            row, column = i * stride - padding + a, j * stride - padding + b
            if 0 <= row < height and 0 <= column < width:
                A[i * w + j, row * width + column] = weight[a, b]
    return torch.mv(A.T, x.flatten()).reshape(height, width), A
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_conv_transpose_by_matrix", "grade": true}
check(conv_transpose_by_matrix)
### BEGIN HIDDEN TESTS
check(conv_transpose_by_matrix, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### The backward pass that you know
#
# The transpose of a layer sends its gradient back (lesson 02). **Predict** what this compares, and the result.

# %% tags=["skip-execution", "clear-output"]
u.requires_grad_()
[gradient] = torch.autograd.grad(F.conv2d(u, weight, stride=2, padding=1), u, x)
torch.allclose(gradient, F.conv_transpose2d(x, weight, stride=2, padding=1))

# %% [markdown]
# A transposed convolution forward is a convolution backward. It works the other way round too: the backward pass of a
# transposed convolution is an ordinary convolution.

# %% [markdown]
# ## The claim
#
# > A transposed convolution undoes a convolution, so it is also called deconvolution.
#
# We blur a photograph with a 3 × 3 kernel and stride 2, and go back with the same kernel. **Predict** how much of the
# photograph
# comes back.

# %% tags=["skip-execution"]
photo = samples.as_float(samples.camera())[None, :, 60:188, 170:298]
blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None] / 16
small = F.conv2d(photo, blur, stride=2, padding=1)
back = F.conv_transpose2d(small, blur, stride=2, padding=1, output_padding=1)
back = back * (photo.mean() / back.mean())
names = ["before", "convolved", "and transposed"]
figures.images(photo[0], small[0], back[0].clamp(0, 1), titles=names)

# %% [markdown]
# *On the right even the brightness had to be put right by hand. The size is that of the photograph, and what you see
# is the small
# picture, enlarged and blurred once more.*
#
# If Aᵀ were the inverse of A, then Aᵀ A would be the matrix that changes nothing. **Predict** what it looks like for
# the
# signal above.

# %% tags=["skip-execution"]
names = ["A transposed times A", "what an inverse would give"]
figures.grids(A.T @ A, torch.eye(7), titles=names)

# %% [markdown]
# *Each value is mixed with its neighbours up to two positions away.* And no other matrix could do it: A turns seven
# numbers into three, and nobody makes seven of three again.

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** It is the adjoint, and not the inverse. It brings back the *shape* and connects the same positions with
# the same
# weights, but not the values. In signal processing, *deconvolution* really means to undo a convolution. The old name
# for this
# layer confuses the two, and this course does not use it. Nor is the layer meant to undo anything: its weights are its
# own,
# and are learned.
#
# </details>

# %% [markdown]
# ## As an ordinary convolution
#
# The third way looks the strangest. Each output of a transposed convolution gets something from a few inputs near it,
# as the output
# of any convolution does. Only the inputs stand too close together: give them distance. Put stride − 1 **zeros**
# between
# neighbours, lay a frame of zeros around, and convolve with stride 1.
#
# **Predict** what is still wrong in the second output.

# %% tags=["skip-execution"]
two = torch.tensor([[[[1.0, 0], [0, 2]]]])
filled = torch.zeros(1, 1, 7, 7)
filled[:, :, 2:-2:2, 2:-2:2] = two
kernel = torch.tensor([[[[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]]])
target, ordinary = F.conv_transpose2d(two, kernel, stride=2), F.conv2d(filled, kernel)
names = ["zeros inserted", "transposed", "ordinary convolution"]
figures.grids(filled, target, ordinary, titles=names)

# %% [markdown]
# *Look at the stroke of the 1, in the upper left corner: it stands on its head. An ordinary convolution walks over the
# 1 with
# its last tap first. So the kernel has to be turned by 180°, on both axes.*

# %% [markdown]
# ## Exercise: `conv_transpose_by_zeros`
#
# <!-- facts: conv_transpose_by_zeros -->
#
# Build it from zeros and `F.conv2d`, which is permitted here.
#
# - Weights are `(C_in, C_out, kH, kW)`, as before. `F.conv2d` wants them the other way round.
# - The frame has dilation · (k − 1) − padding rows at each end, and `output_padding` more at the last. It may be
#   negative: then
#   something is cut off. `F.pad` can do both; the padding of `F.conv2d` cannot.
# - `stride`, `padding`, `output_padding` and `dilation` are ints or pairs (H, W). There is no bias.
#
# <!-- hints: conv_transpose_by_zeros -->


# %% nbgrader={"grade_id": "conv_transpose_by_zeros", "solution": true}
def conv_transpose_by_zeros(x, weight, stride=1, padding=0, output_padding=0, dilation=1):
    """Transposed convolution by zero insertion, (N, C_in, H, W) → (N, C_out, H_out, W_out).

    weight: (C_in, C_out, kH, kW). The others: an int, or a pair (H, W).
    """
    ### BEGIN SOLUTION
    s, p = per_axis(stride, 2, "stride"), per_axis(padding, 2, "padding")
    q, d = per_axis(output_padding, 2, "output_padding"), per_axis(dilation, 2, "dilation")
    n, channels, height, width = x.shape
    filled = x.new_zeros(n, channels, (height - 1) * s[0] + 1, (width - 1) * s[1] + 1)
    filled[:, :, :: s[0], :: s[1]] = x
    high, wide = (d[i] * (weight.shape[2 + i] - 1) - p[i] for i in (0, 1))
    filled = F.pad(filled, (wide, wide + q[1], high, high + q[0]))
    return F.conv2d(filled, weight.flip(2, 3).transpose(0, 1), dilation=d)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_conv_transpose_by_zeros", "grade": true}
check(conv_transpose_by_zeros)
### BEGIN HIDDEN TESTS
check(conv_transpose_by_zeros, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now let the three meet, and torch. **Predict** whether they agree to the last digit.

# %% tags=["skip-execution", "clear-output", "your-code"]
torch.manual_seed(0)
x, weight = torch.rand(5, 6, dtype=torch.float64), torch.rand(3, 3, dtype=torch.float64)
both = x[None, None], weight[None, None]
ways = {
    "painted": conv_transpose_scatter(*both, stride=2, padding=1, output_padding=1)[0, 0],
    "matrix": conv_transpose_by_matrix(x, weight, (10, 12), stride=2, padding=1)[0],
    "zeros": conv_transpose_by_zeros(*both, stride=2, padding=1, output_padding=1)[0, 0],
}
torchs = F.conv_transpose2d(*both, stride=2, padding=1, output_padding=1)[0, 0]
for name, way in ways.items():
    print(f"{name:>8}: the same to 12 digits:", torch.allclose(way, torchs, rtol=1e-12, atol=0))

# %% [markdown]
# They agree up to rounding: the same products are added, only in another order. Which of the three would you let a
# computer do? The matrix for one channel of 112 × 112 to 224
# × 224 has 12,544
# rows and 50,176 columns, nearly all zeros. Zero insertion with stride 2 multiplies by zeros three times out of four.
# Painting
# does no work in vain.

# %% [markdown]
# ## How large?
#
# The last stroke begins at (size − 1) · stride. A formula for the output size that is often quoted is
#
# $$(\text{size} - 1) \cdot \text{stride} - 2 \cdot \text{padding} + \text{kernel\_size} + \text{output\_padding} .$$
#
# **Predict** whether it is right for all arguments. We try all the layers that there are in a small range, first
# without dilation, and then with a dilation of 2.

# %% tags=["skip-execution", "clear-output"]
ranges = range(1, 8), range(1, 5), range(1, 4), range(3), range(3)
for dilation in 1, 2:
    tried, wrong = 0, 0
    for size, k, s, p, q in itertools.product(*ranges):
        x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, k)
        try:
            made = F.conv_transpose1d(x, weight, None, s, p, q, 1, dilation).shape[-1]
        except RuntimeError:
            continue  # no such layer: nothing would be left, or output_padding is too large
        tried += 1
        wrong += made != (size - 1) * s - 2 * p + k + q
    print(f"dilation {dilation}: wrong for {wrong} of {tried} layers")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Right without dilation, wrong with it**: for all but 125 of the 559 layers, those of kernel size 1. So it is wrong
# whenever the kernel has more than one tap. With dilation a stroke reaches
# over
# dilation · (kernel_size − 1) + 1 positions, and that has to stand in the place of kernel_size.
#
# </details>
#
# ### What output_padding is for
#
# A convolution with kernel 3, stride 2 and padding 1 makes 3 of 5, and it makes 3 of 6. Going back from 3, which one
# is meant? The
# formula gives 5, and `output_padding=1` says: the other one. **Predict** the last row of the two outputs.

# %% tags=["skip-execution"]
x, kernel = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
five = F.conv_transpose2d(x, kernel, stride=2, padding=1)
sized = F.conv_transpose2d(x, kernel, stride=2, padding=1, output_padding=1)
figures.grids(five, sized, titles=["output_padding=0", "output_padding=1"])

# %% [markdown]
# *The last row on the right is not 0.* The name is misleading: nothing is padded. Of what was painted, less is cut off.
# Layers in torch can work it out for you: `nn.ConvTranspose2d(…)(x, output_size=…)`.

# %% [markdown]
# ## Exercise: `transposed_output_size`
#
# <!-- facts: transposed_output_size -->
#
# Write the law for one axis, with whole numbers, and so that it holds for every dilation.
#
# <!-- hints: transposed_output_size -->


# %% nbgrader={"grade_id": "transposed_output_size", "solution": true}
def transposed_output_size(
    size,
    kernel_size,
    stride=1,
    padding=0,
    output_padding=0,
    dilation=1,
):
    """Number of positions that a transposed convolution makes of size positions."""
    ### BEGIN SOLUTION
    stroke = dilation * (kernel_size - 1) + 1
    return (size - 1) * stride + stroke - 2 * padding + output_padding
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_transposed_output_size", "grade": true}
check(transposed_output_size)
### BEGIN HIDDEN TESTS
check(transposed_output_size, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Checkerboards
#
# Pictures that come out of such layers often show a fine grid. One reason can be seen before any training: paint a map
# of ones
# with a kernel of ones, and what comes out is the number of strokes at each position.
#
# **Predict** for which of these kernels the inner part will be even, with stride 2.

# %% tags=["skip-execution"]
sizes = 2, 3, 4
ones = torch.ones(1, 1, 3, 3)
counts = [F.conv_transpose2d(ones, torch.ones(1, 1, k, k), stride=2) for k in sizes]
figures.grids(*counts, titles=[f"kernel {k}" for k in sizes])

# %% [markdown]
# *Kernel 3: 1, 2 and 4 strokes in turn, a checkerboard. Kernels 2 and 4 are even inside.* Stroke
# after
# stroke begins 2 further on, so tap a lands on even positions if a is even, and on odd ones if it is odd. A kernel of
# 3 has two
# even taps and one odd: the counts 2 and 1, and on a map their products. **Without dilation it is even exactly where
# the stride divides
# the kernel size.**

# %% [markdown]
# ## Exercise: `overlap_count`
#
# <!-- facts: overlap_count -->
#
# Predict the checkerboard without painting. Return two things:
#
# - `counts`: for an input of `size` (h, w), without padding, the number of inputs whose stroke reaches each position
#   of the output, as
#   an int64 tensor;
# - `even`: `True` if away from the border all positions get equally many strokes, on a map as large as you like; else
#   `False`. Positions that get none count too.
#
# `kernel_size`, `stride` and `dilation` are ints that hold for both axes.
#
# <!-- hints: overlap_count -->


# %% nbgrader={"grade_id": "overlap_count", "solution": true}
def overlap_count(size, kernel_size, stride, dilation=1):
    """Strokes at each position, int64 (H_out, W_out), and whether the inner ones are equal.

    size: (h, w) of the input. kernel_size, stride, dilation: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    axes = []
    for n in size:
        length = (n - 1) * stride + dilation * (kernel_size - 1) + 1
        along = torch.zeros(length, dtype=torch.int64)
        for i in range(n):
            for a in range(kernel_size):
                along[i * stride + a * dilation] += 1
        axes.append(along)
    phases = [a * dilation % stride for a in range(kernel_size)]
    taps = {phases.count(phase) for phase in range(stride)}
    return axes[0][:, None] * axes[1], len(taps) == 1
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_overlap_count", "grade": true}
check(overlap_count)
### BEGIN HIDDEN TESTS
check(overlap_count, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Audit: "kernel 2 with stride 2 doubles a map perfectly, but it gives checkerboards"
#
# The count says that it does not: every position gets one stroke. Let a flat grey surface decide, and a photograph. We
# take four
# layers with stride 2: kernel 3 with equal weights; kernel 2 with equal weights; kernel 2 with weights as a new layer
# has
# them; and kernel 3 with the weights ½, 1, ½ along each axis. **Predict** which two show a grid.

# %% tags=["skip-execution"]
torch.manual_seed(0)
linear = torch.tensor([0.5, 1, 0.5])
kernels = {
    "3, all equal": torch.ones(3, 3),
    "2, all equal": torch.ones(2, 2),
    "2, as it begins": nn.ConvTranspose2d(1, 1, 2).weight.detach()[0, 0].abs(),
    "3, with ½, 1, ½": linear[:, None] * linear,
}
eye = samples.as_float(samples.camera())[None, :, 92:116, 250:282]
eye = torch.cat([eye, torch.full((1, 1, 8, 32), 0.5)], dim=2)
enlarged = []
for kernel in kernels.values():
    out = F.conv_transpose2d(eye, kernel[None, None], stride=2)[0, :, 2:-2, 2:-2]
    enlarged.append((out * 0.45 / out.mean()).clamp(0, 1))
figures.images(*enlarged, titles=list(kernels))

# %% [markdown]
# *Look at the grey strip below. The first picture has a grid although its weights are equal, since the strokes overlap
# unevenly. The
# third has one although nothing overlaps, since its four weights differ. The second and the last are clean.*

# %% [markdown]
# What counts is how much weight falls on each **phase**: on the positions (even, even), (even, odd), (odd, even) and
# (odd, odd).

# %% tags=["skip-execution", "clear-output"]
for name, kernel in kernels.items():
    phases = [kernel[i::2, j::2].sum() for i in (0, 1) for j in (0, 1)]
    print(f"kernel {name:>15}:", "  ".join(f"{phase:.2f}" for phase in phases))

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Neither right nor wrong: it is the weights that decide.** With kernel 2 and stride 2 the overlap is uniform, so
# nothing in
# the layer's *geometry* makes a grid. But each phase has one weight of its own, and where these four differ, in a new
# layer and often in a
# trained one, a flat surface comes out as a pattern. And kernel 3 with stride 2, of which the overlap is uneven, can
# be perfectly
# clean: with ½, 1, ½ it is linear interpolation. Even overlap only means that equal weights do no harm. So a stride
# that
# divides the kernel size makes it easy to be clean; it does not make it certain. Lesson 09 measures this.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# - `nn.ConvTranspose1d`, `nn.ConvTranspose2d`, `nn.ConvTranspose3d`, and `F.conv_transpose2d` and so on. Mind the
#   order of the arguments:
#   as a function (…, stride, padding, output_padding, **groups, dilation**), and a convolution has (…, stride, padding,
#   **dilation, groups**). Name them.
# - `layer(x, output_size=…)` chooses `output_padding` for you.
# - `groups` cuts the channels into groups that do not see each other, as in a convolution.
# - Average unpooling is a special case. **Predict** which kernel makes the copies of lesson 07:

# %% tags=["skip-execution", "clear-output"]
y = torch.rand(1, 1, 3, 4)
copies = F.conv_transpose2d(y, torch.ones(1, 1, 2, 2), stride=2)
torch.equal(copies, F.interpolate(y, scale_factor=2, mode="nearest"))

# %% [markdown]
# **Where it is used.** In generators of GANs: DCGAN grows noise of 1 × 1 to a picture of 64 × 64 with five transposed
# convolutions, kernel 4, and all but the first with stride 2 and padding 1, which doubles exactly and overlaps evenly.
# In
# segmentation: FCN begins its layers with the weights of bilinear interpolation and lets them learn, and U-Net goes up
# with
# kernel 2 and stride 2. In speech, generators turn a few frames a second into thousands of samples with 1-D ones.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. A decoder doubles with kernel 3, stride 2, padding 1 and output_padding 1. What would be better?</summary>
#
# Kernel 4, stride 2, padding 1 doubles too, needs no output_padding, is symmetric, and overlaps evenly. It costs 16
# instead of 9 weights.
#
# </details>
#
# <details><summary>2. Is the transpose of the transposed convolution the convolution again?</summary>
#
# Yes: the transpose of a transposed matrix is the matrix. That is why the backward pass of one is the forward pass of
# the other.
# (Applied one after the other, they still do not cancel.)
#
# </details>
#
# <details><summary>3. With dilation 2, stride 2 and kernel 4, where does a transposed convolution paint?</summary>
#
# On even positions only: strokes begin at even ones, and taps lie 2 apart. On a map three quarters of the output stay
# empty.
#
# </details>

# %% [markdown]
# Next comes [lesson 09](../09_pixel_shuffle/09_pixel_shuffle.ipynb), *Pixel shuffle and the checkerboard*: a third way
# to grow, made of channels, and a race of upsamplers.
