"""The checking engine: what an exercise is, how the learner's work is run, judged and reported.

``exercise`` defines, ``draw`` draws hidden cases, ``driver`` runs (under ``guard`` and ``limits``), ``compare`` and
``judge`` decide, ``report`` explains (``text`` and ``html`` draw it), ``messages`` holds every sentence.
"""
