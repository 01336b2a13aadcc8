"""JupyterLab's own process, which imports while its parent decides what it opens; see `lab`.

`python -m runbook_lib.cli.lab_server NUMBER` reads its options, a JSON list, from the open file of that number, and
ends where there are none: then its parent has given up. What is chosen here, such as a theme, is kept beside the
person's own settings, for the next time; of a plugin's settings those that were changed last count.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from jupyterlab.commands import get_user_settings_dir
from jupyterlab.labapp import LabApp

AS_ROOT = "runbook: As root, in a container, say `runbook lab --allow-root`; elsewhere use an account of your own."


KEPT = "runbook-settings"
"""The folder of this JupyterLab's settings, beside that of the person's own."""


def main(file: int) -> None:
    """Run JupyterLab, as soon as it has its options."""
    with open(file, encoding="utf-8") as pipe:
        options = json.loads(pipe.read() or "[]")
    if options:
        own = Path(get_user_settings_dir())
        settings = own.with_name(KEPT)
        with suppress(OSError, shutil.Error):  # there are none, or they cannot be read
            shutil.copytree(own, settings, copy_function=_copy_newer, dirs_exist_ok=True)
        try:
            LabApp.launch_instance([f"--LabApp.user_settings_dir={settings}", *options])
        except SystemExit as exc:
            if exc.code and os.geteuid() == 0 and not ServerApp.instance().allow_root:
                sys.exit(AS_ROOT)
            raise


def _copy_newer(own: str, kept: str) -> None:
    if not Path(kept).exists() or Path(own).stat().st_mtime > Path(kept).stat().st_mtime:
        shutil.copy2(own, kept)


if __name__ == "__main__":
    main(int(sys.argv[1]))
