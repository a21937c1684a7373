"""``python -m napari_midl``, for where the command itself is not on the path."""

from __future__ import annotations

from napari_midl.cli import main

if __name__ == "__main__":
    main()
