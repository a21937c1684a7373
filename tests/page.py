"""The code of docs/how-to-add-a-method.md, as modules of the package."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from napari_midl.engine.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "how-to-add-a-method.md"


@contextmanager
def page_modules(*folders: str) -> Iterator[dict[str, str]]:
    """Make modules of the blocks of some folders; what they register is forgotten afterwards."""
    known, modules, found = set(OPERATIONS), set(sys.modules), {}
    for name, code in re.findall(r"```python\n# (.+?)\n(.*?)```", PAGE.read_text("utf-8"), re.S):
        found[name] = code
        if name.startswith(folders):
            module = ModuleType("napari_midl." + name.removesuffix(".py").replace("/", "."))
            sys.modules[module.__name__] = module
            exec(compile(code, name, "exec"), module.__dict__)
    try:
        yield found
    finally:
        for name in set(OPERATIONS) - known:
            del OPERATIONS[name]
        for name in {n for n in sys.modules if ".spots." in n} - modules:
            del sys.modules[name]
