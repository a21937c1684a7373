"""What a click into the image can mean."""

TRACE, BETWEEN, BRANCH, CORRECT, CUT = "Trace", "From – to", "Branch", "Correct", "Cut"
MOVE, SOMA = "Move points", "Soma here"
# A tooltip, and what to say while the mode is on.
MODES = {
    TRACE: (
        "Click a fibre: it is followed both ways from there",
        "Click on a fibre: the tracker follows it both ways.",
    ),
    BETWEEN: (
        "Click where to begin and where to end: the fibre between the two is found. Shift-click "
        "on the way makes it go through there; Backspace takes the last click back",
        "Click where the trace begins.",
    ),
    BRANCH: (
        "Click on a branch beside a trace: it is followed from there, away from that trace",
        "Click on the branch, a little way from the trace it leaves.",
    ),
    CORRECT: (
        "Click beside a trace where it should have gone: it is cut at its nearest point, the "
        "part on the side of the root, or of a trace by itself the longer, is kept (with Shift the "
        "other), and it goes on from your click; what branched off there is hung on it",
        "Click beside a trace, where it should have gone.",
    ),
    CUT: (
        "Click on a trace: it is cut there, and the longer part is kept (with Shift the other)",
        "Click on a trace where it should end.",
    ),
    MOVE: (
        "Drag a trace to where its fibre is; points near the mouse come along",
        "Press on a trace and drag it onto its fibre.",
    ),
    SOMA: (
        "Click the middle of a cell body: the traces that come into it grow from there",
        "Click the middle of a cell body.",
    ),
}
