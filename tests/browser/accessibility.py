"""What axe finds on a page that would keep a person out: its serious and critical findings, in words."""

from __future__ import annotations

from collections.abc import Sequence

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
COLORS = ("color-contrast",)
"""What a theme can break."""
RUN = """([include, runOnly]) => axe.run(include ?? document, {resultTypes: ['violations'], ...(runOnly && {runOnly})})
    .then(found => found.violations)"""


def serious(page: Page, include: str | None = None, *, rules: Sequence[str] | None = None) -> list[str]:
    """The serious and critical findings, an element each.

    Args:
        page: The page, as it is now, in its theme.
        include: A CSS selector: look only at what is inside of it.
        rules: Look only for these.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return [
        f"{finding['id']} ({finding['impact']}): {finding['help']}: {' '.join(map(str, node['target']))}"
        for finding in page.evaluate(RUN, [include, rules and list(rules)])
        if finding["impact"] in GRAVE
        for node in finding["nodes"]
    ]
