"""JupyterHub for one course on one shared machine; docs/teaching-at-scale.md says how to set that up.

People log in with their accounts on the machine, and what they may do follows from their Unix groups:
nbgrader-down_and_up learns, formgrade-down_and_up grades. The course itself belongs to an account of its own, under
which one formgrader runs for everybody who grades.
"""

import grp
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821

COURSE = "down_and_up"
LEARNERS, GRADERS = f"nbgrader-{COURSE}", f"formgrade-{COURSE}"
GRADER = f"grader-{COURSE}"  # the account that owns the course, to which nobody logs in
# The environment that the hub itself runs in: the course, nbgrader and JupyterHub are installed together.
BIN = Path(sys.executable).parent
PATH = f"{BIN}:/usr/local/bin:/usr/bin:/bin"

# Put a web server with TLS in front, or name a certificate here: JupyterHub.ssl_cert and ssl_key.
c.JupyterHub.bind_url = os.environ.get("HUB_ADDRESS", "http://127.0.0.1:8000")

# Who may log in, and as what -----------------------------------------------------------------------------------------

c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {LEARNERS, GRADERS}
c.Authenticator.manage_groups = True


def unix_groups(authenticator, handler, authentication):
    """The hub's groups are the Unix groups of the same names; a change counts from the next login on."""
    name = authentication["name"]
    authentication["groups"] = [group for group in (LEARNERS, GRADERS) if name in grp.getgrnam(group).gr_mem]
    return authentication


c.Authenticator.post_auth_hook = unix_groups
c.JupyterHub.load_roles = [
    {"name": "grade", "groups": [GRADERS], "scopes": [f"access:services!service={COURSE}"]},
    # nbgrader asks, with the token of somebody's server, which courses this person is in.
    {
        "name": "server",
        "scopes": ["users:activity!user", "access:servers!server", "read:users:name!user", "read:users:groups!user"],
    },
]

# Everybody's own JupyterLab, in their home ---------------------------------------------------------------------------

c.Spawner.cmd = [str(BIN / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
# On a machine that is shared, one learner's tensors must not take every core.
c.Spawner.environment = {"PATH": PATH, "OMP_NUM_THREADS": "1"}
# Nobody has a formgrader of their own; it would show an empty course.
c.Spawner.args = [
    "--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader=False",
    "--ServerApp.jpserver_extensions=nbgrader.server_extensions.course_list=False",
]

# The formgrader: /services/down_and_up ------------------------------------------------------------------------------

c.JupyterHub.services = [
    {
        # nbgrader finds the formgrader of a course by this name.
        "name": COURSE,
        "url": "http://127.0.0.1:9999",
        "command": [str(BIN / "jupyterhub-singleuser")],
        "user": GRADER,
        "oauth_no_confirm": True,
        # nbgrader reads the course's nbgrader_config.py from where it is started.
        "cwd": os.path.expanduser(f"~{GRADER}/course"),
        "environment": {
            "PATH": PATH,
            # Not JupyterLab's own tab: it is a frame, and the hub forbids frames, since all its pages share an origin.
            "JUPYTERHUB_DEFAULT_URL": "/formgrader",
        },
    }
]
