"""Migrates the database, then becomes the server: /healthz says 200 only once both are done."""

import os
import subprocess
import sys

subprocess.run([sys.executable, "manage.py", "migrate", "--noinput"], check=True)
bind = f"127.0.0.1:{os.environ['PORT']}"
os.execv(
    sys.executable,
    [sys.executable, "-m", "gunicorn", "--bind", bind, "--workers", "2", "household.wsgi"],
)
