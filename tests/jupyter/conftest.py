"""The same world and screen as for cases."""

from tests.cases.conftest import here, images_are_read_once, issued, left, readings, screen

__all__ = ["here", "images_are_read_once", "issued", "left", "readings", "screen"]
