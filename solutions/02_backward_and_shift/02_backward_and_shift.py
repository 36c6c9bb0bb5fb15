# %% [markdown]
# # 02 · Backward and shift
#
# Max pooling keeps one number of a window and forgets where it stood. Two questions follow. In training the gradient
# has to come back through the pooling: where does it go? And if the position is forgotten, does a network with
# pooling no longer notice when a picture moves? You write both backward passes by hand, and you train networks that
# answer the second question.
#
# **When you have worked through this lesson, you can**
#
# - write the backward pass of max and of average pooling, and let `gradcheck` judge it;
# - say what happens where two values are equal, and why a numeric check fails there;
# - tell *invariant* from *equivariant*, and measure how often a classifier keeps its answer;
# - say what breaks when a map is made smaller, and mend it with a blur.
#
# | | |
# |---|---|
# | **Time** | about 90 minutes |
# | **Points** | 15 |
# | **You should know** | max and average pooling (lesson 01); what `backward()` does |
# | **A claim to audit** | "Pooling makes a network invariant to translation." |
#
# <!-- points -->

# %%
import itertools
import math
import sys

import torch
import torch.nn.functional as F
from IPython.display import Markdown
from torch.autograd import gradcheck
from torch.autograd.functional import jacobian
from tqdm import tqdm

from course_lib import check, figures, hint, samples, widgets
from course_lib.analysis import shift_consistency as shifts

# %% [markdown]
# ## Where the gradient goes
#
# A loss depends on the outputs of a pooling, and autograd knows for each **output** how much the loss rises when
# that output rises: `grad_output`. The backward pass must find the same for each **input**: `grad_input`.
#
# Take one window, 5, 9, 3 and 1. Its maximum is 9. Raise the 9 a little, and the output rises as much. Raise the 5
# a little, and nothing happens: 9 is still the largest. So the winner has slope 1 and all the others have slope 0.
#
# **Predict** where the gradients 10, 20, 30 and 40 of these four windows go.

# %% tags=["skip-execution"]
four = torch.tensor([[3.0, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8], [9, 7, 9, 3]])
x = four[None, None].clone().requires_grad_()
grad_output = torch.tensor([[10.0, 20], [30, 40]])
F.max_pool2d(x, 2).backward(grad_output[None, None])
figures.grids(four, grad_output, x.grad[0, 0], titles=["x", "grad_output", "grad_input"])

# %% [markdown]
# *Each gradient stands where the largest number of its window stood. Twelve of sixteen inputs get 0: in this step
# they learn nothing.*

# %% [markdown]
# ### A backward pass of your own
#
# Torch lets you bring your own backward pass: a class that inherits from `torch.autograd.Function`. Its `forward`
# computes and saves what `backward` will need; its `backward` takes `grad_output` and returns one gradient for each
# argument of `forward` (None where there is nothing to learn).
#
# A colleague has written the backward pass of max pooling for a signal. Read it; it is short.


# %% tags=["skip-execution"]
def colleagues_backward(grad_output, x, kernel_size, stride):
    """The backward pass of max pooling on a signal: (T_out,), (T,) → (T,)."""
    grad_input = torch.zeros_like(x)
    for i in range(len(grad_output)):
        window = x[i * stride : i * stride + kernel_size]
        grad_input[i * stride + window.argmax()] = grad_output[i]
    return grad_input


class ColleaguesPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride):
        ctx.save_for_backward(x)
        ctx.arguments = kernel_size, stride
        return F.max_pool1d(x[None], kernel_size, stride)[0]

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return colleagues_backward(grad_output, x, *ctx.arguments), None, None


# %% [markdown]
# How do you know whether a backward pass is right? Measure it: raise one input by a tiny ε, lower it by ε, and divide
# the change of the output by 2 ε. `gradcheck` does this for every input and output, in float64, and compares the
# result with what `backward` says.
#
# **Predict:** does the colleague's work pass with windows of 2 and stride 2? And with windows of 3 and stride 1?

# %% tags=["skip-execution", "clear-output"]
line = torch.tensor([2.0, 7.0, 1.0, 8.0, -2.0, 8.5, -1.0]).double().requires_grad_()
for window in (2, 2), (3, 1):
    passed = gradcheck(ColleaguesPool.apply, (line, *window), raise_exception=False)
    print("kernel_size, stride =", window, "passes" if passed else "fails")

# %% [markdown]
# A test that passes has tested what you gave it, and no more. The second setting is different in one respect: the
# windows **overlap**. To see what must happen there, send the gradients of four overlapping windows back by hand.
# What one output's gradient gives to each input is a row of the operator's Jacobian, which autograd can tell us.
#
# **Predict** what has arrived at the 9 and at the 8 after the fourth step. Then choose the other operator and predict
# again.


# %% tags=["skip-execution"]
def shares(pool):
    """Which part of each output's gradient goes to each input: (2, 2, 4, 4)."""
    return jacobian(lambda x: pool(x[None, None], 3, 1)[0, 0], peaks)


peaks = torch.tensor([[1.0, 9, 2, 3], [4, 5, 6, 2], [3, 8, 1, 4], [7, 2, 5, 3]])
operators = {"max_pool2d": shares(F.max_pool2d), "avg_pool2d": shares(F.avg_pool2d)}
nine = 9 * torch.tensor([[1.0, 2], [3, 4]])
widgets.gradient_router(peaks, nine, operators, kernel_size=3, stride=1, step=4)

# %% [markdown]
# *The blue frame is the window, the orange one the input that gets its gradient. The 9 wins in the two upper windows and
# gets 9 + 18; the 8 wins in the two lower ones and gets 27 + 36. The colleague's code would have left 18 and 36.*
#
# An input that wins in several windows acts on the loss in several ways, and the chain rule **adds** all ways up. Now you
# know which sign is missing in the colleague's code.

# %% [markdown]
# ## Exercise: `max_pool_backward`
#
# <!-- facts: max_pool_backward -->
#
# Write the backward pass of max pooling for pictures, without autograd.
#
# - `x` is `(N, C, H, W)`, `grad_output` is `(N, C, H_out, W_out)`, and the result is as large as `x`.
# - `kernel_size`, `stride` and `padding` are ints that hold for both axes. Padding counts as −∞.
# - Where several values of a window are largest, the first of them in reading order gets everything.
# - Two loops over the outputs are fine; treat all pictures and channels at once.
# - Work with tensors only, without `.item()`: then autograd can differentiate your gradient once more.
#
# <!-- hints: max_pool_backward -->


# %% nbgrader={"grade_id": "max_pool_backward", "solution": true}
def max_pool_backward(grad_output, x, kernel_size, stride, padding=0):
    """The gradient of max pooling for its input, (N, C, H_out, W_out) → (N, C, H, W).

    x: the input, (N, C, H, W). kernel_size, stride, padding: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    n, c, h, w = x.shape
    k = kernel_size
    padded = F.pad(x, (padding,) * 4, value=float("-inf"))
    grad_input = torch.zeros_like(padded)
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + k, left : left + k]
            winner = F.one_hot(window.flatten(2).argmax(-1), k * k)
            sent = winner * grad_output[:, :, i, j][..., None]
            grad_input[:, :, top : top + k, left : left + k] += sent.reshape(n, c, k, k)
    return grad_input[:, :, padding : padding + h, padding : padding + w]
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_max_pool_backward", "grade": true}
check(max_pool_backward)
### BEGIN HIDDEN TESTS
check(max_pool_backward, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# With your backward pass in a `Function`, autograd uses it like one of its own, and `gradcheck` is the judge.


# %% tags=["skip-execution", "your-code"]
class MyMaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride, padding):
        ctx.save_for_backward(x)
        ctx.arguments = kernel_size, stride, padding
        return F.max_pool2d(x, kernel_size, stride, padding)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return max_pool_backward(grad_output, x, *ctx.arguments), None, None, None


torch.manual_seed(0)
noise = torch.randn(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
gradcheck(MyMaxPool.apply, (noise, 2, 2, 0)), gradcheck(MyMaxPool.apply, (noise, 3, 1, 1))

# %% [markdown]
# ## Ties
#
# In random numbers no two are equal. How is it in real maps? A window is *tied* if its largest value stands in it more
# than once. **Predict** which share of the 2 × 2 windows is tied: in a photograph; in what a convolution and a ReLU
# make of it; in handwritten digits on a black canvas.


# %% tags=["skip-execution", "clear-output"]
def tied(x):
    """The share of 2 × 2 windows whose largest value stands there more than once."""
    windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    largest = windows == windows.amax(-1, keepdim=True)
    return (largest.sum(-1) > 1).float().mean().item()


torch.manual_seed(0)
cat = samples.as_float(samples.chelsea())[None]
behind_relu = F.relu(torch.nn.Conv2d(3, 8, kernel_size=3)(cat)).detach()
pictures, labels = samples.digits()
for name, maps in {"Chelsea": cat, "behind a ReLU": behind_relu, "digits": pictures}.items():
    print(f"{name:>13}: {100 * tied(maps):.0f} % of the windows are tied")

# %% [markdown]
# Ties are no oddity. Wherever a ReLU has cut everything off, a window holds zeros only, and somebody must get the
# gradient.
#
# Mathematics does not say who: at a tie a maximum has a *kink*, and a kink has no slope. Any rule that hands out the
# gradient in shares that sum to 1 is sound (it is called a *subgradient*), so each operator has chosen one.

# %% [markdown]
# ## Exercise: `tie_routing`
#
# <!-- facts: tie_routing -->
#
# The window is `[[1, 4], [4, 4]]`, and the gradient of its one output is 1. **Predict by hand**, as lists of four numbers
# in reading order:
#
# - `"max_pool2d"`: who gets how much from `F.max_pool2d(window, 2)`;
# - `"amax"`: who gets how much from `window.amax()`, which looks for a value and not for a place;
# - `"numeric"`: what a central difference measures for each value, (max after + ε − max after − ε) / 2 ε;
# - `"gradcheck"`: why `gradcheck` fails here for both of them, as a letter:
#   - `"A"`: one of the two backward passes has a bug;
#   - `"B"`: float64 rounds too coarsely for it;
#   - `"C"`: there is no derivative here; the measurement gives the mean of two slopes, upwards and downwards;
#   - `"D"`: the step ε is too large; with a smaller one they would agree.
#
# Return `{"max_pool2d": [...], "amax": [...], "numeric": [...], "gradcheck": "..."}`.
#
# <!-- hints: tie_routing -->


# %% nbgrader={"grade_id": "tie_routing", "solution": true}
def tie_routing():
    """Who gets the gradient of a window with the values 1, 4, 4 and 4."""
    ### BEGIN SOLUTION
    return {
        "max_pool2d": [0, 1, 0, 0],
        "amax": [0, 1 / 3, 1 / 3, 1 / 3],
        "numeric": [0, 1 / 2, 1 / 2, 1 / 2],
        "gradcheck": "C",
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_tie_routing", "grade": true}
check(tie_routing)
### BEGIN HIDDEN TESTS
check(tie_routing, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Run this when you have your points. It asks `gradcheck` about windows in which three, two, or no values are tied.
# **Predict** the one case of a tie that passes.


# %% tags=["skip-execution", "clear-output"]
def max_pool2d(x):
    return F.max_pool2d(x, 2)


def amax(x):
    return x.amax(dim=(2, 3))


for values in [1.0, 4, 4, 4], [1.0, 4, 4, 2], [1.0, 4, 3, 2]:
    window = torch.tensor(values, dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    for operator in max_pool2d, amax:
        passed = gradcheck(operator, (window,), raise_exception=False)
        print(values, f"{operator.__name__:>10}", "passes" if passed else "fails")

# %% [markdown]
# With two tied values `amax` passes, by luck: two equal shares are a half each, and so is the mean of the slopes 1
# and 0. With three it fails.
#
# What to learn from it: **check gradients where there is a derivative**, on values that all differ. And when two
# frameworks disagree about a gradient, look for ties first.

# %% [markdown]
# ## Average pooling is a matrix
#
# Max pooling needs `x` on the way back, to know who won. Average pooling does not: every value counts the same,
# whatever it is. The operator is *linear*, so it is a matrix. Here it is for 8 positions, windows of 4, stride 2.
#
# **Predict** what a column of the matrix says.


# %% tags=["skip-execution"]
def average(x):
    return F.avg_pool1d(x[None], kernel_size=4, stride=2)[0]


A = jacobian(average, torch.zeros(8))
figures.grids(A, A.T, titles=["A: input to output", "A transposed: output to input"])

# %% [markdown]
# *A row of A is a window: which inputs make this output. A column is an input: which outputs it takes part in. The
# transposed matrix turns the two round, and that is the backward pass: each input collects what its outputs send.*
#
# No one would store this matrix for a picture; it would be zeros nearly everywhere. But there is a law by which you
# recognise a transposed matrix without ever writing it down. It is called the **adjoint** law:
#
# $$\langle A x, \; y \rangle = \langle x, \; A^{\mathsf T} y \rangle \qquad \text{for every } x \text{ and every } y.$$
#
# The angle brackets multiply element by element and sum up. **Predict** whether the two numbers below agree for
# any x and y.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
x, y = torch.randn(8), torch.randn(3)
torch.dot(A @ x, y), torch.dot(x, A.T @ y)

# %% [markdown]
# ## Exercise: `avg_pool_backward`
#
# <!-- facts: avg_pool_backward -->
#
# Write the backward pass of average pooling: the adjoint, without the matrix.
#
# - `grad_output` is `(N, C, H_out, W_out)`. `size` is `(H, W)`, the size of the input: you need to know no more of it.
# - `kernel_size`, `stride` and `padding` are ints that hold for both axes. The divisor is always
#   `kernel_size * kernel_size`: padded zeros count, as they do in torch unless you say otherwise.
# - An input that no window reads gets 0.
#
# <!-- hints: avg_pool_backward -->


# %% nbgrader={"grade_id": "avg_pool_backward", "solution": true}
def avg_pool_backward(grad_output, size, kernel_size, stride, padding=0):
    """The gradient of average pooling for its input: (N, C, H_out, W_out) → (N, C, H, W).

    size: (H, W). kernel_size, stride, padding: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    (h, w), k = size, kernel_size
    n, c, rows, columns = grad_output.shape
    grad_input = F.pad(grad_output.new_zeros(n, c, h, w), (padding,) * 4)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            share = grad_output[:, :, i : i + 1, j : j + 1] / k**2
            grad_input[:, :, top : top + k, left : left + k] += share
    return grad_input[:, :, padding : padding + h, padding : padding + w]
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_avg_pool_backward", "grade": true}
check(avg_pool_backward)
### BEGIN HIDDEN TESTS
check(avg_pool_backward, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Put it into a `Function`, and look at what is saved: the size, and not a single value of `x`. For max pooling, the
# maps (or the places of the winners) must be kept in memory until the backward pass.


# %% tags=["skip-execution", "your-code"]
class MyAvgPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel_size, stride, padding):
        ctx.arguments = x.shape[2:], kernel_size, stride, padding
        return F.avg_pool2d(x, kernel_size, stride, padding)

    @staticmethod
    def backward(ctx, grad_output):
        return avg_pool_backward(grad_output, *ctx.arguments), None, None, None


gradcheck(MyAvgPool.apply, (noise, 2, 2, 0)), gradcheck(MyAvgPool.apply, (noise, 3, 2, 1))

# %% [markdown]
# ## Does a network notice a shift?
#
# > Pooling makes a network invariant to translation: it does not matter whether an object moves a little.
#
# Two words first, which are often mixed up. An operator is **invariant** if the output stays the same when the input
# moves. It is **equivariant** if the output moves along. A convolution is equivariant: move the cat, and the map of its
# ears moves too.
#
# **Predict** what max pooling with windows of 2 makes of 0, 0, 1, 1, 0, 0, 1, 1, and what it makes of the same signal
# moved by one.

# %% tags=["skip-execution"]
signal = torch.tensor([0.0, 0, 1, 1, 0, 0, 1, 1])
moved = signal.roll(1)
pooled, pooled_moved = (F.max_pool1d(values[None], 2)[0] for values in (signal, moved))
titles = ["signal", "moved by one", "pooled", "moved, then pooled"]
figures.grids(signal, moved, pooled, pooled_moved, titles=titles)

# %% [markdown]
# *Compare the two at the end. One is half ones, the other is ones only.* A shift by a single position has doubled the
# mean. This is neither invariant nor equivariant.
#
# Move the next signal yourself: two single ones and a block of two. Beside each output stands its mean, which is
# what a network that ends in a global average sees of it. **Predict** for which operator the mean stays the same.

# %% tags=["skip-execution"]
ones = torch.zeros(24)
ones[[2, 8, 12, 13]] = 1
shifted = torch.stack([ones.roll(shift) for shift in range(9)])
outputs = {
    "maximum of 2": F.max_pool1d(shifted, 2),
    "every second value": shifted[:, ::2],
    "mean of 2": F.avg_pool1d(shifted, 2),
}
means = {name: output.mean(dim=1) for name, output in outputs.items()}
widgets.shift_slider(shifted, outputs, means, "mean", shift=1)

# %% [markdown]
# *Look at the column on the right. With every step of 1 the two upper curves jump; with every step of 2 they are
# back. Only the mean of 2 stays where it is.*

# %% [markdown]
# ### What exactly breaks
#
# Max pooling with stride 2 does two things at once. First it takes the maximum of two neighbours **at every position**:
# a dense maximum. Then it throws every second value away. **Predict** which of the two is to blame.


# %% tags=["skip-execution", "clear-output"]
def dense(x):
    """The maximum of each position and its right neighbour; the signal is a ring."""
    return torch.maximum(x, x.roll(-1))


kept = dense(moved)[::2]
print("It is a dense maximum, halved:", torch.equal(dense(signal)[::2], pooled))
print("The dense maximum moves along:", torch.equal(dense(moved), dense(signal).roll(1)))
print("Halved, it stays as it was:   ", torch.equal(kept, pooled))
print("Halved, it moves along:       ", torch.equal(kept, pooled.roll(1)))

# %% [markdown]
# The maximum is innocent; the **stride** breaks it. It does so in a strided convolution as well. With stride 2 the values
# that are kept are others whenever the input moves by an odd number. Only shifts by multiples of the stride come out as
# shifts. Behind two halvings these are multiples of 4, behind five multiples of 32.

# %% [markdown]
# ## A measure: shift consistency
#
# For a classifier we can count. Show it the same picture at several places, and ask of every **pair** of places: does it
# predict the same class? The share of pairs that agree is the **shift consistency**. It asks for no right answer, only
# for a steady one.

# %% [markdown]
# ## Exercise: `shift_consistency`
#
# <!-- facts: shift_consistency -->
#
# - `logits` is `(S, N, K)`: what a network says of N pictures, each at S ≥ 2 shifts, in scores for K classes.
# - The predicted class is the one with the highest score.
# - Count all pairs of two different shifts, each pair once, for all pictures. Return the share that agrees, as a
#   Python float.
#
# <!-- hints: shift_consistency -->


# %% nbgrader={"grade_id": "shift_consistency", "solution": true}
def shift_consistency(logits):
    """The share of pairs of shifts with the same predicted class, (S, N, K) → float."""
    ### BEGIN SOLUTION
    predicted = logits.argmax(-1)
    agree = [(one == other).float() for one, other in itertools.combinations(predicted, 2)]
    return torch.stack(agree).mean().item()
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_shift_consistency", "grade": true}
check(shift_consistency)
### BEGIN HIDDEN TESTS
check(shift_consistency, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The remedy is a blur
#
# Why did the mean of 2 stay steady? Look at the fastest wave that a signal can hold: 0, 1, 0, 1, … **Predict** what
# every second value of it is, and what it is after the wave has moved by one.

# %% tags=["skip-execution"]
wave = torch.tensor([0.0, 1, 0, 1, 0, 1, 0, 1])
titles = ["wave", "every second", "moved, every second"]
figures.grids(wave, wave[::2], wave.roll(1)[::2], titles=titles)

# %% [markdown]
# *All zeros, or all ones.* A wave too fast for the new, coarser grid does not vanish; it comes back as something else.
# This is called **aliasing**, and it is why wheels in films turn backwards. The remedy is as old as
# digital sound: **take the fast waves out before you drop values**. That is a blur.
#
# Which weights? With weights that sum to the same at even and at odd places, the fastest wave becomes a constant: 1, 1
# does it, and so do 1, 2, 1 and 1, 4, 6, 4, 1, the rows of Pascal's triangle. The longer the row, the more of the fast
# waves is gone. Richard Zhang put such a blur into networks in 2019 and called it **BlurPool** (*Making Convolutional
# Networks Shift-Invariant Again*). Max pooling becomes: dense maximum, blur, every second value.

# %% [markdown]
# ## Exercise: `blur_pool`
#
# <!-- facts: blur_pool -->
#
# - `x` is `(N, C, H, W)`; each channel is blurred for itself, along both axes.
# - The weights are row `kernel_size` of Pascal's triangle, divided by their sum: 1, 2, 1 over 4 for `kernel_size=3`.
# - An output stands at every `stride`-th position: at row `i * stride` the window reads `(kernel_size − 1) // 2` rows
#   before it and `kernel_size // 2` rows behind it.
# - Outside the picture the value at the border repeats: `mode="replicate"` of `F.pad`. So a constant stays constant.
#
# <!-- hints: blur_pool -->


# %% nbgrader={"grade_id": "blur_pool", "solution": true}
def blur_pool(x, kernel_size=3, stride=2):
    """Blur, then keep every stride-th value, (N, C, H, W) → (N, C, H_out, W_out).

    kernel_size, stride: ints that hold for both axes.
    """
    ### BEGIN SOLUTION
    channels = x.shape[1]
    row = x.new_tensor([math.comb(kernel_size - 1, i) for i in range(kernel_size)])
    row = row / row.sum()
    kernel = torch.outer(row, row).expand(channels, 1, kernel_size, kernel_size)
    before, behind = (kernel_size - 1) // 2, kernel_size // 2
    padded = F.pad(x, (before, behind, before, behind), mode="replicate")
    return F.conv2d(padded, kernel, stride=stride, groups=channels)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_blur_pool", "grade": true}
check(blur_pool)
### BEGIN HIDDEN TESTS
check(blur_pool, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# An impulse of 16 shows the weights of your function. **Predict** what is left of it in the end.

# %% tags=["skip-execution", "your-code"]
impulse = 16 * samples.impulse(5, 5)[None, None]
weights, kept = blur_pool(impulse, stride=1)[0, 0], blur_pool(impulse)[0, 0]
figures.grids(impulse[0, 0], weights, kept, titles=["impulse", "blurred", "and every second"])

# %% [markdown]
# *The middle grid is 1, 2, 1 times 1, 2, 1. Dropping every second row and column keeps 4 of 16, here: a quarter, as it
# should be when a quarter of the positions is left.*
#
# Now the moving ones of before, behind a dense maximum. **Predict** the lower curve.

# %% tags=["skip-execution", "your-code"]
densely = F.max_pool1d(shifted, 2, stride=1)
blurred = blur_pool(densely[:, None, None])[:, 0, 0]
outputs = {"maximum of 2": F.max_pool1d(shifted, 2), "dense maximum, blur_pool": blurred}
means = {name: output.mean(dim=1) for name, output in outputs.items()}
widgets.shift_slider(shifted, outputs, means, "mean", shift=1)

# %% [markdown]
# *The lower curve is flat. The output still changes from shift to shift, as it must: half a step on the coarse grid can
# only be shown by values in between. But nothing appears from nowhere any more.*

# %% [markdown]
# ## Three networks, three seeds
#
# Probes are convincing, but a network could learn its way round all this. So train some. The data are 1,797
# handwritten digits of 8 × 8 values, drawn twice as large in the middle of a black canvas of 24 × 24.

# %% tags=["skip-execution"]
digits = shifts.framed(pictures)
figures.images(*digits[:6, 0], titles=[str(label) for label in labels[:6].tolist()])

# %% [markdown]
# The network is small: three convolutions, two halvings, a global average, and a linear layer. What halves is the only
# thing that differs; it has no parameters, so all the networks have the same number of them.

# %% tags=["skip-execution"]
downsamplings = {
    "maximum": lambda x: F.max_pool2d(x, 2),
    "strided": lambda x: x[:, :, ::2, ::2],
    "blurred": lambda x: blur_pool(F.max_pool2d(x, 2, stride=1), kernel_size=5),
}
shifts.DigitNet(downsamplings["maximum"])

# %% [markdown]
# A convolution followed by `[:, :, ::2, ::2]` is a convolution with stride 2; that is why the second one is called
# *strided*. Each network is trained on two thirds of the digits, all in the middle of the canvas: **no network has
# seen a digit move**. Then it is judged on 300 of the others, at 16 places: moved by 0 to 3 pixels down and right.
#
# **Predict** the order of the three: in accuracy where they were trained, and in consistency. Then train; it takes
# about a quarter of a minute.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
with tqdm(total=3 * 3 * 2, desc="epochs", file=sys.stdout, ncols=80) as bar:
    rows = shifts.compare(downsamplings, digits, labels, tick=bar.update)
Markdown(shifts.table(rows))

# %% [markdown]
# *Percent, the mean over three seeds, and behind it the least and the greatest of them.* In the first column the three
# lie within a few percent. If you had looked at the test accuracy only, as one usually does, you would have seen
# little. In the others they are worlds apart. (Your numbers may differ a little; `python benchmarks/shift_consistency.py` makes
# the table anew and adds the average and a shorter blur.)
#
# Is the last column what your own function says? Here are the networks of the first seed, measured by you.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
_, (unseen, true) = shifts.split(digits, labels)
nets = {row.name: row.net for row in rows if row.seed == 0}
for name, net in nets.items():
    print(f"{name:>8}: {100 * shift_consistency(shifts.logits_by_shift(net, unseen)):.1f} %")

# %% [markdown]
# Look at one digit that the network with max pooling cannot hold fast. The middle column shows how probable each class
# is, the right one how probable the true class. At shift 0 the digit stands in the upper left corner, at 8 in the
# lower right one.


# %% tags=["skip-execution", "varies", "your-code"]
def probabilities(net):
    """How probable each class is at 9 places on a diagonal, (9, N, 10)."""
    return shifts.logits_by_shift(net, unseen, diagonal).softmax(-1)


diagonal = [(step, step) for step in range(-4, 5)]
probable = {name: probabilities(net) for name, net in nets.items()}
of_true = {name: p[:, torch.arange(len(true)), true] for name, p in probable.items()}
# The digit on which max pooling wavers most while the blurred network stays sure.
chosen = (of_true["maximum"].std(0) + of_true["blurred"].amin(0)).argmax()
widgets.shift_slider(
    torch.stack([unseen[chosen, 0].roll(place, (0, 1)) for place in diagonal]),
    {name: p[:, chosen] for name, p in probable.items()},
    {name: p[:, chosen] for name, p in of_true.items()},
    f"probability of {true[chosen]}",
    shift=2,
)

# %% [markdown]
# *Move the digit and watch the upper right curve. It has a period of 4, the product of the two strides: after 4 pixels
# the same values are kept again.*

# %% [markdown]
# ### And rotation?
#
# Some texts add rotation to the list: pooling "makes the network robust against shifts and rotations". The same nets
# can tell. **Predict** the accuracy at 15° and at 45°.


# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
def rotated(x, degrees):
    cos, sin = (f(math.radians(degrees)) for f in (math.cos, math.sin))
    turn = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0]]).expand(len(x), 2, 3)
    grid = F.affine_grid(turn, x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


for name, net in nets.items():
    turned = {d: net(rotated(unseen, d)).argmax(-1) for d in (0, 15, 30, 45)}
    right = {d: 100 * (p == true).float().mean().item() for d, p in turned.items()}
    print(f"{name:>8}:", ", ".join(f"{d}° {share:.0f} %" for d, share in right.items()))

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong** as it stands. Pooling with stride s is equivariant to shifts by multiples of s, and to no others;
# invariant it is to none. The maximum does forgive a shift as long as the winner stays in its window; a shift by one
# pixel takes half of the winners out of theirs. In our table the networks with max pooling agree with themselves in
# about two of three pairs of shifts, and with plain striding in about one of three; with a blur it is more than
# nine of ten, with the same number of parameters and about the same accuracy where nothing moves. What makes
# the answer *invariant* in the end is the global average, and it can do so only behind maps that are equivariant.
#
# And rotation: no window knows anything about it. At 15° each of the three loses a quarter of its digits or more, and
# at 45° three quarters or more; the blur, which mends shifts, is no better here than the maximum. Networks learn to
# bear rotations from rotated examples.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# - `torch.autograd.Function` with `forward` and `backward`, and `gradcheck` to judge it. `gradgradcheck` judges the
#   gradient of the gradient.
# - Max pooling stores the places of its winners on the way forward; `return_indices=True` shows them to you. Lesson 07
#   sends values back by them.
# - The adjoint of a convolution is `F.conv_transpose2d`; for average pooling too. **Predict** what this prints:

# %% tags=["skip-execution", "clear-output", "your-code"]
grad_output = torch.randn(1, 1, 3, 3)
ninth = torch.full((1, 1, 3, 3), 1 / 9)
by_transposed = F.conv_transpose2d(grad_output, ninth, stride=2)
torch.allclose(by_transposed, avg_pool_backward(grad_output, (7, 7), 3, 2))

# %% [markdown]
# Lesson 08 is about that operator. For BlurPool torch has no layer; it is the depthwise convolution that you wrote.
#
# **Where it is used.** StyleGAN, which makes pictures of faces, blurs whenever it doubles a map, with the weights 1,
# 3, 3, 1; its third version filters more strictly still, because details had stuck to the pixel grid while the face
# moved. Collections of ready-made classifiers offer BlurPool as an option (`aa_layer` in timm's ResNets). And every
# training of every network with a max pooling runs the backward pass that you wrote.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Why does a backward pass that assigns instead of adding go unnoticed in most networks?</summary>
#
# Their max poolings have windows of 2 and stride 2: no input is read twice, so there is never a second gradient to add.
# In a ResNet, with windows of 3 and stride 2, it would be wrong.
#
# </details>
#
# <details><summary>2. Average pooling with windows of 2 kept the mean of every output steady. Is it a blur?</summary>
#
# Yes, the shortest one: the weights 1, 1. It takes out the fastest wave entirely, but others that are nearly as fast only
# a little. 1, 2, 1 is the same blur applied twice, and 1, 4, 6, 4, 1 four times.
#
# </details>
#
# <details><summary>3. Training on moved digits would also have made the networks steadier. Why bother with a blur?</summary>
#
# Both help, and they may be combined. Moved examples teach a network the shifts of the training pictures, at the cost
# of training; what it does on other pictures remains open. The blur mends the operator itself, for every picture.
#
# </details>

# %% [markdown]
# Next comes [lesson 03](../03_strided_convolution/03_strided_convolution.ipynb), *Strided convolution, receptive field,
# cost*: how far a network sees, and what each step of making a map smaller really saves.
