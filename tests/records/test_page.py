"""A record as text and as a page: complete, verified first, and harmless whatever is in it."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.card_html import html
from runbook_lib.display import STEP_MIME, Card, DecisionPath, Paragraph, Stop, Table, Tone
from runbook_lib.domain.policy import Rules
from runbook_lib.records import page
from runbook_lib.records.findings import Code, Finding, Verification
from runbook_lib.records.reading import read
from runbook_lib.run import banner
from tests import programs
from tests.records.making import WORDS, markdown, notebook, step

RECORDS = frozenset({("1001", "x.ipynb", "")})
GOOD = Verification(1, (), RECORDS, RECORDS)
BAD = Verification(1, (Finding("1001", "x.ipynb", Code.ALTERED, "x.ipynb was altered."),), RECORDS, RECORDS)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e\ud800"


class Tags(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def shown(tmp_path: Path, verification: Verification = GOOD, **changes: Any) -> tuple[str, str]:
    """A record as text and as HTML."""
    path = tmp_path / "x.ipynb"
    path.write_bytes(notebook(1001, **changes))
    record = read(path)
    return page.as_text(record, verification), page.as_html(record, verification)


def tags(content: str) -> list[tuple[str, dict[str, str | None]]]:
    """The tags of a page."""
    parser = Tags()
    parser.feed(content)
    parser.close()
    return parser.found


def test_everything_is_there(tmp_path: Path) -> None:
    """Manifest, facts, decisions, effects, parameters, versions, and each cell with its status."""
    for content in shown(tmp_path):
        for words in ("license issued", "premium", "Decide the scope", "reply 7", "0.1.0", WORDS, "completed, 0.2 s"):
            assert words in content


def test_what_matters_comes_before_how_it_was_run(tmp_path: Path) -> None:
    """The banner with the outcome, the evidence and the effects; of the parameters left unknown only the names."""
    about = json.loads(notebook(1001))["metadata"]
    about["runbook"]["parameters"] |= {"plan": "unknown", "expires_on": "unknown", "user_count": "300"}
    first = {**step(1001, **{"text/plain": "RECORD of ticket 1001"}), "id": banner.CELL}
    text = shown(tmp_path, metadata=about, cells=[first, step(1001)])[0]
    order = ("RECORD", "\nfacts\n", "\neffects\n", "\ndecisions\n", "\nthe run\n", "user_count", "left unknown", WORDS)
    places = [text.rindex(words) for words in order]
    assert sorted(places) == places
    assert 1 == text.count("RECORD")
    assert "left unknown: plan, expires_on\n" in text


def test_the_outcome_and_the_decisions_fit_a_screen(tmp_path: Path) -> None:
    """What the record begins with, and a line for each step; one that has neither is shown as a whole."""
    path = tmp_path / "x.ipynb"
    about = json.loads(notebook(1001))["metadata"]
    first = {**step(1001, **{"text/plain": "RECORD of ticket 1001"}), "id": banner.CELL}
    path.write_bytes(notebook(1001, metadata=about, cells=[first, step(1001)]))
    text = page.as_brief_text(read(path), GOOD)
    assert re.search(
        r"RECORD of ticket 1001\n\ndecisions\n.+\n\nFacts, addresses and every cell: --all\.$", text, re.DOTALL
    )
    assert "completed, 0.2 s" not in text
    path.write_bytes(notebook(1001, cells=[step(1001)]))
    assert page.as_text(read(path), GOOD) == page.as_brief_text(read(path), GOOD)


@pytest.mark.parametrize(("verification", "is_left_out"), [(GOOD, True), (BAD, False)])
def test_verified_record_does_not_ask_to_be_checked(
    tmp_path: Path, verification: Verification, is_left_out: bool
) -> None:
    """The banner's line about it is for a reader of the file alone."""
    path = tmp_path / "x.ipynb"
    first = {**step(1001, **{"text/plain": f"RECORD\n  To check: {banner.CHECK} 1001"}), "id": banner.CELL}
    path.write_bytes(notebook(1001, cells=[first, step(1001)]))
    for shown in (page.as_brief_text, page.as_text):
        text = shown(read(path), verification)
        assert ("RECORD" in text, is_left_out) == (True, banner.CHECK not in text)


def test_verification_comes_first(tmp_path: Path) -> None:
    """Before anything that the record says of itself."""
    for verification, words in ((GOOD, "Verified: sealed and unaltered."), (BAD, "altered: x.ipynb was altered.")):
        text, content = shown(tmp_path, verification)
        assert text.startswith(words)
        assert content.index(words) < content.index("The run")
        assert ("Verified" in content) is verification.is_good
    assert ["Not sealed."] == page.verdict(Verification(1, ()))


def test_a_page_needs_no_network_and_runs_nothing(tmp_path: Path) -> None:
    """Its policy says so, and nothing in it asks for more."""
    content = shown(tmp_path)[1]
    found = tags(content)
    policies = [about["content"] for tag, about in found if about.get("http-equiv") == "Content-Security-Policy"]
    assert ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"] == policies
    assert set() == {tag for tag, _ in found} & {"script", "link", "iframe", "object", "embed", "form", "base", "svg"}


ATTACKS = {
    "a script": "<script>alert(1)</script>",
    "a handler": '<div onclick="alert(1)">x</div>',
    "an image": '<img src="https://evil.example/x.png" onerror="alert(1)">',
    "a frame": '<iframe src="https://evil.example"></iframe>',
    "a form": '<form action="https://evil.example"><input name="password"></form>',
    "a link that runs": '<a href="javascript:alert(1)">x</a>',
    "a link beside the page": '<a href="evil.html">x</a>',
    "a link of this machine": '<a href="file:///etc/passwd">x</a>',
    "a refresh": '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "a base": '<base href="https://evil.example">',
    "a style sheet": "<style>.verdict{display:none}</style>",
    "something over the page": '<div style="position:fixed;top:0;left:0;z-index:9">Verified</div>',
    "a picture in a style": '<div style="background-image:url(https://evil.example/x)">x</div>',
    "a class of the page": '<div class="verdict">Verified</div>',
    "vector graphics": "<svg><script>alert(1)</script></svg>",
    "an end of the page": "</div></section></body></html><script>alert(1)</script>",
    "half a character": "<p>\ud800</p>",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_forged_output_is_harmless(tmp_path: Path, attack: str) -> None:
    """Of its HTML nothing is left that loads, runs, leads elsewhere or covers something else."""
    harmless_html(shown(tmp_path, cells=[step(1001, **{"text/html": attack})])[1])


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_forged_markdown_is_harmless(tmp_path: Path, attack: str) -> None:
    """As HTML in it, and as its links and images."""
    source = f"{attack}\n\n[x](javascript:alert(1)) ![x](https://evil.example/x.png)\n\n{attack}"
    harmless_html(shown(tmp_path, cells=[markdown(source)])[1])


def test_html_in_markdown_is_shown_as_text(tmp_path: Path) -> None:
    """A reader sees what was put there."""
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown(tmp_path, cells=[markdown("<b>bold</b>")])[1]


def declarations(content: str) -> set[str]:
    """Every style of a page's tags: property and value."""
    styles = [str(about["style"]) for _, about in tags(content) if about.get("style")]
    return {part.replace(" ", "") for style in styles for part in style.split(";") if part}


def harmless_html(content: str) -> None:
    """Fails if a page could do anything but be read."""
    found = tags(content)
    assert [] == [about for _, about in found for name in about if name.startswith("on")]
    images = [about for _, about in found if "src" in about]
    assert [] == [about for about in images if not str(about["src"]).startswith("data:image/png;base64,")]
    assert [] == [about for _, about in found if not str(about.get("href", "https://")).startswith("https://")]
    known = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "div", "table", "tbody", "thead", "tr"}
    known |= {"th", "td", "section", "pre", "p", "a", "img", "em", "strong", "code", "details", "summary"}
    assert set() == {tag for tag, _ in found} - known
    assert 2 == len([tag for tag, about in found if tag == "style" or about.get("class") == "verdict"])
    styles = [str(about["style"]) for _, about in found if "style" in about]
    assert [] == [style for style in styles if re.search("position|url|z-index", style)]
    assert 3 == len([tag for tag, _ in found if tag == "meta"])


def test_hostile_words_stay_words(tmp_path: Path) -> None:
    """In every value that a record holds."""
    made = json.loads(notebook(1001))
    manifest = dict.fromkeys(("runbook", "summary", "operator", "status", "outcome"), HOSTILE)
    manifest |= {"facts": [{"name": HOSTILE, "value": HOSTILE}], "parameters": {HOSTILE: HOSTILE}}
    cell = {**step(1001, **{"text/plain": HOSTILE, "text/html": ""}), "id": HOSTILE, "source": HOSTILE}
    text, content = shown(tmp_path, metadata={**made["metadata"], "runbook": manifest}, cells=[cell])
    harmless_html(content)
    for shape in (text, content):
        assert set() == set(shape) & set("\x1b\u202e\ud800")


@pytest.mark.parametrize(
    "manifest",
    [
        {"facts": 7, "decisions": [7, None], "effects": [{"evidence": [1]}], "parameters": [], "versions": None},
        {"seconds": 10**400, "summary": {"deep": [[[[]]]]}, "performed": None, "facts": [{}]},
        {},
    ],
)
def test_odd_manifests_are_shown_as_far_as_they_go(tmp_path: Path, manifest: dict[str, Any]) -> None:
    """Nothing in them is needed."""
    text, content = shown(tmp_path, metadata={"runbook": manifest})
    assert WORDS in text
    assert WORDS in content


def test_what_our_steps_show_is_kept(tmp_path: Path) -> None:
    """Every tag and style that `display` writes passes; only places in the page are left out."""
    from datetime import date

    from runbook_lib.domain import policy

    window = policy.license_window(date(2026, 11, 6), date(2026, 11, 21), Rules())
    parts = (
        Paragraph("Yes.", strong=True),
        Table(("a", "b"), [("1", "2")]),
        window,
        DecisionPath([Stop("Account?", True, "yes", "account 7"), Stop("Expert", False)]),
    )
    card = html(Card("Scope", "done", Tone.GOOD, "PRACTICE", parts))
    content = shown(tmp_path, cells=[step(1001, **{"text/html": card})])[1]
    assert declarations(card)
    assert set() == declarations(card) - declarations(content)
    assert {tag for tag, _ in tags(card)} <= {tag for tag, _ in tags(content)}
    assert 'role="img"' in content


@pytest.mark.slow
def test_a_huge_output_is_cut(tmp_path: Path) -> None:
    """A long text says how much there is, and stands for HTML that is too long."""
    cell = step(1001, **{"text/plain": "x" * 100_000, "text/html": "<p>" + "x" * page.LONGEST_HTML})
    text, content = shown(tmp_path, cells=[cell])
    assert len(text) < 10_000
    assert len(content) < 20_000
    assert "(100,000 characters)" in text
    assert "(100,000 characters)" in content


def test_a_diagram_stays_its_source(tmp_path: Path) -> None:
    """Drawing it would need a script."""
    assert "graph TD" in shown(tmp_path, cells=[markdown("```mermaid\ngraph TD\n  A --&gt; B\n```")])[1]


def test_an_image_is_within_the_page(tmp_path: Path) -> None:
    """As data."""
    cell = step(1001, **{"text/html": "", "image/png": "iVBORw0KGgoAAAAN"})
    assert '<img src="data:image/png;base64,iVBORw0KGgoAAAAN"' in shown(tmp_path, cells=[cell])[1]


@pytest.mark.slow
def test_a_browser_shows_it_without_a_word_in_the_console(tmp_path: Path) -> None:
    """With the network off; its policy refuses nothing that the page holds."""
    (tmp_path / "page.html").write_text(shown(tmp_path)[1], encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--host-rules=MAP * ~NOTFOUND"]
    home = f"--user-data-dir={tmp_path / 'home'}"
    done = subprocess.run(
        [programs.browser(), *options, home, "--dump-dom", str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert WORDS in done.stdout
    assert [] == [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_banner_stands_first_and_instructions_are_folded(tmp_path: Path) -> None:
    """Parameters that are unknown, too."""
    about = json.loads(notebook(1001))["metadata"]
    about["runbook"]["parameters"] = {"plan": "unknown"}
    first = {**step(1001, **{"text/html": "<p>RECORD</p>"}), "id": banner.CELL}
    words = {**markdown("# How to run it"), "id": "opening"}
    given = {**step(1001), "id": "injected", "metadata": {"tags": ["injected-parameters"]}}
    content = shown(tmp_path, metadata=about, cells=[first, words, given, step(1001)])[1]
    assert 1 == content.count("<p>RECORD</p>")
    assert content.index("RECORD") < content.index("The run")
    folded = r"<details><summary>Instructions and parameters</summary>.*How to run it.*injected.*</details>"
    assert re.search(folded, content, re.DOTALL)
    assert 1 == content.count("Instructions and parameters")
    assert "<summary>Parameters left unknown</summary>plan</details>" in content


def nothing_to_do(name: str) -> list[dict[str, Any]]:
    """A step, below its heading, that a case did not need."""
    data = {
        "runbook": "weekend_license",
        "ticket_id": 1001,
        "step": name,
        "state": "skipped",
        "summary": "It has ended.",
    }
    return [
        {**markdown(f"## The {name}\n\nIts rule."), "id": f"{name}-words"},
        {**step(1001, **{STEP_MIME: data}), "id": name},
    ]


def test_steps_that_had_nothing_to_do_are_one_line(tmp_path: Path) -> None:
    """With the titles of all; each of them is there when it is opened. One that failed stands apart."""
    error = {"output_type": "error", "ename": "E", "evalue": "it broke", "traceback": []}
    failed = nothing_to_do("third")
    failed[1]["outputs"].append(error)
    text, content = shown(tmp_path, cells=[step(1001), *nothing_to_do("first"), *nothing_to_do("second"), *failed])
    assert "--- first, second [skipped]\nIt has ended." in text
    assert "--- third" in text
    folded = re.findall(r"<details><summary>(.*?)</summary>", content)
    assert ["The first, The second · It has ended."] == [words for words in folded if "ended" in words]
    assert 3 == content.count("Its rule.")
    assert "it broke" in text
    assert "it broke" in content
