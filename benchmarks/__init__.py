"""Figures that the project keeps an eye on: ratios measured side by side in one run, never asserted in tests."""
