"""nbgrader's settings for everybody on a shared machine: /etc/jupyter/nbgrader_config.py.

The instructor's course has its own nbgrader_config.py, which comes on top of this one.
"""

import os

c = get_config()  # noqa: F821

# Learners' commands and the Assignments page name the course by this; the instructor's settings say the same.
c.CourseDirectory.course_id = "down_and_up"

# Where released and submitted work is handed over. Everybody may write here, and nobody remove what is another's:
#     mkdir -p /srv/nbgrader/exchange && chmod 1777 /srv/nbgrader/exchange
c.Exchange.root = "/srv/nbgrader/exchange"

# Under JupyterHub, learners see the courses of the groups they are in. Over ssh there is no hub to ask, and the
# formgrader, a service of the hub, is let in by the hub itself.
if "JUPYTERHUB_API_TOKEN" in os.environ and "JUPYTERHUB_SERVICE_NAME" not in os.environ:
    c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"
