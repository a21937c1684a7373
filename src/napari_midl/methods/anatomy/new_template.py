"""A template of another kind of shape, from the names of its landmarks."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.landmark_model import MIN_LANDMARKS
from napari_midl.methods.anatomy.naming import other_side
from napari_midl.methods.anatomy.template import LandmarkInfo, Template
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

# A picture in a template is so many pixels wide at most.
_VIEW = 320


def partners(names: Sequence[str]) -> list[str]:
    """The name of each landmark's partner on the other side; empty for those on the midline.

    Two are partners if one says ``left`` where the other says ``right``, or ``L`` and ``R``.
    """
    known = {name.casefold(): name for name in names}
    found = (known.get(other_side(name).casefold(), "") for name in names)
    return ["" if other == name else other for name, other in zip(names, found, strict=True)]


def new_template(
    name: str,
    description: str,
    names: Sequence[str],
    mirrors: Sequence[str],
    descriptions: Sequence[str],
    view: NDArray[np.uint8] | None = None,
) -> Template:
    """A template.

    Parameters
    ----------
    name, description : str
        What the shapes are.
    names, mirrors, descriptions : sequence of str
        Of each landmark; a mirror is empty on the midline.
    view : ndarray of uint8, shape (y, x, 3 or 4), optional
        A picture in which they are seen.

    Raises
    ------
    InputError
        If the name is missing or that of a shape that comes with the suite, there are fewer than
        four landmarks, one has no name, two have the same, or a partner is not one of them or has
        another partner.
    """
    name, names = name.strip(), [n.strip() for n in names]
    if not name or name.casefold() == "mandible":
        raise InputError("The template needs a name of its own; write what bone it is.")
    if len(names) < MIN_LANDMARKS:
        raise InputError(f"{len(names)} landmarks are too few; place {MIN_LANDMARKS} or more.")
    lower = [n.casefold() for n in names]
    for n in names:
        if not n:
            raise InputError("A landmark has no name; write one in each row.")
        if lower.count(n.casefold()) > 1:
            raise InputError(f"Two landmarks are called {n!r}; rename one of them.")
    partner = dict(zip(names, mirrors, strict=True))
    for n, other in partner.items():
        if other and partner.get(other) != n:
            raise InputError(
                f"{n!r} has the partner {other!r}, whose own partner is "
                f"{partner.get(other) or 'none'!r}; make the two partners of each other."
            )
    landmarks = tuple(
        LandmarkInfo(n, k + 1, about.strip(), mirror, name)
        for k, (n, mirror, about) in enumerate(zip(names, mirrors, descriptions, strict=True))
    )
    return Template(name, description.strip(), landmarks, "" if view is None else _encoded(view))


def write_template(path: Path, template: Template) -> None:
    """Write a template as JSON; the file appears once it is complete.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    with whole_file(path) as beside:
        text = json.dumps(template.to_dict(), indent=1, ensure_ascii=False)
        beside.write_text(text + "\n", encoding="utf-8")


def _encoded(view: NDArray[np.uint8]) -> str:
    from PIL import Image

    picture = Image.fromarray(view[..., :3])
    picture.thumbnail((_VIEW, _VIEW))
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    return base64.b64encode(kept.getvalue()).decode()
