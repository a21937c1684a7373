"""What this installation consists of, what is wrong with it, and the fix."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from packaging.requirements import Requirement

from napari_midl.methods import METHODS, operations_of

OPTIONAL = {"bioio": "bioio", "distributed": "distributed", "rocrate": "crate"}
SPACE_WANTED = 5e9
PATIENCE = 60.0
# Runs in a process of its own: a broken Qt or GL aborts instead of raising.
SCREEN_SCRIPT = """
import qtpy
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from qtpy.QtWidgets import QApplication
application = QApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
if not (context.create() and context.makeCurrent(surface)):
    raise SystemExit("no OpenGL context")
form = context.format()
print(f"{qtpy.API_NAME} {qtpy.QT_VERSION}, {application.platformName()}, "
      f"OpenGL {form.majorVersion()}.{form.minorVersion()}")
"""


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Parameters
    ----------
    name : str
        What was looked at.
    ok : bool or None
        Whether it is as it must be; None where it is worth knowing but no fault.
    value : str
        What was found.
    fix : str
        What to do, empty if nothing.
    """

    name: str
    ok: bool | None
    value: str
    fix: str = ""


def report(weights: Path | None = None) -> list[Check]:
    """Look at everything that the suite stands on.

    Parameters
    ----------
    weights : Path, optional
        Folder of the shipped models; by default that of this package.

    Returns
    -------
    list of Check
        In the order in which to read them.
    """
    folder = weights or Path(str(resources.files("napari_midl") / "weights"))
    return [
        Check("python", sys.version_info >= (3, 11), platform.python_version()),
        Check("platform", True, platform.platform()),
        *_packages(),
        *(_optional(package, extra) for package, extra in OPTIONAL.items()),
        _torch(),
        _binding(),
        _screen(),
        *map(_method, METHODS),
        *_weights(folder),
        _space(),
    ]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> list[Check]:
    """Each dependency against the range that this package's metadata asks for."""
    try:
        lines = metadata.requires("napari-midl") or []
    except metadata.PackageNotFoundError:
        return [Check("napari-midl", False, "not installed", 'pip install "napari-midl[all]"')]
    requirements = map(Requirement, lines)
    return [_package(each) for each in requirements if each.marker is None]


def _package(requirement: Requirement) -> Check:
    found = _version(requirement.name)
    if found is not None and requirement.specifier.contains(found, prereleases=True):
        return Check(requirement.name, True, found)
    return Check(requirement.name, False, found or "missing", f'pip install "{requirement}"')


def _optional(package: str, extra: str) -> Check:
    found = _version(package)
    if found is None:
        return Check(package, None, "not installed", f'pip install "napari-midl[{extra}]"')
    return Check(package, True, found)


def _torch() -> Check:
    fix = 'pip install "napari-midl[torch]"'
    if _version("torch") is None:
        return Check("torch", False, "missing", fix)
    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("torch", False, f"cannot be imported: {error}", f"{fix} --force-reinstall")
    devices = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    threads = f"{torch.get_num_threads()} CPU threads"
    return Check("torch", True, ", ".join([torch.__version__, threads, *devices]))


def _binding() -> Check:
    found = [f"{name} {_version(name)}" for name in ("PyQt6", "PySide6") if _version(name)]
    if not found:
        return Check("Qt binding", False, "missing", 'pip install "napari-midl[all]"')
    if _version("PySide6") == "6.12.0" and sys.version_info < (3, 12):
        # That release drops a reference to None on each call, until Python aborts.
        fix = "pip install 'PySide6!=6.12.0', or use Python 3.12"
        return Check("Qt binding", False, ", ".join(found), fix)
    return Check("Qt binding", True, ", ".join(found))


def _screen() -> Check:
    fix = "needed for the window only; Linux wants a display and Qt's xcb and OpenGL libraries"
    try:
        probe = subprocess.run(
            [sys.executable, "-c", SCREEN_SCRIPT],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Check("screen", None, f"no answer within {PATIENCE:.0f} s", fix)
    if probe.returncode:
        said = probe.stderr.strip().splitlines() or [f"ended with {probe.returncode}"]
        # An abort says its reason first, an exception last.
        return Check("screen", None, f"none: {said[0 if probe.returncode < 0 else -1]}", fix)
    return Check("screen", True, probe.stdout.strip())


def _method(name: str) -> Check:
    """Whether what a method can do is there."""
    try:
        found = [operation.name.split(".")[1] for operation in operations_of(name)]
    except ImportError as error:
        fix = "pip install --force-reinstall napari-midl"
        return Check(name, False, f"cannot be imported: {error}", fix)
    return Check(name, True, ", ".join(found))


def _weights(folder: Path) -> list[Check]:
    """Each shipped model against the line that ``sha256sum`` wrote for it."""
    fix = "pip install --force-reinstall --no-deps napari-midl"
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        return [Check("weights", False, "SHA256SUMS is missing", fix)]
    checks = []
    for wanted, name in re.findall(
        r"^([0-9a-f]{64})[ *]+(.+)$", sums.read_text(encoding="utf-8"), re.MULTILINE
    ):
        path = folder / name
        if not path.is_file():
            checks.append(Check(name, False, "missing", fix))
            continue
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == wanted
        checks.append(Check(name, same, wanted[:12] if same else "damaged", "" if same else fix))
    return checks or [Check("weights", False, "SHA256SUMS is empty", fix)]


def _space() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free >= SPACE_WANTED
    fix = "" if enough else "free some space before predicting a large volume"
    return Check("disk space here", True if enough else None, f"{free / 1e9:.1f} GB free", fix)
