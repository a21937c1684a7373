"""What a click into the image can mean."""

TRACE, BETWEEN, BRANCH, CORRECT, CUT = "Trace", "From – to", "Branch", "Correct", "Cut"
MODES = {
    TRACE: (
        "Click a fibre: it is followed both ways from there",
        "Click on a fibre in the image.",
    ),
    BETWEEN: (
        "Click where to begin and where to end: the fibre between the two is found",
        "Click where the trace begins.",
    ),
    BRANCH: (
        "Click on a branch beside a trace: it is followed from there, away from that trace",
        "Click on the branch, a little way from the trace it leaves.",
    ),
    CORRECT: (
        "Select a trace and click where it should have gone: it is cut at its nearest point, the "
        "longer part is kept (with Shift the other), and it goes on from your click",
        "Click where the selected trace should have gone.",
    ),
    CUT: (
        "Select a trace and click on it: it is cut there, and the longer part is kept (with "
        "Shift the other)",
        "Click where the selected trace should end.",
    ),
}
