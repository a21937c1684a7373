"""What the axons dock says about results."""

from __future__ import annotations

from napari_midl.methods.axons.words import (
    gain,
    of_accepting,
    of_places,
    states_in_words,
    what_is_learnt,
)


def test_a_gain_names_scores_and_the_traces_behind_them():
    before, after = {"coverage": 0.5, "error": 1.0}, {"coverage": 0.8, "error": 1.25}
    results = {"steps": 3, "before": before, "after": after, "verdict": "better"}
    said = gain(results | {"basis": "unseen", "counts": {"traces": 1}})
    assert "Better after 3 steps" in said and "50%" in said and "<b>80%</b>" in said
    assert "1.25 px" in said and "traces (1 trace) that neither trained nor chose" in said


def test_traces_that_were_learnt_from_are_said_to_flatter():
    said = gain({"steps": 3, "before": {}, "after": {"coverage": 0.8}, "basis": "learnt"})
    assert "also learnt from, so it flatters; accept three or more" in said


def test_traces_that_are_too_short_are_counted():
    assert what_is_learnt(1, 1).startswith("1 accepted trace;")
    assert what_is_learnt(3, 1).startswith("3 accepted traces (2 too short to learn from);")


def test_what_is_not_accepted_yet_is_counted():
    assert states_in_words([True]) == "1 accepted trace"
    assert states_in_words([True, False, True]) == "3 traces, 1 of them not accepted"
    assert states_in_words([False, False]) == "2 traces that nobody has accepted"


def test_what_is_left_after_all_that_is_sure_was_accepted_is_counted():
    assert of_accepting(1, 0) == "1 trace accepted; none is left."
    assert of_accepting(2, 1).startswith("2 traces accepted; 1 has a doubtful place left.")
    assert of_accepting(2, 3).startswith("2 traces accepted; 3 have doubtful places left.")
    assert (
        of_accepting(2, 0, 1) == "2 traces accepted. Look yourself at 1 trace with no doubt told."
    )
    assert of_accepting(2, 3, 4).endswith(" Look yourself at 4 traces with no doubt told.")


def test_how_many_places_there_are_and_of_how_many_traces_none_is_known():
    assert of_places(2, 100, 0) == "2 to look at"
    assert of_places(120, 100, 1) == (
        "120 to look at, the worst 100 are listed; 1 trace with no doubt told"
    )
    assert of_places(0, 100, 3) == "3 traces with no doubt told"
    assert of_places(0, 100, 0) == ""
