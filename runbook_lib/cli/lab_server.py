"""JupyterLab's own process, which imports while its parent decides what it opens; see `lab`.

`python -m runbook_lib.cli.lab_server NUMBER FOLDER` reads its options, a JSON list, from the open file of that number,
and ends where there are none: then its parent has given up. The person's settings are copied to the folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress

from jupyter_server.serverapp import ServerApp
from jupyterlab.commands import get_user_settings_dir
from jupyterlab.labapp import LabApp

AS_ROOT = "runbook: As root, in a container, say `runbook lab --allow-root`; elsewhere use an account of your own."


def main(file: int, settings: str) -> None:
    """Run JupyterLab, as soon as it has its options, with a copy of the person's settings."""
    with open(file, encoding="utf-8") as pipe:
        options = json.loads(pipe.read() or "[]")
    if options:
        with suppress(OSError, shutil.Error):  # there are none, or they cannot be read
            shutil.copytree(get_user_settings_dir(), settings)
        try:
            LabApp.launch_instance([f"--LabApp.user_settings_dir={settings}", *options])
        except SystemExit as exc:
            if exc.code and os.geteuid() == 0 and not ServerApp.instance().allow_root:
                sys.exit(AS_ROOT)
            raise


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
