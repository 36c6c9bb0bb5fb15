# %% [markdown]
# # 03 · Strided convolution, receptive field, cost
#
# Pooling asks every window the same fixed question. A convolution asks a question that it has learned, and with a
# stride it makes the map smaller while it asks. In this lesson you build it, find out how much of a picture one
# output sees, and measure what all of this costs instead of believing what is said about it.
#
# **When you have worked through this lesson, you can**
#
# - build a convolution with stride, padding and dilation from slices and products;
# - say how large a map comes out, and why "it halves" is only half true;
# - compute what an output sees: the size, the jump and the centre of its receptive field;
# - measure multiply-adds, parameters and bytes of a layer, and tell which of them a smaller map saves.
#
# | | |
# |---|---|
# | **Time** | about 80 minutes |
# | **Points** | 12 |
# | **You should know** | the output-size law of lesson 00; slices and padding of lesson 01 |
# | **A claim to audit** | "Halve the map, and the next convolution costs 75 % less." |
#
# <!-- points -->

# %%
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from course_lib import check, figures, hint, samples, widgets
from course_lib.analysis.cost import Cost, cost, layer_costs
from course_lib.analysis.receptive_field import conv_stack, gradient_field, layers_of
from course_lib.analysis.receptive_field import receptive_field as law
from course_lib.geometry import per_axis

# %% [markdown]
# ## A window with weights
#
# A convolution lays a small grid of **weights** on a window, multiplies each value by the weight on it, and adds up.
# Here the weights are 1, 10, 100 and 1000, and the values are digits, so that the output can be read like a sentence:
# it says which digit met which weight.
#
# **Predict** the four outputs for windows of 2 × 2 that move by 2. What is the first one: 3159, 9513 or 4513?

# %% tags=["skip-execution"]
four = torch.tensor([[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3]])
weights = torch.tensor([[1.0, 10], [100, 1000]])
read = F.conv2d(four[None, None], weights[None, None], stride=2)
figures.grids(four, weights, read[0, 0], titles=["input", "weights", "output"])

# %% [markdown]
# *Read the first output backwards: 3 met 1, 1 met 10, 5 met 100, 9 met 1000. The weights lie on the window as they
# are.*
#
# In mathematics a convolution turns the weights by 180° first; without that turn the operation is called a
# correlation. Deep learning says convolution and leaves out the turn, because learned weights don't care. You can see
# the turn from the other side: **predict** what becomes of an impulse, a single 1 among zeros.

# %% tags=["skip-execution"]
dot = torch.zeros(5, 5)
dot[2, 2] = 1
nine = torch.arange(1.0, 10.0).reshape(3, 3)
answer = F.conv2d(dot[None, None], nine[None, None], padding=1)
figures.grids(dot, nine, answer[0, 0], titles=["impulse", "weights", "output"])

# %% [markdown]
# *The output shows the weights turned by 180°: where the window stands to the upper left of the impulse, its lower
# right weight lies on it.*

# %% [markdown]
# ### A pooling that can learn
#
# Give all weights of a 2 × 2 window the value ¼ and move by 2. **Predict:** does this equal average pooling, exactly?
# And is there any choice of weights that gives max pooling?

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
x = torch.randn(1, 1, 6, 6)
quarter = torch.full((1, 1, 2, 2), 0.25)
torch.allclose(F.conv2d(x, quarter, stride=2), F.avg_pool2d(x, 2))

# %% [markdown]
# Average pooling is a strided convolution whose weights nobody may change. A maximum is no sum of products: raise a
# value that is not the largest, and nothing happens at all. So a strided convolution can learn to average, to take
# one corner, to find an edge; but not to pick the largest.

# %% [markdown]
# ## A stride leaves outputs out
#
# **Predict:** convolve with stride 1 and then keep every second output in each direction. Is this the same as a
# convolution with stride 2?

# %% tags=["skip-execution", "clear-output"]
everywhere = F.conv2d(x, nine[None, None], padding=1)
strided = F.conv2d(x, nine[None, None], padding=1, stride=2)
torch.allclose(everywhere[:, :, ::2, ::2], strided)

# %% [markdown]
# It is the same. The stride changes no output; it decides which of them are computed at all. With
# stride 2 that is one of four. Remember this number for the end of the lesson.

# %% tags=["skip-execution"]
figures.window_coverage(8, kernel_size=3, stride=2, padding=1)

# %% [markdown]
# *Look at the dots: odd positions are read twice and even ones once. A stride smaller than the window lets windows
# overlap; keep this in mind for lesson 08, where the same overlap makes checkerboards.*

# %% [markdown]
# ## One slice for each weight
#
# Real maps have channels. The weights of a layer have the shape `(C_out, C_in, kH, kW)`: a filter for each output
# channel, and in it a little grid for each input channel. Everything under the window is multiplied and added up,
# over all input channels.
#
# To build it without a loop over windows, look at **one weight** instead of one window. With stride 2, weight number
# j of a filter meets positions j, j + 2, j + 4, … of the padded axis: a slice, as in lesson 01.

# %% tags=["skip-execution"]
line = torch.tensor([2.0, 7.0, 1.0, 8.0, -2.0, 8.0, -1.0])
filter_of_three = torch.tensor([1.0, 10.0, 100.0])
met = torch.stack([line[0:5:2], line[1:6:2], line[2:7:2]])
titles = ["line", "what each weight meets", "output"]
figures.grids(line, met, filter_of_three @ met, titles=titles)

# %% [markdown]
# *Each row in the middle is what one weight meets; the output is 1 · the first row + 10 · the second + 100 · the
# third.*
#
# With channels, "times the weight" becomes "times a matrix": the weights at one position, `weight[:, :, i, j]`, are a
# matrix `(C_out, C_in)` that turns C_in channels into C_out. **Predict** the shape of the result:

# %% tags=["skip-execution", "clear-output"]
piece = torch.randn(2, 3, 5, 7)
matrix = torch.randn(8, 3)
torch.einsum("nchw,oc->nohw", piece, matrix).shape

# %% [markdown]
# `einsum` multiplies, and adds up over every letter that is missing behind the arrow; here that is c. So a
# convolution is a sum of kH · kW such products, one for each position in the window.

# %% [markdown]
# ## Exercise: `strided_conv`
#
# <!-- facts: strided_conv -->
#
# Build the convolution of pictures as torch has it.
#
# - `x` is `(N, C_in, H, W)`, `weight` is `(C_out, C_in, kH, kW)`, and `bias`, where it is given, `(C_out,)`.
# - `stride`, `padding` and `dilation` are ints or pairs `(H, W)`; `per_axis(stride, 2, "stride")` makes a pair of
#   both.
# - Padding is zeros. The stride is **1** unless it is given: in this, convolution differs from pooling.
# - Loops over the positions *inside* the window are fine. The dtype stays, and gradients reach all three tensors.
#
# <!-- hints: strided_conv -->


# %% nbgrader={"grade_id": "strided_conv", "solution": true}
def strided_conv(x, weight, bias=None, stride=1, padding=0, dilation=1):
    """Convolution of pictures, (N, C_in, H, W) → (N, C_out, H_out, W_out).

    weight: (C_out, C_in, kH, kW). bias: (C_out,) or None.
    stride, padding, dilation: an int, or a pair (H, W).
    """
    ### BEGIN SOLUTION
    down, right = per_axis(stride, 2, "stride")
    high, wide = per_axis(padding, 2, "padding")
    d_high, d_wide = per_axis(dilation, 2, "dilation")
    k_high, k_wide = weight.shape[2:]
    x = F.pad(x, (wide, wide, high, high))
    last_row = x.shape[2] - d_high * (k_high - 1)
    last_column = x.shape[3] - d_wide * (k_wide - 1)
    out = 0
    for i in range(k_high):
        for j in range(k_wide):
            rows = slice(i * d_high, i * d_high + last_row, down)
            columns = slice(j * d_wide, j * d_wide + last_column, right)
            met = x[:, :, rows, columns]
            out = out + torch.einsum("nchw,oc->nohw", met, weight[:, :, i, j])
    return out if bias is None else out + bias[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_strided_conv", "grade": true}
check(strided_conv)
### BEGIN HIDDEN TESTS
check(strided_conv, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## What a stride may miss
#
# Here is a brick wall, 512 × 512, and three ways to make it 8 times smaller, each a convolution with stride 8: with a
# window of 1 × 1, of 3 × 3 and of 8 × 8, whose weights are all alike and add up to 1.
#
# **Predict:** the joints between the bricks are only a few pixels wide. What becomes of them in each of the three?

# %% tags=["skip-execution"]
wall = samples.as_float(samples.brick())
smaller = []
for k in (1, 3, 8):
    alike = torch.full((1, 1, k, k), 1 / k**2)
    smaller.append(F.conv2d(wall[None], alike, stride=8)[0])
names = ["brick", "1 × 1, stride 8", "3 × 3, stride 8", "8 × 8, stride 8"]
figures.images(wall, *smaller, titles=names)

# %% [markdown]
# *Follow one joint from the top to the bottom. With 1 × 1 and 3 × 3 it breaks into pieces, and whole joints are
# missing: what falls between two windows is never seen. With 8 × 8 every joint is there, only paler.*
#
# This is **aliasing**: detail that is finer than the stride does not just vanish, it turns into a pattern of its own.
# Look at the steps in the joints of the second picture; there are none in the wall. A layer whose window is at least
# as wide as its stride reads every pixel, and then it is up to the weights to smooth before they skip (lesson 02 has
# built the filter for it).

# %% [markdown]
# ### A layer that reads a quarter
#
# You find 1 × 1 convolutions with stride 2 in many networks: ResNet uses them where its shortcut has to shrink along
# with the main path. **Predict:** how much of its input gets a gradient?

# %% tags=["skip-execution"]
board = torch.ones(1, 1, 6, 6, requires_grad=True)
F.conv2d(board, torch.ones(1, 1, 1, 1), stride=2).sum().backward()
figures.grids(board.grad[0, 0], titles=["gradient"])

# %% [markdown]
# *Nine of 36: three quarters of the map are computed and then thrown away unread.* Later versions of ResNet put an
# average pooling in front of the shortcut's convolution for just this reason.

# %% [markdown]
# ## How large is the output?
#
# A comment that one often reads beside a layer says: *kernel_size=3, stride=2, padding=1, so the size is exactly
# halved.* The law of lesson 00 holds for convolutions too. **Predict** what comes out for 255, 256 and 257 columns,
# with that padding and without any:

# %% tags=["skip-execution", "clear-output"]
for size in (255, 256, 257):
    columns = torch.empty(1, 1, 1, size, device="meta")
    kernel = torch.empty(1, 1, 1, 3, device="meta")
    padded = F.conv2d(columns, kernel, stride=2, padding=(0, 1)).shape[-1]
    bare = F.conv2d(columns, kernel, stride=2).shape[-1]
    print(f"{size}: {padded} with padding=1, {bare} without")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# True for **even** sizes only. With padding 1 the output has ⌊(size − 1) / 2⌋ + 1 positions, which is half of the
# size **rounded up**: 255 → 128, 256 → 128, 257 → 129. So 255 and 256 give the same size, and nobody who sees 128 can
# tell which of them it was; a decoder that doubles it comes back with 256 in any case (lesson 10). Without padding it
# is the half rounded *down*, or one less: 256 → 127.
#
# </details>

# %% [markdown]
# ## What one output sees
#
# An output of a 3 × 3 convolution depends on 3 × 3 inputs. Put a second one behind it, and each of *its* outputs
# depends on 3 × 3 values that depend on 3 × 3 inputs each. All inputs that can change an output are its **receptive
# field**.
#
# The gradient knows it: where ∂output/∂input is zero, the output does not look. All weights are 1 here, and we ask
# for one output in the middle. **Predict** the gradient of two layers with kernel_size 3 along one axis. Where is it
# not zero, and is it the same everywhere?

# %% tags=["skip-execution"]
two_layers = [(3, 1, 1), (3, 1, 1)]
seen = gradient_field(conv_stack(two_layers), torch.zeros(1, 1, 11))
figures.grids(seen, titles=["gradient of output 5"])

# %% [markdown]
# *Five positions, and the numbers count the ways: there are three ways through the middle value, but only one from
# the far end.*
#
# Each layer adds kernel_size − 1 positions. That is slow: ten layers see 21 pixels. What makes a field grow fast is a
# **stride**. Behind a layer with stride 2, one step is two pixels, so that every later layer reaches twice as far.
# Three numbers say all of it:
#
# - the **size**: how many positions from the first to the last that an output sees;
# - the **jump**: by how much the field moves from one output to the next;
# - the **centre**: the middle of what output 0 sees, in positions of the input. Padding moves it to the left.


# %% tags=["skip-execution"]
def gradient_of_stack(layers, size, index, random):
    """The gradient of one output of a stack of convolutions along one axis, (size,)."""
    stack = conv_stack(layers, random)
    channels = stack[0].in_channels if layers else 1
    return gradient_field(stack, torch.zeros(1, channels, size), [index])


stacks = {
    "VGG, two stages": [(3, 1, 1), (3, 1, 1), (2, 2, 0), (3, 1, 1), (3, 1, 1), (2, 2, 0)],
    "ResNet, first layers": [(7, 2, 3), (3, 2, 1), (3, 1, 1), (3, 1, 1)],
    "strides only": [(3, 2, 1), (3, 2, 1), (3, 2, 1)],
    "dilation 1, 2, 4, 8": [(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4), (3, 1, 8, 8)],
    "patches": [(8, 8, 0)],
}

# %% [markdown]
# ### Explore
#
# Each layer is (kernel_size, stride, padding), with its dilation as a fourth number where it has one. Choose a stack,
# or write your own and press Enter; move the output. **Predict** before each change, and find out:
#
# 1. By how much does the field grow when you add one more (3, 1, 1) to "VGG, two stages"? And to "strides only"?
# 2. Which of the stacks keeps output 0 centred on position 0?
# 3. What happens to the field of output 0?

# %% tags=["skip-execution"]
widgets.field_explorer(law, gradient_of_stack, stacks)

# %% [markdown]
# *Above, each row is a map; a filled square is seen by the output, and a ✗ is padding. Below, the bars are the
# gradient, and the dashed lines are what the law says. The law and the gradient know nothing of each other.*

# %% [markdown]
# <details><summary>What there is to find</summary>
#
# 1. In "VGG, two stages" the jump is 4, so a further layer adds (3 − 1) · 4 = 8 positions, from 16 to 24. In "strides
#    only" the jump is 8, so it adds 16, from 15 to 31. The layer is the same; what counts is what
#    stands before it.
# 2. "strides only", the ResNet layers and the dilated ones: their padding is half of what the window reaches.
#    Poolings of 2 with stride 2 have no padding and move the centre to the right, by half a step each time.
# 3. A part of it lies outside of the picture and sees padding. An output near the border knows that it is near the
#    border.
#
# </details>

# %% [markdown]
# ## Exercise: `receptive_field`
#
# <!-- facts: receptive_field -->
#
# Compute the three numbers for a stack of layers along one axis.
#
# - `layers` is a list of `(kernel_size, stride, padding)` or `(kernel_size, stride, padding, dilation)`, the layer
#   next to the input first.
# - Return `(size, jump, centre)`. Size and jump are ints. Imagine the axis without end on both sides: the field may
#   lie on padding.
# - The first pixel is position 0. For `[(2, 2, 0)]`, output 0 sees positions 0 and 1, so the centre is 0.5.
#
# <!-- hints: receptive_field -->


# %% nbgrader={"grade_id": "receptive_field", "solution": true}
def receptive_field(layers):
    """What the outputs of a stack of layers see, along one axis.

    layers: (kernel_size, stride, padding) or (kernel_size, stride, padding, dilation) each.
    Returns (size, jump, centre), in positions of the input.
    """
    ### BEGIN SOLUTION
    size, jump, centre = 1, 1, 0
    for kernel_size, stride, padding, *rest in layers:
        reach = (rest[0] if rest else 1) * (kernel_size - 1)
        size += reach * jump
        centre += (reach / 2 - padding) * jump
        jump *= stride
    return size, jump, centre
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_receptive_field", "grade": true}
check(receptive_field)
### BEGIN HIDDEN TESTS
check(receptive_field, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Not only pictures
#
# wav2vec 2.0, a network for speech, begins with seven strided convolutions over a sound of 16,000 samples a second.
# **Predict** roughly: how many milliseconds of sound does one of their outputs hear, and how often does one come?
# Your function knows.

# %% tags=["skip-execution", "clear-output", "your-code"]
speech = [(10, 5, 0), (3, 2, 0), (3, 2, 0), (3, 2, 0), (3, 2, 0), (2, 2, 0), (2, 2, 0)]
size, jump, centre = receptive_field(speech)
print(f"One output hears {size} samples, {1000 * size / 16000:g} ms;")
print(f"the next one begins {jump} samples later, {1000 * jump / 16000:g} ms.")

# %% [markdown]
# These are the numbers that the paper itself gives: windows of 25 ms, one every 20 ms. A vision transformer is
# simpler still: its first layer is one convolution with kernel_size 16 and stride 16, whose windows touch and don't
# overlap.

# %% [markdown]
# ## Inside the field
#
# "The receptive field is 41 × 41, so the output uses an area of 41 × 41 pixels." **Predict:** does a pixel at the edge
# of the field count as much as one in the middle? Here are 5, 10 and 20 layers of 3 × 3 convolutions, the mean over
# 128 networks with random weights. Every picture is exactly one receptive field; white is the strongest gradient.


# %% tags=["skip-execution"]
def field_in_2d(depth, nets=128):
    """The mean gradient of the middle output over its whole field, as a picture up to 1."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(nets, nets, 3, groups=nets, bias=False) for _ in range(depth)]
    for layer in layers:
        nn.init.normal_(layer.weight)
    size = 2 * depth + 1
    field = gradient_field(nn.Sequential(*layers), torch.zeros(1, nets, size, size), [0, 0])
    return field / field.max()


fields = {f"{depth} layers": field_in_2d(depth) for depth in (5, 10, 20)}
figures.images(*fields.values(), titles=list(fields))

# %% [markdown]
# *All three are drawn at the same size. The bright spot gets smaller within its square.* How much smaller? Count the
# brightest pixels until 90 % of the gradient is together:

# %% tags=["skip-execution", "clear-output"]
for name, field in fields.items():
    strongest = field.flatten().sort(descending=True).values.cumsum(0)
    enough = int((strongest < 0.9 * field.sum()).sum()) + 1
    share = f"{enough} of {field.numel()} pixels, {100 * enough / field.numel():.0f} %"
    print(f"{name}: 90 % of the gradient lies on {share}")

# %% [markdown]
# With twice the layers the square has about four times the pixels, but those that count only about double: their radius
# grows with the square root of the depth.

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong.** The receptive field says which pixels *can* matter; how much they do is another question. There are many
# ways from the middle to the output and a single one from each corner, so that the gradient looks like a bell. The
# part that counts is called the *effective* receptive field (W. Luo and others, 2016). In 20 layers with random
# weights a small part of the square holds nine tenths of the gradient. Training can widen the bell, but not beyond
# the square.
#
# </details>

# %% [markdown]
# ## What it costs
#
# For every output a convolution multiplies kH · kW · C_in values by weights and adds them up. So
#
# $$\text{multiply-adds} = N \cdot C_\text{out} \cdot H_\text{out} \cdot W_\text{out} \cdot
# C_\text{in} \cdot kH \cdot kW .$$
#
# But a formula that one believes is no measurement. `cost(layer, x)` runs the layer on the device `"meta"` (lesson
# 00), listens to every operator that torch calls, and adds up. **Predict** the multiply-adds and the parameters of
# this layer:

# %% tags=["skip-execution", "clear-output"]
layer = nn.Conv2d(32, 48, kernel_size=5, padding=2)
measured = cost(layer, torch.empty(1, 32, 40, 40, device="meta"))
outputs, weights_of_one = 48 * 40 * 40, 32 * 5 * 5
print(f"{measured.multiply_adds:,} multiply-adds = {outputs * weights_of_one:,}")
print(f"{measured.parameters:,} parameters = {48 * (weights_of_one + 1):,}")
print(f"{measured.activation_bytes:,} bytes for the output = {4 * outputs:,}")

# %% [markdown]
# Look for H and W in the three formulas. They stand in the first and in the last one; they do not stand in the
# second.

# %% [markdown]
# ### Where the cost lies
#
# VGG-16 has five stages of two or three convolutions with a max pooling behind each; the channels go 64, 128, 256,
# 512, 512. Here they are, up to the linear layers that follow.


# %% tags=["skip-execution"]
def vgg():
    """The convolutional part of VGG-16, stage by stage."""
    stages, channels = nn.Sequential(), 3
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        stage = nn.Sequential()
        for _ in range(depth):
            stage.extend([nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()])
            channels = filters
        stages.append(stage.append(nn.MaxPool2d(2)))
    return stages


# %% [markdown]
# `layer_costs` measures each layer for itself, and we add up what belongs to a stage. **Predict:** which stage computes
# most, which one learns most, and which one fills most memory?

# %% tags=["skip-execution"]
with torch.device("meta"):
    network, picture = vgg(), torch.empty(1, 3, 224, 224)
costs = layer_costs(network, picture)
stages = {f"stage {number}": Cost() for number in range(1, 6)}
for name, each in costs.items():
    stages[f"stage {int(name[0]) + 1}"] += each
amounts: dict = {"multiply-adds": {}, "parameters": {}, "bytes of maps": {}}
for name, each in stages.items():
    amounts["multiply-adds"][name] = each.multiply_adds
    amounts["parameters"][name] = each.parameters
    amounts["bytes of maps"][name] = each.activation_bytes
figures.bars(amounts)

# %% [markdown]
# *Read each panel from top to bottom. Memory is filled by the first stages, whose maps are large; the parameters are
# in the last ones, whose channels are many; and the work is spread over the middle. "Expensive" is not one thing.*
#
# While the maps shrink to a quarter from stage to stage, the channels double up to stage 4. You will see in a moment
# why this keeps the work from shrinking with the maps.
#
# `layers_of` reads kernel sizes, strides and paddings from such a network. **Predict:** do the last outputs see all of
# the 224 pixels?

# %% tags=["skip-execution", "clear-output"]
law(layers_of(network))

# %% [markdown]
# Nearly: 212 of them, 32 pixels apart. The linear layers behind them see the rest.

# %% [markdown]
# ## Exercise: `cost_audit`
#
# <!-- facts: cost_audit -->
#
# Three claims are repeated everywhere:
#
# > **A.** Halving the map saves 75 % of the next convolution.
# >
# > **B.** Downsampling reduces the number of parameters.
# >
# > **C.** Pooling has no parameters, so a strided convolution in its place costs more.
#
# Measure. All maps have 64 channels of 56 × 56 before, and all convolutions are 3 × 3 with padding 1. Each answer is
# a **share**: what is measured afterwards, divided by what was measured before.
#
# | entry | before | after | what |
# |---|---|---|---|
# | `same_channels` | 64 → 64 on 56 × 56 | 64 → 64 on 28 × 28 | multiply-adds |
# | `twice_out` | 64 → 64 on 56 × 56 | 64 → 128 on 28 × 28 | multiply-adds |
# | `twice_in_and_out` | 64 → 64 on 56 × 56 | 128 → 128 on 28 × 28 | multiply-adds |
# | `parameters` | 64 → 64 on 56 × 56 | 64 → 64 on 28 × 28 | parameters |
# | `strided_multiply_adds` | convolution 64 → 64 on 56 × 56 and 2 × 2 max pooling | the convolution alone, with stride 2 | multiply-adds |
# | `strided_bytes` | the same | the same | activation bytes |
#
# Write down your guess for each line first. Then let your function measure, or measure in a cell of your own and
# return the numbers.
#
# <!-- hints: cost_audit -->


# %% nbgrader={"grade_id": "cost_audit", "solution": true}
def cost_audit():
    """Six shares: the cost afterwards divided by the cost before."""

    ### BEGIN SOLUTION
    def measure(channels, filters, size, stride=1, pool=False):
        layer = nn.Conv2d(channels, filters, 3, stride=stride, padding=1)
        layer = nn.Sequential(layer, nn.MaxPool2d(2)) if pool else layer
        return cost(layer, torch.empty(1, channels, size, size))

    def share(after, before, kind="multiply_adds"):
        return getattr(after, kind) / getattr(before, kind)

    full, half = measure(64, 64, 56), measure(64, 64, 28)
    more, most = measure(64, 128, 28), measure(128, 128, 28)
    pooled, strided = measure(64, 64, 56, pool=True), measure(64, 64, 56, stride=2)
    return {
        "same_channels": share(half, full),
        "twice_out": share(more, full),
        "twice_in_and_out": share(most, full),
        "parameters": share(half, full, "parameters"),
        "strided_multiply_adds": share(strided, pooled),
        "strided_bytes": share(strided, pooled, "activation_bytes"),
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_cost_audit", "grade": true}
check(cost_audit)
### BEGIN HIDDEN TESTS
check(cost_audit, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The verdicts
#
# One measurement is left, the one that you feel: time. **Predict:** how much faster is a convolution with stride 2
# than a convolution with a max pooling behind it? Four times, as the multiply-adds say?

# %% tags=["skip-execution", "varies", "clear-output"]
x = torch.randn(4, 64, 56, 56)
pair = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.MaxPool2d(2))
single = nn.Conv2d(64, 64, 3, stride=2, padding=1)


def milliseconds(layer):
    with torch.no_grad():
        layer(x)
        start = time.perf_counter()
        for _ in range(5):
            layer(x)
    return 1000 * (time.perf_counter() - start) / 5


print(f"convolution and max pooling: {milliseconds(pair):.1f} ms")
print(f"convolution with stride 2:   {milliseconds(single):.1f} ms")

# %% [markdown]
# A strided convolution is faster here, though perhaps not four times: multiply-adds count work, not time. Memory has
# to be read and written too, and a stride makes the reading less regular. Multiply-adds tell you what to expect; a
# clock tells you what you get.

# %% [markdown]
# <details><summary>The verdict on A: halving the map saves 75 %</summary>
#
# **True at equal channels only.** A quarter of the outputs is left, so 0.25 of the work. But networks double their
# channels when they halve their maps. With twice the output channels 0.5 is left, and with both numbers doubled
# exactly **1.0**: nothing is saved at all. That is on purpose: it keeps the work of all stages alike.
#
# </details>
#
# <details><summary>The verdict on B: fewer parameters</summary>
#
# **Wrong for convolutions.** Their parameters don't depend on the size of the map: 36,928 before and after, a share
# of 1.0. It is right where a linear layer follows that reads the whole map at once: in VGG-16 the first linear layer
# reads 512 · 7 · 7 values and has 102,764,544 parameters, seven times as many as all of its convolutions.
#
# </details>
#
# <details><summary>The verdict on C: a strided convolution costs more</summary>
#
# **It depends on what it replaces.** Where one convolution with stride 2 takes the place of a convolution *and* the
# pooling behind it, it has the same parameters, a quarter of the multiply-adds, and makes a fifth of the bytes: ¼
# instead of 1 + ¼ maps. Where it takes the place of the pooling *alone*, so that one more convolution is in the
# network, it costs 36,928 parameters and all of its multiply-adds more than nothing. Say which of the two you mean
# before you compare.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# What you have built are `nn.Conv1d`, `nn.Conv2d` and `nn.Conv3d`; as functions `F.conv2d` and so on. Four things are
# worth knowing:
#
# - `groups=g` cuts the channels into g groups that don't see each other, and divides the multiply-adds by g. With
#   `groups=C_in` each channel has a filter of its own: a *depthwise* convolution.
# - `padding="same"` keeps the size, and so it is refused together with a stride.
# - `padding_mode="reflect"` fills the frame with the mirrored picture, so that no dark border comes in.
# - `F.unfold` writes all windows as the columns of one matrix. Then a convolution is a single matrix product.
#
# **Predict:** with unfold, how many columns does a 5 × 5 picture give for 3 × 3 windows with stride 2, and how many
# rows?

# %% tags=["skip-execution", "clear-output"]
maps, filters = torch.randn(1, 2, 5, 5), torch.randn(4, 2, 3, 3)
unfolded = F.unfold(maps, 3, stride=2)
product = (filters.flatten(1) @ unfolded).reshape(1, 4, 2, 2)
same = torch.allclose(product, F.conv2d(maps, filters, stride=2), atol=1e-6)
print(tuple(unfolded.shape), same)

# %% [markdown]
# To count what a network costs, torch has `torch.utils.flop_counter.FlopCounterMode`. It counts *flops*, two for each
# multiply-add; papers mean now the one and now the other.
#
# **Predict** what it says of the layer above that took 61,440,000 multiply-adds.

# %% tags=["skip-execution", "clear-output"]
from torch.utils.flop_counter import FlopCounterMode

with FlopCounterMode(display=False) as counter:
    layer(torch.empty(1, 32, 40, 40))
counter.get_total_flops()

# %% [markdown]
# **Where it is used.** Classification: ResNet halves its maps by convolutions with stride 2, and has a single
# pooling; the "all convolutional net" of 2014 showed that one can do without any. Vision transformers and ConvNeXt
# cut the picture into patches by a convolution whose stride is its kernel_size. The discriminators of GANs shrink
# pictures by strides alone, and speech models do it with sound. Anyone who chooses kernels and strides for small
# objects or long contexts computes a receptive field first.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Which sees more: three 3 × 3 convolutions, or one 7 × 7? And which has more weights, at C channels in and out?</summary>
#
# Both see 7 × 7. The three have 3 · 9 · C² = 27 C² weights, the one has 49 C², and between the three there is room
# for three ReLUs. VGG was built on this.
#
# </details>
#
# <details><summary>2. You want a larger field without making the map smaller. What are your two choices, and what does each cost?</summary>
#
# More layers, or dilation. Layers cost work in proportion, and the field grows slowly. Dilation costs nothing more
# and reaches d times as far, but it leaves holes between the values that it reads; stacks with dilations 1, 2, 4, 8
# fill each other's holes.
#
# </details>
#
# <details><summary>3. A network for 64 × 64 pictures has a field of 212 pixels. Is something wrong?</summary>
#
# Not wrong, but the last outputs see mostly padding, and all of them see the whole picture. Depth that was meant for
# large pictures is spent on zeros: take out a stride, or a stage.
#
# </details>

# %% [markdown]
# Next comes [lesson 04](../04_adaptive_pooling/04_adaptive_pooling.ipynb), *Adaptive pooling and pyramids*: how a
# network takes pictures of any size.
