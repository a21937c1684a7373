"""Counts as one says them."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """So many of a thing, such as ``1 patch`` or ``1,200 patches``."""
    if count == 1:
        return f"1 {thing}"
    return f"{count:,} {thing}{'es' if thing.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
