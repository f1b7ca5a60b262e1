"""What a page shows while it computes: placeholders of cards, and progress that names the step that runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from qfusion.analysis import fusion_summary
from qfusion.analysis.fusion_summary import FusionSummary, Part
from qfusion.explain import additive_projection, bootstrap
from qfusion.explain.fusion_baselines import GAIN, MORE, BaselineComparison
from qfusion.wording.fusion_summary import describe_missing, summarise_fusion


def heights(app: AppTest) -> list[str]:
    """The styles of the grey blocks on a page."""
    bodies = [str(element.proto.body) for element in app.get("html")]
    return [body.partition('style="')[2].partition('"')[0] for body in bodies if "skeleton" in body]


def two_cards() -> None:
    import streamlit as st

    from qfusion.ui import skeletons

    with skeletons.placeholders({"first": 100, "second": 200}, st.columns(2)) as waiting:
        with skeletons.computing("Counting …"):
            pass
        waiting.remove("first")


def test_no_placeholder_is_left_once_all_is_computed() -> None:
    app = AppTest.from_function(two_cards, default_timeout=60).run()
    assert not app.exception
    assert heights(app) == []


def left_and_right() -> None:
    import streamlit as st

    from qfusion.ui import skeletons

    cards = skeletons.Placeholders({"first": 100, "second": 200}, st.columns(2))
    with cards.show():
        st.caption("Counting …")
    if st.session_state.get("ready"):
        cards.remove("first")


def test_placeholders_stand_for_all_cards_that_are_missing() -> None:
    app = AppTest.from_function(left_and_right, default_timeout=60).run()
    assert not app.exception
    assert [height for height in heights(app) if "px" in height] == [
        "height: 100px",
        "height: 200px",
    ]
    assert [caption.value for caption in app.columns[0].caption] == ["Counting …"]
    app.session_state["ready"] = True
    app.run()
    assert [height for height in heights(app) if "px" in height] == ["height: 200px"]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (0, "Fits: 0 of 105, in line"),
        (21, "Fits: 21 of 105, 40 s left"),
        (105, "Fits: 105 of 105; drawing …"),
    ],
)
def test_progress_names_the_step_that_runs_when_all_is_counted(done: int, words: str) -> None:
    def draw(done: int) -> None:
        from types import SimpleNamespace

        from qfusion.ui import job_progress

        left = None if not done else 40.0 if done < 105 else 0.0
        job: Any = SimpleNamespace(done=done, total=105, seconds_left=left)
        job_progress.draw_progress(job, "Fits: {job.done} of {job.total}", ", in line", "drawing")

    app = AppTest.from_function(draw, args=(done,), default_timeout=60).run()
    assert not app.exception
    assert [bar.proto.text for bar in app.get("progress")] == [words]


def interval(value: float, low: float, high: float) -> bootstrap.Interval:
    return bootstrap.Interval(value, low, high, 100, 100)


def test_conclusion_joins_what_is_known_with_intervals() -> None:
    gains: Any = {"gain": {"accuracy": interval(0.1, 0.05, 0.15)}}
    joint: Any = SimpleNamespace(modalities=2)
    baselines = BaselineComparison(
        "accuracy", {GAIN: interval(0.01, -0.02, 0.03), MORE: interval(0.1, 0, 0.2)}, {}, 100, 0
    )
    rows = [
        {
            "resource": name,
            "verdict": verdict,
            "worth": worth,
            "tests": {"rows": {"low": worth - 0.1, "high": worth + 0.1}},
        }
        for name, verdict, worth in (
            ("entanglement", "helps", 0.2),
            ("jumps", "undecided", 0.3),
            ("coherence", "needed", 0.4),
        )
    ]
    summary = FusionSummary(
        metric="accuracy",
        parts=(Part.JOINT, Part.DATA, Part.RESOURCES, Part.TERMS),
        joint=(joint, gains),
        information=SimpleNamespace(baselines=baselines),  # type: ignore[arg-type]
        resources={"short": "Accuracy", "rows": rows},
    )
    assert summarise_fusion(summary) == (
        "**The model fuses**: joint terms improve accuracy by 0.100 (95% CI 0.050 to 0.150); in the data, small "
        "joint models have no significant gain over late ones (+0.010 accuracy, 95% CI -0.020 to +0.030); 2 of 3 "
        "quantum resources help, most coherence (+0.400 accuracy, 95% CI +0.300 to +0.500)."
    )
    assert summary.missing == (Part.TERMS,)
    assert describe_missing(summary, True) == "Being computed: the smallest generator."
    assert describe_missing(summary, False) == "Not yet computed: the smallest generator."
    nothing = fusion_summary.FusionSummary("accuracy", (Part.JOINT,))
    assert summarise_fusion(nothing) == "Whether this model fuses is being computed."
    assert additive_projection.joint_effect(joint, gains["gain"]["accuracy"]) == "gain"
