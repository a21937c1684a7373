"""Tables of results, as Markdown and as JSON."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def write(name: str, rows: list[dict[str, Any]], note: str = "") -> None:
    """Keep the rows as JSON, with the machine they were measured on."""
    FOLDER.mkdir(exist_ok=True)
    about = {"processor": platform.processor() or platform.machine(), "note": note, "rows": rows}
    (FOLDER / f"{name}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def read(name: str) -> list[dict[str, Any]]:
    """The rows that an earlier run kept."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []


def markdown(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = [_cell(row.get(column, "")) for column in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
