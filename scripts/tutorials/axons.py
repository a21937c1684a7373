"""Axons: clicks on fibres, the places of doubt, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt

from scripts.tutorials.opening import open_both

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

# Rows and columns on fibres of the sample.
CLICKS = ((158, 168), (375, 270), (285, 205))
BEGIN, END = (95, 243), (57, 320)


def follow(hand: Hand, camera: Camera) -> None:
    """From the sample to the decisions."""
    dock = open_both(hand, camera, "Axons", "Synthetic fibres")
    bench, trace, review = dock.bench, dock.trace, dock.review

    def traced(number: int) -> None:
        hand.until(lambda: len(bench.entries) >= number and not bench.runner.running)

    camera.rolling = True
    camera.caption = "Press T, and click on a fibre"
    camera.hold(1)
    hand.key("t")
    for number, place in enumerate(CLICKS, 1):
        hand.touch(hand.at(bench.image, place))
        traced(number)
        camera.hold(0.8)
        if number == 1:
            camera.picture("tutorials/axons-traced", trace.modes["Trace"])
            camera.caption = "The agent follows it both ways; its colour says where it doubts"
    camera.caption = "F: from one end of a fibre to the other"
    hand.key("f")
    hand.touch(hand.at(bench.image, BEGIN))
    camera.picture("tutorials/axons-from", trace.modes["From – to"], dock.hint)
    hand.touch(hand.at(bench.image, END))
    traced(len(CLICKS) + 1)
    camera.hold(1.2)
    hand.key(Qt.Key.Key_Escape)
    hand.show(review.table)
    hand.home()
    camera.picture("axons-dock")
    camera.caption = "N: the view flies to where a trace is least sure"
    hand.key("n")
    hand.wait(0.5)
    camera.hold(1.5)
    camera.picture("tutorials/axons-doubt", review.next, review.fine)
    camera.caption = "G: this place is fine; A: the trace is right"
    hand.key("g")
    camera.hold(0.8)
    hand.key("a")
    camera.hold(1.2)
    camera.rolling = False
    hand.home()
    camera.picture("tutorials/axons-accepted", review.accept, review.reject)
    hand.show(dock.files.trees)
    camera.picture("tutorials/axons-files", dock.learn.train, dock.files.save, dock.files.measure)
    camera.film("axons")
