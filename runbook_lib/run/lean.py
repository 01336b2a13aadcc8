"""Imports without what a run does not use: papermill and Jupyter bring it along, and it takes half of their time."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

ELSEWHERE = ("boto3", "gcsfs", "github", "pyarrow", "pyarrow.fs")
"""What papermill imports for notebooks that are not on this machine's disk, where it is installed."""
DEBUGGER = "debugpy"
"""What a kernel imports for JupyterLab's debugger."""
CHECK = "nbformat.json_compat"
"""What nbformat checks a notebook's form with; see `_NoCheck`."""


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Where an import of these modules fails as if they were not installed.

    What has been imported before stays.
    """
    left_out = [name for name in modules if name not in sys.modules]
    for name in left_out:
        sys.modules[name] = None  # type: ignore[assignment]  # an import of it raises ImportError
    try:
        yield
    finally:
        for name in left_out:
            sys.modules.pop(name, None)


@contextmanager
def imports() -> Iterator[None]:
    """Where papermill is imported for notebooks of this project, on this machine's disk."""
    sys.modules.setdefault("requests", _Later("requests"))  # for notebooks on the web
    if "nbformat" not in sys.modules:
        sys.modules[CHECK] = _NoCheck(CHECK)
    with without(*ELSEWHERE):
        yield


class _Later(ModuleType):
    """Stands for a module until something in it is used, beyond what a kernel asks every module for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)


class _NoCheck(ModuleType):
    """Stands for nbformat's check, which takes longer to import than nbformat and longer to begin than a cell to run.

    A run checks the form of neither its template nor what it writes; see `papermill_engine.read`.
    """

    name = "none"
    ValidationError = type("ValidationError", (Exception,), {})

    def get_current_validator(self, *_: object) -> Any:
        return self

    _validator_for_name = get_current_validator
    __call__ = get_current_validator

    def iter_errors(self, *_: object) -> Iterable[Exception]:
        return ()
