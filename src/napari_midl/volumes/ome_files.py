"""The files of an OME-TIFF set, found by their names or by the UUID that each carries."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.tiff_pages import Directories, read_directories

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

COMPANION = ".companion.ome"
_ROOT = re.compile(r"<(?:\w+:)?OME\b[^>]*>")
_UUID = re.compile(r"""\bUUID\s*=\s*["']([^"']*)["']""")
# The root of the description is in its first characters.
_HEAD = 4096


class Files:
    """The files to which a description refers, seen from the one that was opened.

    Parameters
    ----------
    path : Path
        The file that was opened: one of the TIFFs, or their companion.
    uuid : str or None
        The UUID that it carries.
    data : iterable of Element
        What the description says of where planes lie, the elements ``TiffData``.
    directories : dict of Path to Directories
        Of the files that were looked at, by their real paths; more are added.

    Attributes
    ----------
    by_name : list of Path
        Files that were taken by their name although they carry another UUID.
    """

    def __init__(
        self,
        path: Path,
        uuid: str | None,
        data: Iterable[Element],
        directories: dict[Path, Directories],
    ) -> None:
        self.path, self.uuid, self.directories = path, uuid, directories
        self.is_tiff = not path.name.lower().endswith(COMPANION)
        self.by_name: list[Path] = []
        self._found: dict[tuple[str | None, str], Path | None] = {}
        self._uuids: dict[Path, str | None] = {}
        references = {reference_of(each) for each in data}
        self._refers_to_one = self.is_tiff and len(references) == 1
        self._folders = [path.parent, Path(os.path.realpath(path)).parent]
        for other, name in references:
            parts = Path(name).parts
            # Names are relative to the folder of the set, of which this may be a sub-folder.
            if (
                self._is_opened(other, name)
                and len(parts) > 1
                and path.parts[-len(parts) :] == parts
            ):
                self._folders.insert(0, path.parents[len(parts) - 1])

    @property
    def pages(self) -> int:
        """How many pages the files that were looked at have."""
        return sum(len(each.layouts) for each in self.directories.values())

    def has_opened(self, data: Iterable[Element]) -> bool:
        """Whether the opened file is one of those to which these elements refer."""
        return any(self._is_opened(*reference_of(each)) for each in data)

    def find(self, data: Element) -> Path | None:
        """The file to which an element refers; None if it is not there."""
        reference = reference_of(data)
        if reference not in self._found:
            self._found[reference] = self._look_for(*reference)
        return self._found[reference]

    def pages_of(self, file: Path) -> int:
        """How many pages a file has.

        Raises
        ------
        InputError
            If it is damaged.
        """
        real = Path(os.path.realpath(file))
        if real not in self.directories:
            self.directories[real] = read_directories(file)
        return len(self.directories[real].layouts)

    def _is_opened(self, uuid: str | None, name: str) -> bool:
        if not self.is_tiff:
            return False
        if self.uuid is not None or uuid is None:
            return uuid in (None, self.uuid)
        # Without a UUID it is known by its name, unless it was renamed and is the only one.
        return self._refers_to_one or Path(name).name.lower() == self.path.name.lower()

    def _look_for(self, uuid: str | None, name: str) -> Path | None:
        if self._is_opened(uuid, name):
            return self.path
        places = [folder / name for folder in self._folders if name]
        places += [folder / Path(name).name for folder in self._folders if name]
        named = next((place for place in places if place.is_file()), None)
        if named is not None and self.uuid_of(named) in (None, uuid):
            return named
        if named is None and self._refers_to_one:
            return self.path  # it was renamed, and got a new UUID
        folders = {place.parent for place in places} | set(self._folders)
        for file in sorted(f for folder in folders for f in folder.glob("*.[tT][iI][fF]*")):
            if file != named and self.uuid_of(file) == uuid:
                return file  # it was renamed
        if named is not None:
            self.by_name.append(named)
        return named

    def uuid_of(self, file: Path) -> str | None:
        """The UUID that a file carries, if any."""
        if file not in self._uuids:
            root = _ROOT.search(description_of(file)[:_HEAD])
            found = _UUID.search(root.group()) if root else None
            self._uuids[file] = found.group(1) if found else None
        return self._uuids[file]


def companion_of(path: Path, elsewhere: Element) -> tuple[Path, Element]:
    """The file that describes the set to which a TIFF belongs, by its name or else its UUID.

    Parameters
    ----------
    path : Path
        The TIFF.
    elsewhere : Element
        What its description says instead, the element ``BinaryOnly``.

    Returns
    -------
    path : Path
        The file.
    root : Element
        What it says.

    Raises
    ------
    InputError
        If it is not there.
    """
    name, uuid = _file_name(elsewhere.get("MetadataFile", "")), elsewhere.get("UUID")
    for file in [path.parent / name, path.parent / Path(name).name]:
        if file.is_file() and file != path:
            root = parsed(file, description_of(file))
            if root.find("{*}BinaryOnly") is not None:
                raise damaged_description(file)
            return file, root
    for file in sorted(path.parent.glob(f"*{COMPANION}")):
        if (
            is_ome(text := description_of(file))
            and (root := parsed(file, text)).get("UUID") == uuid
        ):
            return file, root  # it was renamed
    raise InputError(
        f"{path} is one file of a set that {name or 'a file *' + COMPANION} describes, which is "
        "not there; copy it beside this file."
    )


def is_ome(description: str) -> bool:
    """Whether the description of a TIFF is OME-XML, be it whole or not."""
    return _ROOT.search(description[:_HEAD]) is not None


def parsed(path: Path, description: str) -> Element:
    """The root of OME-XML.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        return ElementTree.fromstring(description)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise damaged_description(path) from None


def damaged_description(path: Path) -> InputError:
    """The sentence about OME-XML that contradicts itself."""
    return InputError(
        f"{path} has a damaged description (OME-XML); copy it again, or export the image again."
    )


def description_of(path: Path) -> str:
    """The text of a companion file, or the description of a TIFF; empty where it has none."""
    if not path.name.lower().endswith(COMPANION):
        try:
            with tifffile.TiffFile(path) as file:
                return str(file.pages.first.description)
        except Exception:  # what it raises for a damaged file is of many classes
            return ""
    held = path.read_bytes()
    if held.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return held.decode("utf-16", errors="replace")
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError:
        return held.decode("latin-1")


def reference_of(data: Element) -> tuple[str | None, str]:
    """UUID and name of the file to which a ``TiffData`` refers; None where it is in itself."""
    uuid = data.find("{*}UUID")
    if uuid is None:
        return None, ""
    return (uuid.text or "").strip(), _file_name(uuid.get("FileName", ""))


def _file_name(name: str) -> str:
    """A name that may have been written on another system."""
    return name.replace("\\", "/").strip()
