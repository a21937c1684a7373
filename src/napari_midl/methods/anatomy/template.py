"""What a shape is: its landmarks in order, their partners, descriptions and pictures."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.models import read_card
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class LandmarkInfo:
    """One landmark.

    Parameters
    ----------
    name : str
        Unique, as in LANDMARKS.csv.
    number : int
        Another way to name it; the paper's, for the mandible.
    description : str
        Where to put it.
    mirror : str
        Its partner on the other side; empty on the midline.
    group : str
        Part of the shape, for reports.
    """

    name: str
    number: int
    description: str
    mirror: str
    group: str


@dataclass(frozen=True)
class Template:
    """A kind of shape.

    Parameters
    ----------
    name : str
        Such as ``mandible``.
    description : str
        What it is, and where the landmarks come from.
    landmarks : tuple of LandmarkInfo
        In the order of the generator's input.
    view : str
        A picture of all landmarks, PNG in base64; shown where one has no picture of its own.
    """

    name: str
    description: str
    landmarks: tuple[LandmarkInfo, ...]
    view: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(landmark.name for landmark in self.landmarks)

    @property
    def partners(self) -> NDArray[np.int64]:
        """Index of each landmark's partner; its own on the midline."""
        order = {name: i for i, name in enumerate(self.names)}
        return np.array([order[item.mirror or item.name] for item in self.landmarks])

    @property
    def paired(self) -> bool:
        """Whether left and right mirror each other."""
        return any(item.mirror not in ("", item.name) for item in self.landmarks)

    def index(self, name: str) -> int:
        """Place of a landmark by its name, in any case and with _ or - for spaces, or its number.

        Raises
        ------
        InputError
            If there is no such landmark.
        """
        return self.indices([name])[0]

    def indices(self, names: Sequence[str]) -> list[int]:
        """`index` of each name.

        Raises
        ------
        InputError
            If there are no such landmarks; it names all that there are not.
        """
        places = {
            written: i
            for i, item in enumerate(self.landmarks)
            for written in (str(item.number), _plain(item.name))
        }
        unknown = [name for name in names if _plain(name) not in places]
        if len(unknown) > 1:
            raise InputError(
                f"{', '.join(map(repr, unknown))} are no landmarks of the {self.name}; it has "
                f"{', '.join(self.names)}."
            )
        for name in unknown:
            close = get_close_matches(_plain(name), [known.lower() for known in self.names], n=1)
            fix = f"write {close[0]!r}" if close else f"it has {', '.join(self.names)}"
            raise InputError(f"{name!r} is no landmark of the {self.name}; {fix}.")
        return [places[_plain(name)] for name in names]

    def picture(self, name: str) -> Path:
        """Path of a small picture that shows a landmark; it need not exist."""
        return _folder() / self.name / f"{name}.png"

    def to_dict(self) -> dict[str, Any]:
        """As in a template file, and in a model's card."""
        held = asdict(self)
        if not self.view:
            del held["view"]
        return held

    @classmethod
    def from_dict(cls, given: Any) -> Template:
        """Inverse of `to_dict`.

        Raises
        ------
        ValueError
            If something is missing or of another type, a name comes twice, or a partner is
            unknown.
        """
        try:
            landmarks = tuple(LandmarkInfo(**item) for item in given["landmarks"])
            template = cls(given["name"], given["description"], landmarks, given.get("view", ""))
        except KeyError as error:
            raise ValueError(f"it lacks {error}") from error
        except TypeError as error:
            raise ValueError("a part of it lacks a field, or has one that is unknown") from error
        _check_types(template, *landmarks)
        names = template.names
        for item in landmarks:
            if names.count(item.name) > 1:
                raise ValueError(f"it has the landmark {item.name!r} twice")
            if item.mirror and item.mirror not in names:
                raise ValueError(f"it mirrors {item.name!r} to {item.mirror!r}, which it lacks")
        return template


def load_template(name: str | Path) -> Template:
    """A template that comes with the package, or one from a JSON file.

    Raises
    ------
    InputError
        If it is missing, or is no template.
    """
    path = _folder() / f"{name}.json" if "." not in str(name) else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise InputError(f"{path} cannot be read; give a template file, or 'mandible'.") from None
    except ValueError:
        raise _no_template(path, "it is no text in UTF-8") from None
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_template(path, "it is no JSON, or was cut short") from None
    try:
        return Template.from_dict(held)
    except ValueError as error:
        raise _no_template(path, str(error)) from None


def template_of(model: str | Path) -> Template:
    """The template of a model: ``base`` (the shipped mandible), or the path of a file.

    Only the model's card is read.

    Raises
    ------
    InputError
        If the file cannot be read, or its card holds no template.
    """
    if str(model) == "base":
        return load_template("mandible")
    card = read_card(Path(model))
    try:
        return Template.from_dict(card["template"])
    except (KeyError, ValueError):
        raise InputError(
            f"{model} names no landmarks; choose an anatomy model, or train one anew."
        ) from None


def _plain(name: str) -> str:
    return " ".join(re.split(r"[\s_-]+", name.strip(" _-").casefold()))


def _no_template(path: Path, fault: str) -> InputError:
    return InputError(
        f"{path} is no template: {fault}; it needs a name, a description and landmarks, each of "
        "its own name, with number, description, mirror and group."
    )


def _check_types(*parts: Template | LandmarkInfo) -> None:
    for part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            wanted = {"str": str, "int": int}.get(str(field.type), tuple)
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise ValueError(f"{value!r} is no {field.name}")


def _folder() -> Path:
    return Path(str(resources.files("napari_midl.methods.anatomy") / "templates"))
