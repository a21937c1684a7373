from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from napari_midl.engine.page import Section, write_page


def test_addresses_lead_to_files_of_any_name(tmp_path):
    names = ["a#1.csv", "why?.csv", "50 %.csv", "o'hara & <b>.csv", "größe.csv"]
    for name in names:
        (tmp_path / name).touch()
    section = Section(
        "Tool → result",
        "text",
        pictures=[(tmp_path / names[0], "a picture")],
        files=[(tmp_path / name, "a table") for name in names],
    )
    page = write_page(tmp_path, "t", [section]).read_text(encoding="utf-8")
    links = re.findall("(?:href|src)='([^']*)'", page)
    assert [unquote(urlsplit(link).path) for link in links] == [names[0], *names]
    assert "Tool → result" in page
