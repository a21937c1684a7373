"""Pictures of the screen: one at a time, or many that move."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFont
from qtpy.QtCore import QBuffer, QIODevice, QPoint
from qtpy.QtWidgets import QApplication

from scripts.tutorials.hand import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from scripts.tutorials.hand import Hand

Box = tuple[int, int, int, int]
MARK, CAPTION = "#ff9d2e", 34
STILL_BYTES, FILM_BYTES = 150_000, 600_000
FILM_WIDTH, FRAME_MS, FILM_MS = 1000, 120, 12_000
_ARROW = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))


@dataclass
class Camera:
    """Takes pictures of napari's window, and of what lies over it.

    Parameters
    ----------
    folder : Path
        Where the pictures go.

    Attributes
    ----------
    hand : Hand
        Whose mouse is seen.
    caption : str
        What stands below the moving picture from now on.
    rolling : bool
        Whether what is looked at is filmed.
    """

    folder: Path
    hand: Hand | None = None
    caption: str = ""
    rolling: bool = False
    _frames: list[Image.Image] = field(default_factory=list)
    _times: list[int] = field(default_factory=list)

    def picture(self, name: str, *marked: QWidget, crop: Box | None = None) -> None:
        """Keep a picture, with a frame around the widgets that are meant."""
        assert self.hand is not None
        for widget in marked:
            self.hand.show(widget)
        self.hand.wait(0.3)
        shot = _screen()
        draw = ImageDraw.Draw(shot)
        for widget in marked:
            corner = widget.mapToGlobal(QPoint(0, 0))
            x, y = corner.x(), corner.y()
            box = (x - 4, y - 4, x + widget.width() + 3, y + widget.height() + 3)
            draw.rounded_rectangle(box, 6, outline=MARK, width=3)
        self.keep(shot.crop(crop) if crop else shot, name)

    def keep(self, shot: Image.Image, name: str) -> None:
        """Keep a picture that is not of the screen alone."""
        path = self.folder / f"{name}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_small_still(shot))

    def look(self) -> None:
        """Take one of the pictures that move."""
        if not self.rolling or self.hand is None:
            return
        shot = _screen()
        pointed = shot.copy()
        x, y = self.hand.mouse.x(), self.hand.mouse.y()
        arrow = [(x + dx, y + dy) for dx, dy in _ARROW]
        ImageDraw.Draw(pointed).polygon(arrow, fill="white", outline="black")
        frame = self._captioned(pointed)
        if self._frames and not ImageChops.difference(frame, self._frames[-1]).getbbox():
            return
        self._frames.append(frame)
        self._times.append(FRAME_MS)

    def hold(self, seconds: float) -> None:
        """Let what is seen now stay for a while."""
        self.look()
        if self.rolling and self._times:
            self._times[-1] = round(1000 * seconds)

    def film(self, name: str) -> None:
        """Keep what moved, no longer and no larger than a page bears."""
        frames, times = _shortened(self._frames, self._times)
        (self.folder / f"{name}-film.webp").write_bytes(_small_film(frames, times))

    def _captioned(self, shot: Image.Image) -> Image.Image:
        height = round(HEIGHT * FILM_WIDTH / WIDTH)
        frame = Image.new("RGB", (FILM_WIDTH, height + CAPTION), "#111318")
        frame.paste(shot.resize((FILM_WIDTH, height), Image.Resampling.LANCZOS))
        font = ImageFont.load_default(20)
        place = (FILM_WIDTH // 2, height + CAPTION // 2)
        ImageDraw.Draw(frame).text(place, self.caption, "white", font, anchor="mm")
        return frame


def _screen() -> Image.Image:
    """The window, with menus and whatever else is over it."""
    QApplication.processEvents()
    screen = QApplication.primaryScreen()
    assert screen is not None
    pixels, buffer = screen.grabWindow(0, 0, 0, WIDTH, HEIGHT), QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    pixels.save(buffer, "BMP")
    return Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")


def _small_still(shot: Image.Image) -> bytes:
    """As WebP: noisy slices as PNG are large, or lose the colours that matter."""
    for quality in (90, 80, 70, 60, 50, 40):
        out = io.BytesIO()
        shot.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= STILL_BYTES:
            break
    return out.getvalue()


def _shortened(
    frames: Sequence[Image.Image], times: Sequence[int]
) -> tuple[list[Image.Image], list[int]]:
    """Leave out every so many frames that are not held, until the rest is short enough."""
    kept = list(zip(frames, times, strict=True))
    while sum(time for _, time in kept) > FILM_MS and len(kept) > 20:
        moving = [n for n, (_, time) in enumerate(kept) if time == FRAME_MS]
        dropped = set(moving[1::4])
        if not dropped:
            break
        kept = [each for n, each in enumerate(kept) if n not in dropped]
    return [frame for frame, _ in kept], [time for _, time in kept]


def _small_film(frames: Sequence[Image.Image], times: Sequence[int]) -> bytes:
    """As WebP, as good as the page bears."""
    for quality in (75, 60, 45, 30, 20, 10):
        out = io.BytesIO()
        first, *rest = frames
        first.save(
            out, "WEBP", save_all=True, append_images=rest, duration=list(times), loop=0,
            quality=quality, method=4,
        )  # fmt: skip
        if out.tell() <= FILM_BYTES:
            break
    return out.getvalue()
