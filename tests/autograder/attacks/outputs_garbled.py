"""Shows outputs that no notebook can hold: odd numbers of execution, texts without UTF-8, parts that are no text.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% first
shell, show = get_ipython(), get_ipython().recorder.outputs.append
for odd in (-10, 10**5000, float("inf"), None, "1", [1]):
    show({"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}, "execution_count": odd})
    show({"output_type": "stream", "name": odd, "text": odd})
    show({"output_type": "error", "ename": odd, "evalue": "\ud800", "traceback": [odd, "\ud800"]})
    show({"output_type": "display_data", "data": {"text/plain": odd, "image/png": odd}, "metadata": odd})
    show({"output_type": odd})
print("half of a letter: \ud800")
type(shell).execution_count = property(lambda _: 10**5000, lambda *_: None)
5
