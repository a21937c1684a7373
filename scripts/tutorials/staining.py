"""Staining: two channels as a slide, two stains compared, a review."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scripts.tutorials.opening import open_both

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

SIDE, EDGE, LINE = 320, 8, 30


def follow(hand: Hand, camera: Camera) -> None:
    """From two channels to decisions about fields."""
    dock = open_both(hand, camera, "Staining", "Synthetic confocal mosaic")
    bench, stain, compare, review = dock.bench, dock.stain, dock.compare, dock.review

    def ended() -> None:
        hand.until(lambda: not bench.runner.running)

    camera.rolling = True
    camera.caption = "Two channels of a confocal microscope"
    camera.hold(1.2)
    camera.picture("tutorials/staining-channels", dock.channels)
    hand.viewer.scene.camera.zoom *= 2
    pictures = {}
    camera.caption = "Look here stains what is in view, at once"
    for row in range(stain.method.count()):
        name = stain.method.itemText(row)
        hand.choose(stain.method, name)
        hand.click(stain.look)
        ended()
        camera.hold(0.8)
        pictures[name] = np.asarray(hand.viewer.layers[-1].data)
        if row == 0:
            camera.picture("tutorials/staining-look", stain.look, stain.method)
        camera.rolling = row == 0
    _side_by_side(pictures, camera)
    camera.rolling = True
    camera.caption = "Swipe: one stain left of the curtain, another right of it"
    hand.choose(compare.left, "view: beer-lambert")
    hand.choose(compare.right, "view: cyclegan")
    hand.click(compare.swipe)
    hand.slide(compare.slider, 250)
    hand.slide(compare.slider, 700)
    hand.slide(compare.slider, 500)
    camera.hold(0.8)
    camera.picture("staining-dock", compare.left, compare.right, compare.swipe, compare.slider)
    hand.click(compare.swipe)
    camera.caption = "Stain does the whole mosaic, beginning where you look"
    hand.home()
    hand.choose(stain.method, stain.method.itemText(0))
    hand.click(stain.go)
    ended()
    camera.hold(1.2)
    camera.picture("tutorials/staining-whole", stain.go)
    camera.caption = "Review: the most doubtful field first"
    hand.click(review.begin)
    ended()
    hand.show(review.list)
    camera.hold(1)
    hand.click(review.accept)
    camera.hold(0.6)
    hand.click(review.reject)
    camera.hold(1.5)
    camera.rolling = False
    camera.picture("tutorials/staining-review", review.begin, review.accept, review.reject)
    hand.unfold(review.export, lambda: camera.picture("tutorials/staining-export"))
    camera.film("staining")


def _side_by_side(pictures: dict[str, np.ndarray], camera: Camera) -> None:
    """The middle of the view in each stain, with its name."""
    wide = EDGE + len(pictures) * (SIDE + EDGE)
    sheet = Image.new("RGB", (wide, SIDE + LINE + EDGE), "white")
    font, draw = ImageFont.load_default(16), ImageDraw.Draw(sheet)
    for number, (name, pixels) in enumerate(pictures.items()):
        x = EDGE + number * (SIDE + EDGE)
        top, left = ((n - SIDE) // 2 for n in pixels.shape[:2])
        part = pixels[max(top, 0) :, max(left, 0) :][:SIDE, :SIDE, :3]
        sheet.paste(Image.fromarray(part), (x, LINE))
        draw.text((x + SIDE // 2, LINE // 2), name, "black", font, anchor="mm")
    camera.keep(sheet, "stains")
