"""A port: what goes into an operation or comes out of it, as `inputs` and `outputs` derive it.

A port is a frozen dataclass. Its first field is what a person names, mostly a path; the
others say which part of it, or how. All that can be typed becomes an option of the command
line and, unless it is marked `UNRECORDED`, an argument in the run record. What is open
already and lies in memory, as in a dock, is marked `IN_MEMORY` and can be neither.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

IN_MEMORY = {"in memory": True}
UNRECORDED = {"unrecorded": True}


@dataclass(frozen=True)
class Port:
    """Base of all inputs and outputs."""

    def recorded(self) -> dict[str, Any]:
        """The parts as a record keeps them, paths made absolute."""
        kept = (f.name for f in fields(self) if not f.metadata)
        return {name: _plain(getattr(self, name)) for name in kept}


def _plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    if isinstance(value, tuple):
        return list(value)
    return str(value.resolve()) if isinstance(value, Path) else value
