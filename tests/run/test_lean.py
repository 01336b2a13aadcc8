"""What a run's imports leave out, and that it can be imported afterwards."""

from __future__ import annotations

import json
import subprocess
import sys

from runbook_lib.run.lean import without

IMPORTED = """
import json, sys
from runbook_lib.run import lean
with lean.imports():
    import papermill.execute
    from nbformat.v4 import new_output
files = [module.__file__ for module in list(sys.modules.values()) if hasattr(module, "__file__")]  # as a kernel does
left_out = sorted({"boto3", "jsonschema", "pyarrow", "requests.sessions"} & set(sys.modules))
made = new_output("stream", text="x")
import boto3, requests
print(json.dumps([left_out, made, requests.Session.__name__, boto3.__name__]))
"""


def test_papermill_is_imported_without_what_no_run_uses() -> None:
    """And what was left out can be imported later."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, check=True, timeout=60)
    made = {"output_type": "stream", "name": "stdout", "text": "x"}
    assert [[], made, "Session", "boto3"] == json.loads(done.stdout)


def test_without_hides_only_what_is_not_imported_yet() -> None:
    with without("json", "no_such_module"):
        assert sys.modules["json"] is json
        assert "no_such_module" in sys.modules
    assert "no_such_module" not in sys.modules
