"""Every sentence that a check can say, whole and in one place, so that it can be read, corrected and translated."""

from __future__ import annotations

# The title of each face.
RIGHT = "{name} is right: {points} of {total} points."
WRONG = "{name} is not right yet: {points} of {total} points."
RAISED = "{name} stopped with an error: {points} of {total} points."
NOT_ATTEMPTED = "{name} is waiting for you: {total} points to win."
BORROWED = "{name} borrows what it should build: {points} of {total} points."
REFUSED = "{name} could not be judged: 0 of {total} points."

# The first sentence under the title.
RIGHT_CASES = "All {cases} cases are right."
RIGHT_ANSWER = "Every answer is right."
STARTER = "The cell still holds the starter, which raises NotImplementedError. Replace that line with your own code, run the cell, and run this check again."
PARTLY_STARTER = "This part still raises NotImplementedError."

# Work that can't be run at all.
NOT_A_FUNCTION = "check takes the function itself, but it was given {given}. Write check(max_pool): the name alone, without parentheses."
A_RESULT = "check takes the function itself, but it was given the result of a call ({given}). Leave out the parentheses after the name: check(max_pool)."
NO_EXERCISE = "No exercise is named {name}. The closest name is {closest}: keep the name that the starter gives."
A_LAMBDA = "check finds the exercise by the function's name, and a lambda has none. Write the function with def, as the starter does."
NOT_DEFINED = "{name} is not defined. Run the cell that defines it; if that cell shows an error, mend the error first."
NOT_A_CLASS = "{name} should be a class that inherits from torch.nn.Module, but it is {given}."
NOT_A_PLAIN_FUNCTION = "{name} should be a function that starts with def {name}, but it is {given}."
NO_SIGNATURE = "{name} should be a function that starts with def {name}, but the signature of yours can't be read."
ASYNC = "{name} starts with async def, so that calling it gives a coroutine and no result. Write def alone."
GENERATOR = "{name} contains yield, so that calling it gives a generator and no result. Write return instead of yield."
SIGNATURE = "The check calls {wanted}, but yours is {yours}. Keep the names, the order and the defaults of the starter."
BANNED_LINE = "{name} uses {operator} in line {line}, which does the very thing that you are asked to build."
BANNED_BASE = "{name} is built on {operator}, which is the very thing that you are asked to build."
BANNED_CALL = "While it ran, {name} reached {operator}, which does the very thing that you are asked to build."
BANNED_HELPER = (
    "While it ran, {name} called {helper}, and that reached {operator}, which does the very thing that you are asked "
    "to build. Mend {helper} first."
)

# What one case showed.
RAISED_SENTENCE = "{type}: {message}"
RAISED_BARE = "{type}, without a message."
RAISED_AT = "line {number}, in {function}:  {text}"
OUT_OF_TIME = "The call had not come to an end after {seconds} seconds and was interrupted. Is there a loop whose counter does not move?"
NOT_RUN = "This was not run, because an earlier call did not come to an end."
WRONG_STATE = "The check loads these parameters and buffers into your module: {wanted}. Yours holds: {yours}. Give them the names and shapes that the task states."
CHANGED = "The call changed its argument {argument}. An operator leaves its input as it found it: work on a copy, or write the result into a new tensor."
UNSTEADY = "Two calls with the same input gave two different results. Nothing here should be left to chance: look for torch.empty, a random number, or a variable that survives from one call to the next."
NOTHING = "The call returned None. Does every path through the function end in return?"
WANTED_TENSOR = "The output should be a torch.Tensor, but it is {given}."
GOT_NUMPY = "The output should be a torch.Tensor, but it is a numpy array. Stay with torch's own functions: on the way through numpy the gradient gets lost."
GOT_LIST = "The output should be a torch.Tensor, but it is a {given}. torch.tensor makes a tensor of numbers, torch.stack one of tensors."
WANTED_TUPLE = "The output should be a tuple of {length} parts, but it is {given}."
LENGTH = "The output should have {length} parts, but it has {given}."
WANTED_INT = "The result should be a whole number (int), but it is {given}. Divide with // instead of /."
WANTED_DICT = "The answer should be a dict with the keys of the starter, but it is {given}."
WANTED_KIND = "The result should be {wanted}, but it is {given}."
KEY_MISSING = "The answer has no entry {key}."
SHAPE = "The output should have the shape {target}, but it has the shape {yours}."
DTYPE = "The output should have the dtype {target}, but it has the dtype {yours}."
DEVICE = "The output should be on the device {target}, but it is on the device {yours}."
NAN = "{count} of {total} values are NaN where the target has a number. Look for 0/0, or for ∞ − ∞ and 0 · ∞ around the padding."
VALUES = "{count} of {total} values are wrong."
NUMBER = "The result should be {target}, but it is {yours}."
ENTRY = "output[{part}] should be {target}, but it is {yours}."
ANSWER = "The entry {key} is not right yet. Go through it once more, one step after the other."
ANSWER_EMPTY = "The entry {key} is still empty."
ANSWER_TYPE = "In the entry {key} the type {wanted} is expected, but there is {given}."
ANSWER_LENGTH = "The entry {key} should hold {length} numbers, but it holds {given}."
NO_GRADIENT = "No gradient reaches {argument}. Somewhere the path from input to output is cut: look for .detach(), .item(), .tolist(), numpy, or torch.tensor(...) around a tensor."
GRADIENT = "The output is right, but {count} of {total} values of the gradient for {argument} are wrong."
NO_BUFFER = "After the call, {name} should be {wanted}, but it is {given}."
BUFFER = "The output is right, but after the call {count} of {total} values of {name} are wrong."
ATTACHED = "After the call, {name} hangs on the graph of this call: the next backward pass would go through this one again, and memory would fill up. Update it under torch.no_grad()."
NOT_RAISED = "This call should end in a {wanted}, but it returned {given}."
LAW = "The outputs break a law. {law}"
PART = "This is about part {part} of the output."
FIRST_WRONG = "The first wrong element is output[{index}]: it should be {target}, but it is {yours}."
FIRST_WRONG_BUFFER = "The first wrong element is {name}[{index}]: it should be {target}, but it is {yours}."
FIRST_WRONG_GRADIENT = (
    "The first wrong element is the gradient at {argument}[{index}]: it should be {target}, but it is {yours}."
)
READS_1D = "Its window reads the positions {columns} of the input."
READS_2D = "Its window reads the rows {rows} and the columns {columns} of the input."
READS_3D = "Its window reads the positions {depth}, {rows} and {columns} along the last three axes of the input."
READS_PADDING = "Positions below 0 or past the end are padding (shown as ·)."

# What surrounds a finding.
CALL = "The call was:"
ARGUMENT = "{name} has the shape {shape} and the dtype {dtype}."
MISCONCEPTION = "This looks familiar: {name}."
PRINTED = "While it ran, your code printed:"
OTHERS = "Mend this first; then look at the others."
NEXT_HINT = "Stuck? hint({name}) gives you a nudge."
REPLAY = 'This case was drawn from a seed. check({name}, seed="{seed}") runs the same cases here.'
REPLAY_OTHERS = 'Further cases were drawn from a seed. check({name}, seed="{seed}") runs the same ones here.'
SEED = "With further cases drawn from seed {seed}."
BUILD = "{instead}"

# Titles of pictures.
INPUT = "input"
TARGET = "target"
YOURS = "yours"
DIFFERENCE = "yours − target"
TARGET_GRADIENT = "target gradient"
YOUR_GRADIENT = "your gradient"
CROPPED = "{title} (a part)"

# hint and progress.
HINT = "Hint {stage} of {stages} for {name}:"
HINT_LAST = "That was the last hint. Put the pieces together, and let check tell you what is left."
HINT_MORE = "Call hint({name}) again for the next one."
NO_HINTS = "{name} has no hints."
PROGRESS_TITLE = "Your progress: {points} of {total} points."
PROGRESS_EMPTY = "Nothing checked yet. Every check that you run is noted here."
