"""`runbook demo`: every practice ticket through its runbook, performed, in a practice world of its own.

Each ticket is run by the same command that a user types. The table compares what came out with what is expected,
and the license files that were mailed are read again.
"""

from __future__ import annotations

