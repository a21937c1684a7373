"""Text files as people really have them: with a byte order mark, in UTF-16, or no text at all."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 256


def read_bytes(path: Path) -> bytes:
    """What is in a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error


def encoding_of(data: bytes) -> str:
    """How text is encoded: ``utf-8-sig``, which also reads plain UTF-8, or one of UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:_HEAD]
    # Without a mark, plain letters in UTF-16 have a zero on one side of each.
    for encoding, zeros, letters in (
        ("utf-16-le", head[1::2], head[::2]),
        ("utf-16-be", head[::2], head[1::2]),
    ):
        if zeros and not any(zeros) and all(letters):
            return encoding
    return "utf-8-sig"
