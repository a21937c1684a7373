"""Names of images and files in sentences, which no dock may become wide for."""

from __future__ import annotations

LONGEST = 28


def shortened(name: str) -> str:
    """A name without its middle where it is long, since Qt breaks no line inside of a word."""
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
