"""A disk that is full from some size on, for tests."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond `size` bytes.

    Python keeps nothing that it compiles meanwhile: it would be cut off, and fail to load from then on.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    keeps = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = keeps
