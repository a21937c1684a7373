"""A page of pictures and tables that needs nothing but a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
figure { margin: 1.5rem 0 } img { max-width: 100% } figcaption { color: #555 }
table { border-collapse: collapse } th, td { padding: .25rem .8rem; text-align: right;
       border-bottom: 1px solid #ddd } th:first-child, td:first-child { text-align: left }
"""


@dataclass
class Section:
    """One tool's part of the page.

    Parameters
    ----------
    title, text : str
        Heading and introduction.
    pictures : list of (Path, str)
        Image files inside the page's folder, each with its caption.
    tables : list of (str, pandas.DataFrame)
        Tables, each with its caption.
    files : list of (Path, str)
        Results to link to, each with what it is.
    """

    title: str
    text: str
    pictures: list[tuple[Path, str]] = field(default_factory=list)
    tables: list[tuple[str, pd.DataFrame]] = field(default_factory=list)
    files: list[tuple[Path, str]] = field(default_factory=list)


def write_page(folder: Path, title: str, sections: list[Section]) -> Path:
    """Write ``index.html`` into a folder, and return its path."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
    ]
    for section in sections:
        parts.append(f"<h2>{escape(section.title)}</h2><p>{escape(section.text)}</p>")
        for path, caption in section.pictures:
            source = _address(path, folder)
            parts.append(
                f"<figure><img src='{source}' alt='{escape(caption, quote=True)}'>"
                f"<figcaption>{escape(caption)}</figcaption></figure>"
            )
        for caption, table in section.tables:
            html = table.to_html(index=False, border=0, float_format=lambda v: f"{v:.3g}")
            parts.append(f"<h3>{escape(caption)}</h3>{html}")
        links = [
            f"<li><a href='{_address(path, folder)}'>{escape(path.name)}</a>: {escape(what)}</li>"
            for path, what in section.files
        ]
        parts.append(f"<ul>{''.join(links)}</ul>")
    page = folder / "index.html"
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _address(path: Path, folder: Path) -> str:
    """A file as an address within the page: a browser would cut a name at ``#`` or ``?``."""
    return quote(path.relative_to(folder).as_posix())
