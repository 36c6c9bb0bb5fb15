"""Displays HTML, SVG and JavaScript that would run in the instructor's browser.

lesson: 01_pooling
exercise: max_pool_loops
code: OK
"""

# %% max_pool_loops
from IPython.display import HTML, SVG, Javascript, display

display(HTML("<script>document.title = 'owned'</script><img src=x onerror='document.title = 1'>"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"))
display(Javascript("document.title = 'owned'"))
print("<script>document.title = 'owned'</script>")


def max_pool_loops(x, kernel_size, stride):
    print("<script>document.title = 'owned'</script>")
    raise ValueError("<img src=x onerror=alert(1)>")
