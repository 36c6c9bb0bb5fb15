# %% [markdown]
# # 05 · The CNN block
#
# Convolution, batch norm, ReLU, pooling: most networks for pictures are these four, again and again. Three of them you
# know. The fourth, batch norm, computes one thing while it learns and another thing afterwards; you build it, make the
# four a module, and melt two of them into one. Then you look at what a block keeps in memory, and at a switch that
# promises to save it: `inplace=True`.
#
# **When you have worked through this lesson, you can**
#
# - build batch norm for training and for eval, and say what its running statistics are;
# - write the block as a module, and fold its batch norm into its convolution;
# - say what autograd keeps of a forward pass, and count it in bytes;
# - tell an in-place operation that raises from one that is silently wrong and one that is fine.
#
# | | |
# |---|---|
# | **Time** | about 75 minutes |
# | **Points** | 14 |
# | **You should know** | convolution (lesson 03); where gradients go (lesson 02); classes that inherit from `nn.Module` |
# | **A claim to audit** | "An in-place ReLU saves a lot of memory." |
#
# <!-- points -->

# %%
import copy
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from IPython.display import Markdown
from tqdm import tqdm

from course_lib import check, figures, hint, samples, widgets
from course_lib.analysis import saved
from course_lib.analysis.shift_consistency import one_thread, split

# %% [markdown]
# ## Four steps
#
# Here is Chelsea in grey, and a filter that finds edges between left and right. **Predict**: which of the four steps
# changes the size of the map? Which one loses something that no later step can bring back?

# %% tags=["skip-execution"]
cat = samples.as_float(samples.chelsea()).mean(0)[None, None]
edges = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])[None, None]
steps = {"conv": F.conv2d(cat, edges, padding=1)}
steps["batch norm"] = F.batch_norm(steps["conv"], None, None, training=True)
steps["ReLU"] = F.relu(steps["batch norm"])
steps["pool"] = F.max_pool2d(steps["ReLU"], 2)


def shown(x):
    """A map as a picture: 0 is grey, 3 is white, −3 is black."""
    return (x[0] / 6 + 0.5).clamp(0, 1)


figures.images(*map(shown, steps.values()), titles=list(steps))

# %% [markdown]
# *Batch norm turns up the contrast. ReLU keeps the edges from dark to bright, and all edges from bright to dark become
# 0: nothing later can tell how strong they were. Only the pooling changes the size.*
#
# What a batch norm does shows best in a histogram. Here it gets the grey values of the picture themselves. **Predict** the
# mean and the standard deviation of what it makes of them.

# %% tags=["skip-execution"]
normalised = F.batch_norm(cat, None, None, training=True)
figures.histograms(cat, normalised, titles=["grey values", "batch norm"])

# %% [markdown]
# *The dashed line is the mean. The shape stays as it was; it is shifted to 0 and stretched until its standard deviation
# is 1.*

# %% [markdown]
# ## Batch norm
#
# One channel at a time. Take **all** values of that channel: of all pictures of the batch, and of all positions. Subtract
# their mean, and divide by their standard deviation. Then multiply by a number and add another one, γ and β, which are
# learned; torch calls them `weight` and `bias`.
#
# $$y = \frac{x - \text{mean}}{\sqrt{\text{var} + \varepsilon}} \cdot \gamma + \beta$$
#
# The small ε keeps a channel whose values are all equal from being divided by zero.
#
# **Predict** the output for two channels with two values each, one of them ten times as large as the other.

# %% tags=["skip-execution", "clear-output"]
pair = torch.tensor([[1.0, 10], [3, 30]])
F.batch_norm(pair, None, None, training=True)

# %% [markdown]
# −1 and 1 in both channels: how large the numbers were is forgotten. That is the point of it. A convolution may scale
# its output by any factor, and the layers behind it never know.
#
# ### Audit: "batch norm keeps signals and gradients from vanishing and exploding"
#
# Twenty convolutions with ReLU in a row. Their weights are drawn at the size that the textbook recommends, or at half or
# twice that size. **Predict** what each factor does to the gradient of the first layer, without batch norm and with it.


# %% tags=["skip-execution", "clear-output"]
def stack(factor, norm):
    torch.manual_seed(0)
    layers = []
    for _ in range(20):
        conv = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        conv.weight.data *= factor
        layers += [conv, nn.BatchNorm2d(16), nn.ReLU()] if norm else [conv, nn.ReLU()]
    return nn.Sequential(*layers)


for factor in 0.5, 1, 2:
    for norm in False, True:
        deep = stack(factor, norm)
        out = deep(torch.randn(8, 16, 16, 16))
        out.square().mean().backward()
        size, slope = out.std().item(), deep[0].weight.grad.norm().item()
        name = "with batch norm" if norm else "without"
        print(f"weights × {factor:<3} {name:<15} output {size:8.1e}  gradient {slope:8.1e}")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **True for this.** A factor of 2 in each of twenty layers is a factor of a million: without batch norm the output is
# a million times too large or too small, and the gradient is lost in both cases. With it the output is the same for all three
# factors, since each layer is scaled back. The gradient is not quite: weights twice as large get half the gradient. It is
# no guarantee: batch norm scales by the batch that happens to come, and a very small batch makes it noisy.
#
# </details>
#
# ### Audit: "the output has mean 0 and variance 1"
#
# Values with mean 10 and standard deviation 5 go through `nn.BatchNorm1d`. **Predict** mean and standard deviation of
# what comes out: of a new layer in training; with γ = 2 and β = 1; and of a new layer in eval.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
values = 5 * torch.randn(1000, 1) + 10
new, scaled = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
nn.init.constant_(scaled.weight, 2)
nn.init.constant_(scaled.bias, 1)
evaluated = nn.BatchNorm1d(1).eval()
for name, layer in ("training", new), ("γ = 2, β = 1", scaled), ("eval", evaluated):
    out = layer(values)
    print(f"{name:>13}: mean {out.mean():5.2f}, std {out.std(correction=0):4.2f}")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Only in the middle of the formula, and only in training.** γ and β come last: their standard deviation is γ and their
# mean is β, 2 and 1 here. And in eval the batch is not looked at. A new layer has the running mean 0 and the running variance
# 1, so it changes nothing at all: 10 and 5 come out as they went in.
#
# </details>

# %% [markdown]
# ### Two faces
#
# In **training** the batch normalises itself. At the same time two buffers are moved a little towards its statistics:
#
# $$\text{running} \leftarrow (1 - \text{momentum}) \cdot \text{running} + \text{momentum} \cdot \text{batch's own}$$
#
# In **eval** these running statistics normalise, and they stay as they are. So a picture gets the same answer whatever
# else is in its batch, and a batch of one works.
#
# A trap lies in the variance. The batch is normalised with the **biased** one, the mean of the squares. But `running_var`
# moves towards the **unbiased** one, larger by n / (n − 1): it is an estimate for pictures that are still to come.
# **Predict** both buffers after `pair` (means 2 and 20, biased variances 1 and 100), from 0 and 1, with momentum 0.5.

# %% tags=["skip-execution", "clear-output"]
running_mean, running_var = torch.zeros(2), torch.ones(2)
F.batch_norm(pair, running_mean, running_var, training=True, momentum=0.5)
running_mean, running_var

# %% [markdown]
# The means have come half of the way from 0. The variances went from 1 towards 2 and 200, the unbiased ones, and
# got half of the way: 1.5 and 100.5. Note that the function returned nothing of that: it wrote into the two tensors that
# it was given. That is an in-place change that one wants.
#
# What about one value a channel? It is its own mean, so it would become 0, whatever it was. And its unbiased variance is
# 0 / 0. Torch refuses:

# %% tags=["skip-execution"]
try:
    F.batch_norm(pair[:1], None, None, training=True)
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# ## Exercise: `batch_norm`
#
# <!-- facts: batch_norm -->
#
# Build it, with the arguments of `F.batch_norm`.
#
# - `x` is `(N, C)`, `(N, C, L)`, `(N, C, H, W)` or has still more axes. Channels are axis 1.
# - In training: normalise by the batch, then move `running_mean` and `running_var`, both `(C,)`, **in place**. They may be
#   `None` in training; then there is nothing to move.
# - In eval: normalise by `running_mean` and `running_var`, and leave them alone.
# - `weight` and `bias`, `(C,)` or `None`, come last.
# - In training with one value a channel raise a `ValueError`.
# - Gradients flow to `x`, `weight` and `bias`, through mean and variance too. The running statistics get none.
#
# <!-- hints: batch_norm -->


# %% nbgrader={"grade_id": "batch_norm", "solution": true}
def batch_norm(
    x,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
):
    """Batch norm of (N, C, …); in training the running statistics move in place.

    running_mean, running_var, weight, bias: (C,). momentum: the share of the new statistics.
    """
    ### BEGIN SOLUTION
    column = (-1,) + (1,) * (x.dim() - 2)
    mean, var = running_mean, running_var
    if training:
        others = (0, *range(2, x.dim()))
        count = x.numel() // x.shape[1]
        if count == 1:
            raise ValueError("one value a channel has no variance: take a larger batch")
        mean, var = x.mean(others), x.var(others, correction=0)
        if running_mean is not None:
            with torch.no_grad():
                running_mean.mul_(1 - momentum).add_(momentum * mean)
                running_var.mul_(1 - momentum).add_(momentum * var * count / (count - 1))
    y = (x - mean.reshape(column)) / torch.sqrt(var.reshape(column) + eps)
    if weight is not None:
        y = y * weight.reshape(column)
    if bias is not None:
        y = y + bias.reshape(column)
    return y
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_batch_norm", "grade": true}
check(batch_norm)
### BEGIN HIDDEN TESTS
check(batch_norm, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### A bias in vain
#
# A convolution usually has a bias. **Predict** the gradient that it gets when a batch norm stands behind it.

# %% tags=["skip-execution", "clear-output", "your-code"]
conv = nn.Conv2d(1, 4, 3).double()
maps = conv(torch.randn(8, 1, 16, 16).double())
(batch_norm(maps, None, None, training=True) ** 3).sum().backward()
largest = conv.weight.grad.abs().max().item(), conv.bias.grad.abs().max().item()
print("largest gradient: weight {:.0e}, bias {:.0e}".format(*largest))

# %% [markdown]
# Nothing but rounding. A bias shifts all values of its channel, the mean too, and the batch norm subtracts the mean. So
# a convolution in front of a batch norm is written with `bias=False`: β does the shifting.

# %% [markdown]
# ## The block
#
# Now the four as one. The convolution keeps the size (lesson 03: padding `kernel_size // 2`), the pooling divides it.

# %% [markdown]
# ## Exercise: `ConvBlock`
#
# <!-- facts: ConvBlock -->
#
# Write the block as a module: Conv → BatchNorm → ReLU → Pool.
#
# - `(N, in_channels, H, W)` becomes `(N, out_channels, H // pool, W // pool)`.
# - Name the parts `self.conv` (without a bias; `kernel_size` is odd), `self.bn`, `self.relu` and `self.pool` (a maximum):
#   the check loads numbers into `conv.weight`, `bn.weight`, `bn.bias` and the buffers of `bn`.
# - `inplace=True` lets the ReLU write over its input.
# - Torch's layers are permitted. Judged are outputs, buffers, and the gradients of the input and of **every parameter**.
#
# <!-- hints: ConvBlock -->


# %% nbgrader={"grade_id": "ConvBlock", "solution": true}
class ConvBlock(nn.Module):
    """Conv → BatchNorm → ReLU → Pool: (N, C, H, W) → (N, out_channels, H // pool, W // pool)."""

    def __init__(self, in_channels, out_channels, kernel_size=3, pool=2, inplace=False):
        ### BEGIN SOLUTION
        super().__init__()
        sizes = in_channels, out_channels, kernel_size
        self.conv = nn.Conv2d(*sizes, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace)
        self.pool = nn.MaxPool2d(pool)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.pool(self.relu(self.bn(self.conv(x))))
        ### END SOLUTION


# %% nbgrader={"grade_id": "check_ConvBlock", "grade": true}
check(ConvBlock)
### BEGIN HIDDEN TESTS
check(ConvBlock, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Audit: "the order of ReLU and pooling does not matter"
#
# ReLU and a maximum both only compare. **Predict** for each pair whether the two orders give the same.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
h = torch.randn(4, 3, 16, 16)
turned = nn.BatchNorm2d(3)
nn.init.constant_(turned.weight, -1)
pairs = {
    "ReLU and max pooling": (F.relu, lambda x: F.max_pool2d(x, 2)),
    "ReLU and average pooling": (F.relu, lambda x: F.avg_pool2d(x, 2)),
    "batch norm (γ = −1, eval) and max pooling": (turned.eval(), lambda x: F.max_pool2d(x, 2)),
}
for name, (one, other) in pairs.items():
    print(f"{name}: {torch.allclose(one(other(h)), other(one(h)), atol=1e-6)}")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **True for the maximum, wrong for the average.** Of four values the largest survives a ReLU if any does, so it may be
# picked before or after. An average of −3 and 1 is −1 and becomes 0; after a ReLU it is ½. A batch norm may not change
# places with the maximum: a negative γ turns the largest value into the smallest, and in training the statistics would
# be those of the maxima alone.
#
# To pool first is cheaper: the ReLU then has a quarter of the values to look at. What it does to memory you will see below.
#
# </details>

# %% [markdown]
# ## Digits: two faces of one network
#
# Two of your blocks and a linear layer are to read digits. `recognised` judges the network on digits that it has not
# seen, on a copy, so that no running statistics are moved on the way.

# %% tags=["skip-execution", "your-code"]
digits, labels = samples.digits()
(taught, answers), (unseen, true) = split(digits[:, :, 8:24, 8:24], labels)


@torch.no_grad()
def recognised(net, training, pictures, labels):
    """The share of pictures that a network reads right in one of its two modes."""
    judged = copy.deepcopy(net).train(training)
    return (judged(pictures).argmax(1) == labels).float().mean().item()


torch.manual_seed(0)
layers = ConvBlock(1, 8), ConvBlock(8, 16), nn.Flatten(), nn.Linear(16 * 4 * 4, 10)
net = nn.Sequential(*layers)

# %% [markdown]
# Now it learns, and stops after 1, 3, 10, 30 and 100 steps to be judged twice: in **eval**, and with the statistics of
# the **batch**, as in training. **Predict** which of the two is better after 10 steps, and whether a gap is left after 100.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
rows = ["| steps | eval | batch | running mean of channel 0 |", "|---|---|---|---|"]
with one_thread(), tqdm(total=100, desc="steps", file=sys.stdout, ncols=80) as bar:
    for step in range(1, 101):
        batch = torch.randint(len(taught), (64,))
        net.train()
        optimizer.zero_grad()
        F.cross_entropy(net(taught[batch]), answers[batch]).backward()
        optimizer.step()
        bar.update()
        if step in (1, 3, 10, 30, 100):
            shares = [100 * recognised(net, mode, unseen, true) for mode in (False, True)]
            mean = net[0].bn.running_mean[0].item()
            rows.append(f"| {step} | {shares[0]:.0f} % | {shares[1]:.0f} % | {mean:.3f} |")
Markdown("\n".join(rows))

# %% [markdown]
# *The network is the same in both columns; only the statistics differ.* At first the running statistics are still near
# 0 and 1, where they began, and lag behind a network that changes quickly: with momentum 0.1, ten steps move them by about
# two thirds. Later the network settles, and they catch up.
#
# Why not stay with the batch's statistics, then? **Predict**: the same digits, in batches of four. They are shuffled, so
# each has other company than before. How many of them get another answer? And what if a batch holds digits of one kind only?


# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
@torch.no_grad()
def read(net, training, seed):
    """What the network reads, digit by digit, in batches of four that the seed shuffles."""
    judged = copy.deepcopy(net).train(training)
    said = torch.empty(len(unseen), dtype=torch.long)
    for batch in torch.randperm(len(unseen), generator=torch.manual_seed(seed)).split(4):
        said[batch] = judged(unseen[batch]).argmax(1)
    return said


for name, mode in ("eval", False), ("batch", True):
    changed = (read(net, mode, 0) != read(net, mode, 1)).sum().item()
    kinds = [recognised(net, mode, unseen[true == k], true[true == k]) for k in range(10)]
    alone = f"one kind a batch: {10 * sum(kinds):.0f} % are read"
    print(f"{name}: {changed} of {len(unseen)} answers change; {alone}")

# %% [markdown]
# In eval none changes: a digit is read by itself. With the batch's statistics the answer depends on the company, and
# a batch of one kind is read worse: what all its digits have in common is taken for the mean and subtracted.
#
# So `net.eval()` before you judge, and `net.train()` before you go on. To forget either raises nothing.

# %% [markdown]
# ## Fold it away
#
# In eval, batch norm multiplies each channel by a fixed number and adds a fixed number. The convolution in front of it
# multiplies and adds as well. Two such steps in a row are one: the batch norm can be *folded* into the convolution, and
# the network computes the same without it. Which numbers of the convolution have to change?
#
# $$\gamma \, \frac{(w * x + b) - \text{mean}}{\sqrt{\text{var} + \varepsilon}} + \beta \; = \; w' * x + b'$$

# %% [markdown]
# ## Exercise: `fold_batch_norm`
#
# <!-- facts: fold_batch_norm -->
#
# Return the weight and the bias of the folded convolution.
#
# - `weight` is `(C_out, C_in, kH, kW)`; with other numbers of axes after the first, for signals, volumes and linear layers, the
#   same law holds. All others are `(C_out,)`.
# - `gamma` and `beta` are the batch norm's weight and bias; the other names would be taken.
# - `bias`, `gamma` and `beta` may be `None`: no bias, no scale, no shift. The result always has a bias.
#
# <!-- hints: fold_batch_norm -->


# %% nbgrader={"grade_id": "fold_batch_norm", "solution": true}
def fold_batch_norm(
    weight,
    bias,
    running_mean,
    running_var,
    gamma=None,
    beta=None,
    eps=1e-5,
):
    """Weight and bias of a convolution that does what convolution and batch norm do."""
    ### BEGIN SOLUTION
    scale = 1 / torch.sqrt(running_var + eps)
    if gamma is not None:
        scale = gamma * scale
    shift = -running_mean
    if bias is not None:
        shift = bias + shift
    shift = shift * scale
    if beta is not None:
        shift = beta + shift
    rows = (-1,) + (1,) * (weight.dim() - 1)
    return weight * scale.reshape(rows), shift
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_fold_batch_norm", "grade": true}
check(fold_batch_norm)
### BEGIN HIDDEN TESTS
check(fold_batch_norm, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Fold both blocks of the network that reads digits. **Predict** how many of its answers change.


# %% tags=["skip-execution", "clear-output", "your-code"]
def folded(block):
    """Convolution, ReLU and pooling that do what a block does in eval."""
    bn = block.bn
    statistics = bn.running_mean, bn.running_var, bn.weight, bn.bias, bn.eps
    weight, bias = fold_batch_norm(block.conv.weight, None, *statistics)
    conv = nn.Conv2d(weight.shape[1], len(weight), 3, padding=block.conv.padding)
    conv.weight.data, conv.bias.data = weight.detach(), bias.detach()
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2))


short = nn.Sequential(folded(net[0]), folded(net[1]), *net[2:])
with torch.no_grad():
    long_out, short_out = net.eval()(unseen), short(unseen)
changed = (long_out.argmax(1) != short_out.argmax(1)).sum().item()
close = torch.allclose(long_out, short_out, atol=1e-3)
print(changed, "answers change; outputs alike:", close)

# %% [markdown]
# None: the outputs differ by rounding only. Whoever ships a trained network folds it first: fewer layers, one walk through memory less for each block. It is
# for eval only, since in training the statistics change with every batch.

# %% [markdown]
# ## What autograd keeps
#
# A backward pass needs numbers from the forward pass: the gradient of a filter is made of the map that it saw. Autograd
# keeps them, and for a large network they are most of the memory. You can watch it: everything that is kept goes through
# `torch.autograd.graph.saved_tensors_hooks`.
#
# **Predict** for each of these operations what it keeps: its input, its output, or nothing of either.


# %% tags=["skip-execution", "clear-output"]
def kept(function, *tensors):
    """Everything that autograd keeps when the function is called, and the output."""
    found = []
    hooks = torch.autograd.graph.saved_tensors_hooks
    with hooks(lambda t: found.append(t) or t, lambda t: t):
        output = function(*tensors)
    return found, output


x = torch.randn(2, 4, 8, 8, requires_grad=True)
operations = {
    "convolution": nn.Conv2d(4, 4, 3, padding=1),
    "batch norm": nn.BatchNorm2d(4),
    "ReLU": F.relu,
    "sigmoid": torch.sigmoid,
    "max pooling": lambda x: F.max_pool2d(x, 2),
    "sum with x": lambda x: x + x,
}
for name, operation in operations.items():
    found, output = kept(operation, x)
    places = {tensor.data_ptr() for tensor in found}
    marks = ["✓" if t.data_ptr() in places else "–" for t in (x, output)]
    print(f"{name:>12}: input {marks[0]}  output {marks[1]}")

# %% [markdown]
# Convolution, batch norm and max pooling keep what came in, ReLU and sigmoid what went out: where its output is positive,
# a ReLU has let the gradient pass. A sum keeps nothing: its slope is 1 everywhere.
#
# ### Writing in place
#
# An operation whose name ends in an underscore writes its result over its input: `h.relu_()`, `F.relu_(h)`, `h.mul_(2)`,
# `h += x`, and `nn.ReLU(inplace=True)`. The tensor is the same one afterwards, with other numbers in it.
#
# What if autograd has kept these numbers? Each tensor counts how often it was written to, and autograd notes the count.
# **Predict** which of the two runs.

# %% tags=["skip-execution", "clear-output"]
for name, before in ("batch norm", nn.BatchNorm2d(4)), ("sigmoid", torch.sigmoid):
    h = before(x)
    versions = [h._version]
    F.relu_(h)
    versions.append(h._version)
    try:
        h.sum().backward()
        print(name, versions, "fine")
    except RuntimeError as error:
        print(name, versions, f"RuntimeError: {str(error)[:61]} …")

# %% [markdown]
# Nobody had kept the output of the batch norm, so it may be written over. The sigmoid had kept its own: the count went
# from 0 to 1, and torch refuses. (All values of a sigmoid are positive, so the ReLU did not even change one. The count is
# what counts.)
#
# ### The worst mistake is silent
#
# Autograd guards what *it* has kept. Nobody guards what *your code* still wants. Here is a residual block whose skip
# comes from before the ReLU. **Predict** what it computes for −2 and 3.

# %% tags=["skip-execution", "clear-output"]
h = torch.tensor([-2.0, 3.0])
print("meant:  ", F.relu(h) + h)
out = F.relu_(h)
print("written:", out + h)

# %% [markdown]
# `out` and `h` are two names of one tensor. The sum is 2 · relu(h), the negative values are gone, and nothing raises, in
# the backward pass neither. The same happens to whoever looks at features. **Predict** the smallest value that
# a hook on the batch norm finds, with and without in-place.


# %% tags=["skip-execution", "clear-output"]
def smallest_seen(inplace):
    torch.manual_seed(0)
    bn, relu, features = nn.BatchNorm2d(4), nn.ReLU(inplace), []
    bn.register_forward_hook(lambda module, inputs, output: features.append(output))
    relu(bn(torch.randn(2, 4, 8, 8)))
    return features[0].min().item()


print(f"plain {smallest_seen(False):.2f}, in place {smallest_seen(True):.2f}")

# %% [markdown]
# The hook was called before the ReLU and got the right tensor. A moment later the ReLU wrote over it.
#
# Nothing raises, so you have to look. This tool runs lines with and without in-place operations and compares their
# outputs and their gradients. **Predict** what it says of a batch norm with an in-place ReLU behind it.


# %% tags=["skip-execution", "clear-output"]
def compare(written, meant):
    """What in-place lines do beside those that are meant: "raises", "silent" or "fine"."""
    results = []
    for lines in written, meant:
        torch.manual_seed(0)
        leaf = torch.randn(2, 4, 8, 8, requires_grad=True)
        conv, bn = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        try:
            output = lines(leaf * 1, conv, bn)
            output.square().sum().backward()
        except RuntimeError:
            return "raises"
        results.append((output, leaf.grad, conv.weight.grad))
    same = all(torch.allclose(one, other) for one, other in zip(*results))
    return "fine" if same else "silent"


compare(lambda x, conv, bn: F.relu_(bn(conv(x))), lambda x, conv, bn: F.relu(bn(conv(x))))

# %% [markdown]
# ## Exercise: `sort_snippets`
#
# <!-- facts: sort_snippets -->
#
# Eight snippets, each followed by a backward pass. `conv` is a convolution that keeps size and channels, `bn` a batch norm
# in training, and x is not a leaf: it comes from another layer. The last expression is the result.
#
# ```python
# # A                        # B                        # C
# h = bn(conv(x))            h = bn(conv(x))            h = torch.sigmoid(conv(x))
# h = F.relu_(h)             out = F.relu_(h)           h.mul_(2)
# F.max_pool2d(h, 2)         out + h                    h
#
# # D                        # E                        # F
# h = bn(conv(x))            h = F.relu(bn(conv(x)))    h = conv(F.relu_(x))
# h += x                     h += x                     h + x
# F.relu_(h)                 h
#
# # G                        # H
# h = torch.exp(conv(x))     h = bn(conv(x))
# h.data.clamp_(max=1.0)     h = F.max_pool2d(h, 2)
# h                          F.relu_(h)
# ```
#
# Compare each with the same lines **without** in-place operations (`h = h * 2`, `h = h + x`, `h = h.clamp(max=1.0)`) and sort:
#
# - `"raises"`: the forward or the backward pass raises an error;
# - `"silent"`: nothing raises, but the output or a gradient is another one;
# - `"fine"`: output and gradients are the same.
#
# Return a dict with the keys `"A"` to `"H"`. Decide first; then write the lines as functions and `compare` them.
#
# <!-- hints: sort_snippets -->


# %% nbgrader={"grade_id": "sort_snippets", "solution": true}
def sort_snippets():
    """For each snippet "raises", "silent" or "fine"."""
    ### BEGIN SOLUTION
    raises, silent, fine = "raises", "silent", "fine"
    return dict(A=fine, B=silent, C=raises, D=fine, E=raises, F=silent, G=silent, H=fine)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_sort_snippets", "grade": true}
check(sort_snippets)
### BEGIN HIDDEN TESTS
check(sort_snippets, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## The claim
#
# > An in-place ReLU saves a lot of memory, above all in deep networks.
#
# It sounds plain: one tensor instead of two. But what counts in training is what is **kept**. **Predict** the bytes that
# autograd keeps of a block, with a plain ReLU and with one in place. A map here has 8 · 16 · 32 · 32 values of 4 bytes, half
# a mebibyte. And why does the list name one address twice?

# %% tags=["skip-execution", "clear-output", "varies", "your-code"]
x = torch.randn(8, 16, 32, 32)
for inplace in False, True:
    block = ConvBlock(16, 16, inplace=inplace)
    found, _ = kept(block, x)
    maps = [t for t in found if t.dim() == 4 and not isinstance(t, nn.Parameter)]
    print("in place" if inplace else "plain")
    for t in maps:
        place = f"{t.data_ptr() % 10**8:>8}"
        print(f"  {tuple(t.shape)} {t.dtype}  at {place}  {t.nbytes:>7,} bytes")
    once = {t.data_ptr(): t.nbytes for t in maps}
    print(f"  together {sum(once.values()):,} bytes, each address once")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong: it saves not one byte of what is kept.** Both keep 1,835,008 bytes. They keep the input of the convolution, the
# input of the batch norm, the output of the ReLU (which the pooling keeps as well, as its input: the same address) and
# the positions of the maxima. The output of the batch norm, which in-place writes over, is on neither list. Without in-place it
# is freed as soon as the ReLU is done.
#
# </details>

# %% [markdown]
# ### Where it does help
#
# At one moment: while a plain ReLU runs, its input and its output are both there.
# **Predict** what a plain and an in-place ReLU make of the largest number of bytes that is ever alive: for one
# Conv → BatchNorm → ReLU, and for eight in a row.


# %% tags=["skip-execution", "clear-output"]
def deep_ledger(blocks, inplace):
    steps = {}
    for n in range(blocks):
        steps[f"conv {n}"] = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        steps[f"bn {n}"] = nn.BatchNorm2d(16)
        steps[f"relu {n}"] = nn.ReLU(inplace)
    return saved.ledger(steps, x)


for blocks in 1, 8:
    plain, inplace = (deep_ledger(blocks, mode) for mode in (False, True))
    for name, book in ("plain", plain), ("in place", inplace):
        kept_maps, peak = book.kept_bytes / x.nbytes, book.peak_bytes / x.nbytes
        print(f"{blocks} × {name:>8}: keeps {kept_maps:4.1f} maps, at most {peak:4.1f} alive")

# %% [markdown]
# One map, whether there is one block or eight: the peak does not grow by what was freed long ago. In a deep network that is
# a small share, and the share gets smaller with every layer.
#
# It is more where nothing else is kept: in inference, in a network whose batch norms are folded away.

# %% tags=["skip-execution", "clear-output"]
with torch.no_grad():
    for name, relu in ("plain", F.relu), ("in place", F.relu_):
        book = saved.ledger({"conv": nn.Conv2d(16, 16, 3, padding=1), "relu": relu}, x)
        print(f"folded, {name}: alive at most {book.peak_bytes / x.nbytes:.0f} maps")

# %% [markdown]
# And it is a whole map for each block where **the code itself** holds on to the batch norm's output: in a list of
# features, or simply as a variable of a long `forward` that is used no more, but not yet forgotten. Then in-place does save
# it, by writing over what was held. If the features were wanted, that is the silent mistake from above.

# %% [markdown]
# ## Exercise: `audit_memory`
#
# <!-- facts: audit_memory -->
#
# Four numbers for the block Conv → BatchNorm → ReLU → max pooling (2 × 2) in training, with as many channels going out as
# come in. Unit: **one map**, the bytes of the convolution's output. Count float32 maps and positions (int64, 8 bytes), each
# address once; leave out parameters and the batch norm's few statistics.
#
# - `"plain"`: what autograd keeps;
# - `"inplace"`: the same with `inplace=True`;
# - `"held_plain"`: what is alive, kept or held, if the code also has the batch norm's output in a list;
# - `"held_inplace"`: the same with `inplace=True`.
#
# Return `{"plain": …, "inplace": …, "held_plain": …, "held_inplace": …}`.
#
# <!-- hints: audit_memory -->


# %% nbgrader={"grade_id": "audit_memory", "solution": true}
def audit_memory():
    """Bytes that are kept or held after the forward pass, divided by those of one map."""
    ### BEGIN SOLUTION
    x = convolved = normalised = rectified = 1
    positions = 0.5  # a quarter as many numbers, twice as wide
    kept = x + convolved + rectified + positions
    return {
        "plain": kept,
        "inplace": kept,
        "held_plain": kept + normalised,
        "held_inplace": kept,
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_audit_memory", "grade": true}
check(audit_memory)
### BEGIN HIDDEN TESTS
check(audit_memory, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Explore
#
# The ledger of a block. **Find** a setting in which in-place frees a whole map, and one in which it changes nothing but the
# peak. Does it keep less to pool first? And which rows stay in inference?

# %% tags=["skip-execution"]
widgets.memory_ledger(saved.block_ledger)

# %% [markdown]
# *A row is a piece of memory, in the order of use; “bn → relu” has been written over. Blue rows are kept for the
# backward pass, hatched ones are alive because the code holds them, and dashed ones are free again.*

# %% [markdown]
# <details><summary>Some settings that answer the questions</summary>
#
# Hold the batch norm's output, and in-place frees a map: 4.75 become 3.75. Without holding, only the peak goes down, from
# 4 to 3.75 maps. To pool first is cheaper to compute, but it keeps *more*: the pooling keeps its input, and the ReLU
# keeps its own small output besides; with the ReLU first, both keep the same tensor. In inference only the input and the
# result stay.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# - `nn.BatchNorm1d`, `nn.BatchNorm2d`, `nn.BatchNorm3d`: for `(N, C)` and `(N, C, L)`, for pictures, for volumes. With
#   `momentum=None` the running statistics are plain means over all batches; with `track_running_stats=False` there are none, and
#   the batch's own statistics normalise in eval too.
# - `torch.nn.utils.fusion.fuse_conv_bn_eval` folds. **Predict** whether it agrees with you to the last digit but one.

# %% tags=["skip-execution", "clear-output", "your-code"]
from torch.nn.utils.fusion import fuse_conv_bn_eval

fused = fuse_conv_bn_eval(net[0].conv.eval(), net[0].bn.eval())
ours = folded(net[0])[0]
torch.allclose(fused.weight, ours.weight), torch.allclose(fused.bias, ours.bias, atol=1e-6)

# %% [markdown]
# - To save memory in earnest there is `torch.utils.checkpoint`: it keeps nothing between two points and computes the forward
#   pass there a second time. The hooks of this lesson can do it as well: `torch.autograd.graph.save_on_cpu` is one that moves
#   what is kept from the accelerator to the computer's memory.
#
# **Where it is used.** ResNet is built of Conv → BatchNorm → ReLU, with the skip added before the last ReLU, as in snippet D.
# VGG's and MobileNet's blocks are variations of it. Where batches are small, as in detection and with large volumes, group norm takes its place; in
# transformers it is layer norm, which knows no batch and so has one face only.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. You train with batches of 2, and eval is much worse than training. What do you suspect?</summary>
#
# The running statistics. The mean and variance of two pictures scatter widely, and the running ones are an average of such
# guesses. And the network has learned with the noise of the batch's own statistics, which is missing in eval. Larger batches or a
# smaller momentum help, or a norm that does not look at the batch.
#
# </details>
#
# <details><summary>2. Somebody freezes a network's parameters with requires_grad_(False) and trains a new head on it in train mode. What changes nevertheless?</summary>
#
# The running statistics: they are buffers, not parameters, and move in every forward pass in train mode. Put the batch norms into eval.
#
# </details>
#
# <details><summary>3. Is nn.ReLU(inplace=True) after nn.Sigmoid a silent mistake?</summary>
#
# No, a loud one: the sigmoid has kept its output, and the backward pass raises. Silent are the cases in which only your own
# code still wanted the old values, and those that go through .data.
#
# </details>

# %% [markdown]
# Next comes [lesson 06](../06_interpolation/06_interpolation.ipynb), *Interpolation*: the way back up.
