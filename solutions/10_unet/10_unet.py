# %% [markdown]
# # 10 · Encoder and decoder: U-Net
#
# To say *what* is in a picture, a network makes its maps smaller. To say *where*, pixel by pixel, it has to come back
# up. A U-Net does both, and hands what the way down has seen across to the way up. You build one that takes a picture
# of any size, and then you find out by an experiment what each of its parts is good for.
#
# **When you have worked through this lesson, you can**
#
# - keep the ledger of all sizes through an encoder and a decoder, and mend what an odd size breaks;
# - write a U-Net;
# - measure a segmentation, small objects included;
# - read an ablation: say what a table shows and what it does not.
#
# | | |
# |---|---|
# | **Time** | about 90 minutes |
# | **Points** | 14 |
# | **You should know** | max pooling, the block of convolution, batch norm and ReLU, transposed convolution (lessons 01, 05, 08) |
# | **A claim to audit** | "Two poolings down, one upsampling behind them: that is a symmetric U-Net." |
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
from course_lib.analysis import scenes, segmentation
from course_lib.analysis.segmentation import double_conv
from course_lib.analysis.shift_consistency import split

# %% [markdown]
# ## Every pixel gets an answer
#
# A classifier gives one answer for a picture. **Segmentation** gives one for every pixel: does it belong to an object
# or not? To train and to judge that, somebody has to know the answer for every pixel. So we make our own pictures:
# handwritten digits of three sizes, pasted on photographs of brick, grass and gravel. We know where the ink went.
#
# The digits and the textures to judge by are others than those to train on. **Predict** which digits will be hard.


# %% tags=["skip-execution"]
def pasted(count, textures, which, seed, **how):
    """Scenes on these textures. which: 0 for the digits to train on, 1 for those to judge by."""
    digits = split(*samples.digits())[which][0]
    photographs = [samples.as_float(texture()) for texture in textures]
    return scenes.make(count, photographs, digits, seed, **how)


taught = pasted(100, [samples.brick, samples.grass], 0, seed=0)
unseen = pasted(200, [samples.gravel], 1, seed=1)

# %% [markdown]
# Here are three of each kind, with their masks below.

# %% tags=["skip-execution"]
columns = {}
for title, some in {"to train on": taught, "to judge by": unseen}.items():
    for n in range(2, 5):
        columns[f"{title}, {n}"] = [some.pictures[n], some.masks[n].float()]
figures.picture_table(columns)

# %% [markdown]
# *Each scene holds one digit of 7 × 7, one of 11 × 11 and one of 18 × 18 pixels. The smallest is hardly larger than a
# grain of gravel.*

# %% [markdown]
# ## The claim
#
# > Two poolings down, one upsampling behind them: that is a symmetric U-Net.
#
# Examples like this one are passed around as a U-Net:


# %% tags=["skip-execution"]
class SoCalledUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.MaxPool2d(2),
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(32, 16, kernel_size=2, stride=2),
            nn.Conv2d(16, 3, 3, padding=1),
        )


so_called = SoCalledUNet()

# %% [markdown]
# **Predict** what it makes of a picture of 64 × 64.

# %% tags=["skip-execution", "clear-output"]
x = torch.rand(1, 3, 64, 64)
try:
    so_called(x)
except NotImplementedError as error:
    print("NotImplementedError:", error)

# %% [markdown]
# There is no `forward`: nobody has ever run it. Let us be generous and call one part after the other. **Predict** the
# size behind each layer.

# %% tags=["skip-execution", "clear-output"]
y = x
for layer in [*so_called.down, *so_called.up]:
    y = layer(y)
    print(f"{type(layer).__name__:>15}: {tuple(y.shape)}")

# %% [markdown]
# Two steps down and one step up: from 64 to 32, and every second pixel gets no answer. There is more. Between the layers
# of its decoder stands no activation. **Predict** what that means for the sum of two maps.

# %% tags=["skip-execution", "clear-output"]
torch.manual_seed(0)
one, other = torch.randn(2, 1, 32, 16, 16)
nothing = torch.zeros(1, 32, 16, 16)
apart = so_called.up(one) + so_called.up(other) - so_called.up(nothing)
torch.allclose(so_called.up(one + other), apart, atol=1e-5)

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **Wrong** in each of its words. It is no network yet, since it has no `forward`. It is not symmetric: 64 → 32, not
# 64 → 64. Its decoder is linear, so both of its layers together can do no more than one could. And what gives the
# U-Net its name is missing: nothing goes across from the way down to the way up. All that reaches the output has
# passed through the smallest map.
#
# </details>

# %% [markdown]
# ## The ledger
#
# In a U-Net each pooling has its counterpart, a transposed convolution with kernel 2 and stride 2. Before a map is
# pooled it is put aside; this is the **skip**. On the way up it is joined with the map that comes from below:
# `torch.cat` along the channels, for which both must have the same height and width.
#
# Do they? A pooling rounds down: 45 rows become 22. Doubled again these are 44, beside a skip of 45. **Find** sizes at
# which everything fits, at any depth; then one at which every single skip misfits.

# %% tags=["skip-execution"]
widgets.unet_explorer(height=45, width=38, depth=3)

# %% [markdown]
# *Boxes are drawn to scale; the first number is the channels. Where a skip and the map from below differ, both are marked
# in orange, with the size that arrives from below.*

# %% [markdown]
# <details><summary>Sizes that answer the questions</summary>
#
# Multiples of 2^depth always fit: 32, 48 or 64 at any depth up to 4. At depth 3 every skip misfits for 15 rows: 15, 7, 3
# and 1; on the way up 2 arrives beside 3, 6 beside 7, 14 beside 15. The same holds for every size that leaves the rest
# 7 when divided by 8.
#
# </details>

# %% [markdown]
# There are three ways to mend it. The U-Net of 2015 **crops** the skip; then the output is smaller than the input.
# Many programs **pad the input** until 2^depth divides it, and crop the output in the end. We **pad the map from
# below** at every level where it is short: so each level has the size that it had on the way down.
#
# Where should the zeros go? **Predict** which row of five a pooling drops, as in lesson 00.

# %% tags=["skip-execution", "clear-output"]
rows = torch.arange(5.0).reshape(1, 1, 5, 1)
F.max_pool2d(rows, (2, 1)).flatten().tolist()

# %% [markdown]
# Rows 0 and 1 become one, rows 2 and 3 the other, and row 4 is read by nobody. It was lost at the end, so the end is
# where a row has to be added; all others then lie above their own again.

# %% [markdown]
# ## Exercise: `fit_skip`
#
# <!-- facts: fit_skip -->
#
# Write the function that makes two maps join: crop or pad a map to a given size.
#
# - `x` is `(N, C, H, W)`, and `size` is `(height, width)`, such as `skip.shape[2:]`. The result is `(N, C, height, width)`.
# - Rows are taken away or added at the bottom, columns at the right. New pixels are 0.
# - One axis may have to be cropped and the other padded.
#
# <!-- hints: fit_skip -->


# %% nbgrader={"grade_id": "fit_skip", "solution": true}
def fit_skip(x, size):
    """A map cropped or padded at its bottom and right, (N, C, H, W) → (N, C, height, width).

    size: (height, width).
    """
    ### BEGIN SOLUTION
    height, width = size
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_fit_skip", "grade": true}
check(fit_skip)
### BEGIN HIDDEN TESTS
check(fit_skip, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Building blocks
#
# Every level of a U-Net convolves twice. This block is given to you; it keeps the size of its map:

# %% tags=["skip-execution"]
double_conv(1, 6)

# %% [markdown]
# ## Exercise: `UNet`
#
# <!-- facts: UNet -->
#
# Now write the network. With `width=6` and `depth=3` the levels have 6, 12, 24 and, at the bottom, 48 channels: each step
# down doubles them. Call these numbers c₀, c₁, c₂ and c₃. The constructor makes
#
# | attribute | what it is | for `depth=3` |
# |---|---|---|
# | `down` | `nn.ModuleList` of `double_conv`, from the top | in → c₀, c₀ → c₁, c₁ → c₂ |
# | `bottom` | `double_conv` | c₂ → c₃ |
# | `up` | `nn.ModuleList` of `nn.ConvTranspose2d` with kernel 2 and stride 2, from the bottom | c₃ → c₂, c₂ → c₁, c₁ → c₀ |
# | `merge` | `nn.ModuleList` of `double_conv`, from the bottom | 2·c₂ → c₂, 2·c₁ → c₁, 2·c₀ → c₀ |
# | `head` | `nn.Conv2d` with kernel 1 | c₀ → out |
#
# and `forward` turns `(N, in_channels, H, W)` into `(N, out_channels, H, W)`, for any H and W from 2^depth on:
#
# - **down**: each block, whose map is kept as a skip, and then a 2 × 2 max pooling; at the end the bottom;
# - **up**: the transposed convolution; your `fit_skip` to the size of the skip; `torch.cat` with **the skip first**; the
#   block of `merge`;
# - **out**: the head. No activation follows: the outputs are logits.
#
# The check loads parameters of its own into your network, so names and shapes must be these.
#
# <!-- hints: UNet -->


# %% nbgrader={"grade_id": "UNet", "solution": true}
class UNet(nn.Module):
    """A U-Net, (N, in_channels, H, W) → (N, out_channels, H, W), for H and W from 2^depth on.

    width: channels of the first level. depth: how many times the map is halved.
    """

    def __init__(self, in_channels, out_channels, width=6, depth=3):
        super().__init__()
        ### BEGIN SOLUTION
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = in_channels
        for level in range(depth):
            c = width * 2**level
            self.down.append(double_conv(channels, c))
            self.up.insert(0, nn.ConvTranspose2d(2 * c, c, kernel_size=2, stride=2))
            self.merge.insert(0, double_conv(2 * c, c))
            channels = c
        self.bottom = double_conv(channels, 2 * channels)
        self.head = nn.Conv2d(width, out_channels, kernel_size=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge):
            skip = skips.pop()
            x = merge(torch.cat([skip, fit_skip(up(x), skip.shape[2:])], dim=1))
        return self.head(x)
        ### END SOLUTION


# %% nbgrader={"grade_id": "check_UNet", "grade": true}
check(UNet)
### BEGIN HIDDEN TESTS
check(UNet, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The class of the claim failed at 64 × 64. **Predict** which of these sizes yours takes.

# %% tags=["skip-execution", "clear-output", "your-code"]
net = UNet(1, 1).eval()
for size in (64, 64), (45, 38), (15, 15), (8, 101):
    print(size, "becomes", tuple(net(torch.zeros(1, 1, *size)).shape[2:]))

# %% [markdown]
# ### What the skips are there for
#
# How far does one output pixel see? Its gradient tells, as in lesson 03. **Predict** how the picture changes if the skips
# are cut: which part of the field disappears?


# %% tags=["skip-execution", "your-code"]
def seen_by_the_middle(net):
    """How much the middle output depends on each input, the strongest being 1."""
    x = torch.rand(1, 1, 80, 80, requires_grad=True)
    net.eval()(x)[0, 0, 40, 40].backward()
    return (x.grad[0, 0].abs() / x.grad.abs().max()) ** 0.25


torch.manual_seed(0)
with_skips, without = UNet(1, 1), segmentation.NoSkips(1, 1)
titles = ["with skips", "without"]
figures.images(seen_by_the_middle(with_skips), seen_by_the_middle(without), titles=titles)

# %% [markdown]
# *Bright pixels matter to the output in the middle (the fourth root of the gradient, so that small ones can be seen).
# Both networks look far around; but only the one with skips has a bright spot in the centre: the short way across the
# top level, which never leaves full resolution.*
#
# So a U-Net has two views of everything: a wide, coarse one that comes through the bottom, and a narrow, exact one that
# comes across.

# %% [markdown]
# ## How good is a mask?
#
# The simplest measure is the share of pixels that are right. **Predict** it for a network that always says "no digit".

# %% tags=["skip-execution", "clear-output"]
print(f"{100 * (~unseen.masks).float().mean():.0f} % of the pixels are right")

# %% [markdown]
# A measure that praises doing nothing is no good. **Intersection over union** counts only pixels that somebody claims:
#
# $$\text{IoU} = \frac{\text{pixels that are predicted and true}}{\text{pixels that are predicted or true}}$$
#
# It is 1 if the prediction is exact and 0 if it misses everything. One case needs a decision: where nothing is true and
# nothing is predicted, it is 0/0. The prediction is perfect there, so we say 1.

# %% [markdown]
# ## Exercise: `iou`
#
# <!-- facts: iou -->
#
# - `logits` are `(N, 1, H, W)`: what a network gives. A pixel is predicted where its logit is **greater than 0**, that is
#   where its probability is greater than one half.
# - `masks` are `(N, 1, H, W)`, bool or numbers 0 and 1.
# - The result is `(N,)` in float32: one IoU for each picture. An empty union counts as 1.
#
# <!-- hints: iou -->


# %% nbgrader={"grade_id": "iou", "solution": true}
def iou(logits, masks):
    """Intersection over union of each picture, (N, 1, H, W) and (N, 1, H, W) → (N,).

    logits: predicted where greater than 0. masks: bool, or 0 and 1.
    """
    ### BEGIN SOLUTION
    predicted, true = (logits > 0).flatten(1), masks.flatten(1).bool()
    intersection = (predicted & true).sum(1)
    union = (predicted | true).sum(1)
    return torch.where(union > 0, intersection / union.clamp(min=1), 1.0)
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_iou", "grade": true}
check(iou)
### BEGIN HIDDEN TESTS
check(iou, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Your measure can tell, without any training, what coarse maps cost. Take the *true* mask, average it over blocks of
# 2 × 2, 4 × 4 or 8 × 8, as if poolings had done it, and enlarge it again. **Predict** the IoU for the three.

# %% tags=["skip-execution", "clear-output", "your-code"]
true = unseen.masks.float()
for side in 2, 4, 8:
    enlarged = F.interpolate(F.avg_pool2d(true, side), size=40, mode="bilinear")
    scores = [iou(enlarged - bar, unseen.masks).mean() for bar in (0.2, 0.3, 0.4, 0.5)]
    print(f"blocks of {side} × {side}: IoU {100 * max(scores):.0f} %")

# %% [markdown]
# One number for 8 × 8 pixels says hardly more than "there is something here". But a bottom map has 48 numbers for each
# such block, and in them a network can write down more than an average. How much more?

# %% [markdown]
# ## The ablation
#
# An **ablation** takes a network apart: leave something out, train again, and see what is missing. Four decoders get the
# same encoder, with three poolings, whose bottom map is 5 × 5:
#
# | decoder | way up | what it gets of the encoder |
# |---|---|---|
# | **plain** | one bilinear enlargement by 8 | the bottom map |
# | **no skips** | three transposed convolutions, each with a double convolution | the bottom map |
# | **unpooling** | three max unpoolings (lesson 07), likewise | the bottom map and the *places* of the maxima |
# | **U-Net** | yours | the bottom map and the *whole map* of each level |
#
# Each is trained with three seeds on the 100 scenes with brick and grass, and judged on digits and gravel that it has
# never seen. In training a missed pixel costs three times as much as a false one, because so few pixels belong to digits.
# **Predict** the order of the four by IoU, and which one finds the smallest digits worst. It takes about
# half a minute.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
decoders = {
    "plain": segmentation.Plain,
    "no skips": segmentation.NoSkips,
    "unpooling": segmentation.Unpooling,
    "U-Net": UNet,
}
with tqdm(total=4 * 3 * 3, desc="epochs", file=sys.stdout, ncols=80) as bar:
    rows = segmentation.compare(decoders, taught, unseen, tick=bar.update)
Markdown(segmentation.table(rows))

# %% [markdown]
# *In percent, the mean over three seeds, with the least and the greatest behind it. "Found, 7 px" is the share of the
# pixels of the smallest digits that the network found: the recall by object size. (Your numbers will differ by a few
# percent; `python benchmarks/segmentation.py` makes the table anew.)*
#
# Is the column IoU what your own function says? And what do the masks look like? Here are the networks of the first
# seed, on three scenes. **Predict** by which you would know the plain decoder.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
nets = {row.name: row.net for row in rows if row.seed == 0}
with torch.no_grad():
    logits = {name: net(unseen.pictures) for name, net in nets.items()}
for name, given in logits.items():
    print(f"{name:>9}: IoU {100 * iou(given, unseen.masks).mean():.0f} %")
columns = {"scene": unseen.pictures, "mask": unseen.masks.float()}
columns |= {name: given.sigmoid() for name, given in logits.items()}
figures.picture_table({name: list(column[:3]) for name, column in columns.items()})

# %% [markdown]
# *A row is a scene; on the right how probable each network finds a digit at each pixel, black 0 and white 1. Plain sees
# blots; without skips strokes run together; unpooling is sharp but ragged; the U-Net follows the ink.*

# %% [markdown]
# ### And the depth?
#
# The same once more with two poolings only: the bottom map is now 10 × 10. **Predict** who gains more from that, the
# network with skips or the one without.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
two = {name: decoders[name] for name in ("no skips", "U-Net")}
with tqdm(total=2 * 3 * 3, desc="epochs", file=sys.stdout, ncols=80) as bar:
    shallow = segmentation.compare(two, taught, unseen, depths=[2], tick=bar.update)
Markdown(segmentation.table(shallow + [row for row in rows if row.name in two]))

# %% [markdown]
# *The rows with three poolings are those of the first table.*

# %% [markdown]
# ## Exercise: `ablation_verdict`
#
# <!-- facts: ablation_verdict -->
#
# Rule on it, from the two tables alone. Trust a difference only if it holds for every seed.
#
# - `"order"`: the four decoders behind three poolings, by the mean of their IoU, **the worst first**: a list of the names
#   in the table.
# - `"against_parameters"`: "the better decoder is simply the one with more parameters". One pair in the first table
#   refutes that. Give it as a list of two names: the better one, which has fewer, and then the worse one.
# - `"small_digits"`: "small objects get lost in pooling". What does the column of the smallest digits say? A letter:
#   - `"A"`: they are lost for good: behind three poolings no decoder without a skip finds most of their pixels;
#   - `"B"`: they suffer most, but they are still in the bottom map: from it alone one decoder finds far more of them than
#     another;
#   - `"C"`: only a skip brings them back: decoders without one all find about the same;
#   - `"D"`: the size of a digit makes no difference behind three poolings.
# - `"places"`: what is it worth to know the places of the maxima?
#   - `"A"`: nothing: unpooling is no better than no skips;
#   - `"B"`: everything that a skip is worth: unpooling and U-Net are the same;
#   - `"C"`: a part of it: unpooling lies between no skips and the U-Net.
# - `"gain"`: the gain from skips is the IoU of the U-Net minus that of no skips. From two poolings to three, it
#   `"grows"`, `"shrinks"` or `"stays"`.
#
# <!-- hints: ablation_verdict -->


# %% nbgrader={"grade_id": "ablation_verdict", "solution": true}
def ablation_verdict():
    """What the tables of the ablation show."""
    ### BEGIN SOLUTION
    order = "plain", "no skips", "unpooling", "U-Net"
    better, worse = order[2], order[1]  # 56,899 parameters against 61,435
    return {
        "order": list(order),
        "against_parameters": [better, worse],
        "small_digits": "B",
        "places": "C",
        "gain": "grows",
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "check_ablation_verdict", "grade": true}
check(ablation_verdict)
### BEGIN HIDDEN TESTS
check(ablation_verdict, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## Three more doubts
#
# First see what the tables do *not* say: that three poolings are better than two. With skips it makes hardly a
# difference here; even with a single pooling and 3,691 parameters a U-Net is as good (docs/benchmarks/segmentation.md).
# To tell a bright stroke from a stone, nobody has to look far around. That skips matter more the deeper a network goes
# is likely to hold elsewhere too; how deep to go, each task says for itself.
#
# And here are three questions that nobody has asked yet.

# %% [markdown]
# ### Has it only learned these textures by heart?
#
# The networks were judged on new digits *and* a new texture. Which of the two is harder? **Predict** the IoU of your
# U-Net in the four combinations.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
grounds = {"brick and grass": [samples.brick, samples.grass], "gravel": [samples.gravel]}
for n, kind in enumerate(("digits seen in training", "new digits")):
    for ground, textures in grounds.items():
        found, _ = segmentation.judged(nets["U-Net"], pasted(100, textures, n, seed=2))
        print(f"{kind:>23} on {ground:<15}: IoU {100 * found:.0f} %")

# %% [markdown]
# The four lie close together: what it has learned is strokes, not these digits and stones. The scenes are new in all
# four, only what they are made of is not. Had we split the scenes alone, and not the digits and the textures, the last
# line would be missing, and with it all that we know about pictures from elsewhere.

# %% [markdown]
# ### Which skip is it?
#
# Your U-Net has three skips. Silence one of them at a time, by setting it to zero in the trained network. **Predict**
# which one is missed most: the one at full resolution, or the lowest?


# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
@torch.no_grad()
def silenced(net, number):
    """The logits of a U-Net whose skip into merge[number] holds zeros."""

    def silence(module, given):
        x = given[0].clone()
        x[:, : x.shape[1] // 2] = 0
        return (x,)

    handle = net.merge[number].register_forward_pre_hook(silence)
    logits = net(unseen.pictures)
    handle.remove()
    return logits


for number, side in enumerate((10, 20, 40)):
    left = 100 * iou(silenced(nets["U-Net"], number), unseen.masks).mean()
    print(f"without the skip of {side} × {side}: IoU {left:.0f} %")

# %% [markdown]
# Without its finest skip this network is worse than one that never had any. That is no contradiction: it was trained to
# rely on the skip. To silence a part of a trained network asks what *this network* uses; to train without the part, as
# the ablation did, asks what the *task* needs. Do not take one for the other.

# %% [markdown]
# Look at what flows through it. Each map has several channels; we show the one that agrees best with the mask. Choose
# another scene.


# %% tags=["skip-execution", "varies", "your-code"]
def telling(maps, mask):
    """Of the channels (C, h, w) the one that is most like the mask (1, H, W)."""
    wanted = F.adaptive_avg_pool2d(mask.float(), maps.shape[1:]).flatten()
    pairs = [torch.stack([one.flatten(), wanted]) for one in maps]
    alike = torch.stack([torch.corrcoef(pair)[0, 1] for pair in pairs])
    return maps[alike.nan_to_num(-1).argmax()]


@torch.no_grad()
def flow(net, n):
    """The most telling channel of each map, (down, bottom, up), for scene n."""
    blocks, seen = [*net.down, net.bottom, *net.merge], []
    hooks = [b.register_forward_hook(lambda *call: seen.append(call[-1][0])) for b in blocks]
    net(unseen.pictures[n : n + 1])
    for hook in hooks:
        hook.remove()
    maps, depth = [telling(one, unseen.masks[n]) for one in seen], len(net.down)
    return maps[:depth], maps[depth], maps[depth + 1 :]


flows = {f"scene {n}": flow(nets["U-Net"], n) for n in range(4)}
widgets.flow_chooser(flows, kind="flow of")

# %% [markdown]
# *Each map from its least value (black) to its greatest (white). On the way down the digits grow coarser, until at the
# bottom a few squares say where something is; on the way up the strokes come back across the skips.*

# %% [markdown]
# ### Audit: "keep the smallest map at 8 × 8 or more"
#
# A rule of thumb says that one should stop pooling before a map is smaller than 8 × 8, or small objects are lost. Our
# bottom map is 5 × 5. Nothing is easier than to make it larger: give the trained networks scenes of 80 × 80, with twelve
# digits in the same three sizes. The bottom map is now 10 × 10. **Predict** what that does for the smallest digits.

# %% tags=["skip-execution", "varies", "clear-output", "your-code"]
large = pasted(50, [samples.gravel], 1, seed=3, size=80, sides=[7, 11, 18] * 4)
for name, net in nets.items():
    small_map = 100 * segmentation.judged(net, unseen)[1][0]
    large_map = 100 * segmentation.judged(net, large)[1][0]
    print(f"{name:>9}: finds {small_map:.0f} % at 5 × 5, {large_map:.0f} % at 10 × 10")

# %% [markdown]
# <details><summary>The verdict</summary>
#
# **A rule about the wrong thing.** The bottom map has four times as many positions, and the small digits gain little or
# nothing, because each position still stands for 8 × 8 pixels of the picture. What matters is how large an *object* is
# beside that step, not how large the whole map is. The plain decoder is poor at either size, and the U-Net is good at
# either size.
#
# </details>

# %% [markdown]
# ## The same in torch
#
# Torch has no U-Net; it has the parts, and you have put them together. For odd sizes it offers a way of its own: a
# transposed convolution takes an `output_size`. **Predict** whether it gives what `fit_skip` gives.

# %% tags=["skip-execution", "clear-output", "your-code"]
torch.manual_seed(0)
up, low = nn.ConvTranspose2d(2, 1, 2, stride=2), torch.randn(1, 2, 2, 2)
by_torch, by_padding = up(low, output_size=(5, 5)), fit_skip(up(low), (5, 5))
print("the first 4 × 4:", torch.equal(by_torch[..., :4, :4], by_padding[..., :4, :4]))
print("last row:", by_torch[0, 0, 4], "and", by_padding[0, 0, 4])
print("bias:", up.bias)

# %% [markdown]
# Nearly: in the new row torch's holds the bias, and yours holds zeros. Both are fine, as long as training and use do the
# same. `F.interpolate(x, size=skip.shape[2:])` is a third way, which you will often see.

# %% [markdown]
# ## Where it is used
#
# This is the last lesson, so here is where the pieces of the whole course have gone:
#
# | field | going down | going up |
# |---|---|---|
# | **classification** (ResNet, VGG) | strided convolution and max pooling, one block after the other (03, 05); a global average in the end (04) | – |
# | **detection** (SPP-net, YOLO, feature pyramids) | pyramids and adaptive bins (04) | nearest upsampling joins coarse maps to fine ones (06) |
# | **segmentation** (FCN, SegNet, U-Net) | max pooling, with its places kept (01, 07) | bilinear (06), unpooling (07), skips (10) |
# | **speech** | pooling and striding in time make sequences shorter (01, 03) | transposed convolution makes sound of features again (08) |
# | **generation** (GANs, diffusion) | a discriminator goes down by strides (03) | transposed convolution, or upsampling and convolution (08, 09); many diffusion models are U-Nets (10) |
# | **super-resolution** | antialiased pictures to learn from (06) | pixel shuffle (09) |
#
# A U-Net has come far from the cells under the microscope for which it was made in 2015. In medicine nnU-Net fits one
# to a new task by rule, in three dimensions too. And in the first versions of Stable Diffusion the network that turns
# noise into a picture, step by step, is a U-Net.
#
# One relative must not have skips. Train an encoder and a decoder to give back their own input, and you have an
# **autoencoder**: it is made to squeeze a picture through a small map, and across a skip the picture would slip past.

# %% [markdown]
# ## Ask yourself
#
# <details><summary>1. Why join a skip with torch.cat instead of adding it?</summary>
#
# Adding works too, and it is cheaper; some networks do so. But then both maps must mean the same in every channel. Joined,
# they stay apart, and the convolution behind them learns how to use each.
#
# </details>
#
# <details><summary>2. A network with skips could copy the texture through its finest one. Why doesn't it?</summary>
#
# The skip carries texture and strokes alike, since three pixels around cannot tell a stroke from a bright stone. What comes
# from below says where a digit is. The block behind the join learns to let the detail pass where the coarse map agrees.
#
# </details>
#
# <details><summary>3. Your U-Net is worse than a colleague's by 1 % of IoU, with one seed each. Who is better?</summary>
#
# Nobody knows. In our table one seed differs from another by several percent, all else being equal. Train each a few
# times, and believe a difference that is larger than the spread.
#
# </details>

# %% [markdown]
# That was the course. You have taken maps down and brought them up again, by every way that torch knows and by some that
# it does not, and each of them you have built, checked and measured yourself. The course map in
# [lesson 00](../00_start_here/00_start_here.ipynb) shows what you have done, and whatever is still open there.
