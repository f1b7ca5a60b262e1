"""The ten checks of a reviewer on the Faithfulness page: what is claimed, the checks, and sentences to paste."""

from functools import partial

import streamlit as st

from qfusion.app import (
    figure,
    page_context,
    page_runs,
    panels,
    state,
    streamlit_internals,
    tasks,
    widgets,
)
from qfusion.plugins.review import referee, words
from qfusion.plugins.review.checks import run
from qfusion.plugins.review.checks.check import Check, Topic, Verdict
from qfusion.plugins.review.checks.claims import Claims
from qfusion.study import jobs, text, trust
from qfusion.study.sample import Sample
from qfusion.study.study import Study

BADGES = {
    Verdict.FAULT: ":red-badge[:material/error: {}]",
    Verdict.NOTE: ":orange-badge[:material/info: {}]",
    Verdict.PASSED: ":green-badge[:material/check: {}]",
    Verdict.UNCHECKED: ":gray-badge[:material/help: {}]",
}
SENTENCES = "Sentences to paste"


def referee_tab(context: page_context.PageContext, sample: Sample) -> None:
    """Draw what is claimed of a model, and once the reader asks for them the ten checks."""
    study = trust.with_training_background(sample.study)
    with st.container(horizontal=True, vertical_alignment="bottom", key="referee-claims"):
        chosen = {
            name: widgets.draw(param, study)
            for name, param in referee.OPTIONS.items()
            if param.fits(study)
        }
    if not widgets.draw(referee.RUN):
        topics = ", ".join(topic.title for topic in words.TOPICS.values())
        st.caption(f"What a reviewer would ask of this model: {topics}.")
        return
    with page_runs.show_errors():
        claims = referee.read_claims(study, **chosen)
        key = "review", *study.memo_key(), claims
        job = jobs.begin_job(
            key,
            partial(run.find_review, study, claims),
            len(Topic),
            streamlit_internals.session_id(),
        )
        if tasks.is_done(
            job,
            "Checks: {job.done:,} of {job.total:,}",
            "referee",
            cancel=partial(state.put, referee.RUN.key, False),
            wanted=lambda: bool(state.get("proof") == referee.VIEW and state.get(referee.RUN.key)),
        ):
            _draw_review(context, study, claims)


def _draw_review(context: page_context.PageContext, study: Study, claims: Claims) -> None:
    review = run.find_review(study, claims)

    def draw_checks() -> None:
        for one in review.checks:
            _draw_check(one)
        with st.expander(SENTENCES, icon=":material/content_paste:"):
            sentences = "\n".join(map(words.describe_check, review.checks))
            st.code(sentences, language=None, wrap_lines=True)

    [build] = panels.builders(study, "referee-checks").values()
    figure.draw(build(), below=draw_checks, grows=False, gap="xsmall")
    panels.show(study, "referee-modalities")


def _draw_check(one: Check) -> None:
    """Draw the verdict and the title of a check beside its sentence."""
    with st.container(key=f"referee-{one.topic.value}"):
        left, right = st.columns([1, 3], gap="small")
        left.markdown(
            f"**{words.TOPICS[one.topic].title}** {BADGES[one.verdict].format(words.VERDICTS[one.verdict])}  \n"
            f":small[{words.TOPICS[one.topic].question}]"
        )
        right.markdown(text.escape_markdown(words.describe_check(one), 4000))
