"""The docs say what the code says, and what they name is there."""

from __future__ import annotations

import re
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")

spec = util.spec_from_file_location("docs_pages", ROOT / "scripts" / "docs_pages.py")
assert spec is not None and spec.loader is not None
docs_pages = util.module_from_spec(spec)
spec.loader.exec_module(docs_pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [each for each in LINK.findall(text) if not re.match(r"[a-z]+:", each)]
    assert [each for each in targets if not (page.parent / each).exists()] == []


def test_pages_made_of_the_code_are_as_it_makes_them():
    for path, text in docs_pages.pages().items():
        assert path.read_text(encoding="utf-8") == text, "run scripts/docs_pages.py"


def test_every_page_is_in_the_menu_of_the_site():
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\ntheme:")[0]
    menu = re.sub(r"https:\S+", "", menu)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md(?=\n)", menu)) == pages


def test_troubleshooting_has_a_fix_for_each_fault_that_doctor_knows():
    assert all(check.ok is not True and check.fix for check in docs_pages.faults())
