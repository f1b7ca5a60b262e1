"""All that a screen says of a sample names one lead: the verdict, the titles of figures, the answers and the tiles."""

import re

import numpy as np
import pytest

from qfusion import plugin
from qfusion._sentences import true_minus
from qfusion.app.samples import contents
from qfusion.errors import DataUnavailable
from qfusion.explain.coalitions import RELATIONS
from qfusion.study import compare
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample, build_sample
from qfusion.study.study import Study
from qfusion.study.text import strip_markup
from qfusion.views import decision, overview
from qfusion.views.pages.panel import drawn
from qfusion.views.words import answers

SHIPPED = [path.stem for path in plugin.glob_assets("models", "*.json")]
EACH = 2  # samples of every relation, with and without a lead that seeds leave open


@pytest.fixture(scope="module", params=SHIPPED)
def study(request: pytest.FixtureRequest) -> Study:
    """A shipped model on its data."""
    try:
        return open_study(request.param)
    except DataUnavailable as error:
        pytest.skip(str(error))


def choose_rows(study: Study) -> list[int]:
    """Test rows of every relation that occurs, where seeds leave the lead open and where they do not."""
    judged = study.explained_verdicts()
    inside = np.isin(study.explained_rows, study.dataset.rows("test"))
    rows = []
    for relation in RELATIONS:
        for is_open in (False, True):
            chosen = inside & (judged.relation == relation) & (judged.is_open == is_open)
            rows += study.explained_rows[chosen][:EACH].tolist()
    return rows


def sentences_of(sample: Sample) -> dict[str, str]:
    """What a screen says of a sample, without markup, by its place."""
    waterfall, shapley = (
        drawn(decision.waterfall)(sample),
        drawn(decision.shapley)(sample),
    )
    facts = contents.summarize_decision(sample).facts
    return {
        "verdict": strip_markup(overview.QUESTIONS["Which modality decided this?"](sample)),
        "conflict": strip_markup(answers.answer_conflict(sample.verdict)),
        "waterfall": strip_markup(waterfall.title),
        "lead": strip_markup(waterfall.lead),
        "shapley": strip_markup(shapley.title),
        "tiles": "; ".join(f"{fact.name} {fact.value}" for fact in facts),
    }


def leads_in(sentence: str, modalities: tuple[str, ...]) -> set[str]:
    """Everything that a sentence says to decide, lead or come first."""
    found = set()
    for name in modalities:
        pattern = (
            rf"(?i)(?<![\w]){re.escape(name)} (\([^)]*\) )?(leads|dominates|decides|comes first)"
        )
        if re.search(pattern, sentence):
            found.add(name)
    for words, lead in (
        (r"combination decides", "the combination"),
        (
            r"(?i)baseline (\([^)]*\) )?decides[;,]? ?(not|Shapley|$)|No modality decided",
            "the baseline",
        ),
        (r"(?i)retrainings (may )?disagree on who leads|All \d+ trainings give", "open"),
    ):
        if re.search(words, sentence):
            found.add(lead)
    return found


def test_a_screen_names_one_lead(study: Study) -> None:
    rows = choose_rows(study)
    assert rows
    for row in rows:
        sample = build_sample(study, row)
        found, said = sample.verdict, sentences_of(sample)
        leads = {place: leads_in(words, study.modalities) for place, words in said.items()}
        together = set.union(*leads.values())
        assert len(together) <= 1, (sample.id, said)
        expected = {"joint": "the combination", "prior": "the baseline"}.get(found.relation, "")
        expected = "open" if found.is_open else expected or found.leader
        if expected and found.size:
            assert leads["verdict"] == leads["shapley"] == {expected}, (sample.id, said)
        if expected in ("open", "the combination", "the baseline") and found.size:
            assert leads["waterfall"] == {expected}, (sample.id, said)
        if found.leader:
            direction = np.sign(found.net)
            assert found.leader in said["waterfall"].lower() or found.relation == "correction"
            assert found.dividends[found.leader] * direction > 0
        check_unread(sample, said)
        assert ("Yes" in said["conflict"][:3]) == found.conflict


def check_unread(sample: Sample, said: dict[str, str]) -> None:
    """No sentence names an own or joint term within its spread over training seeds, with its value."""
    for term in sample.verdict.within_spread - {""}:
        name = " and ".join(term.split("+"))
        for place, words in said.items():
            assert f"{name} (+" not in words, (sample.id, place, words)
            assert f"{name} (-" not in words, (sample.id, place, words)
            assert f"{name} (−" not in words, (sample.id, place, words)


def test_examples_and_questions_name_the_lead_of_the_verdict(study: Study) -> None:
    for example in compare.find_examples(study):
        panel = drawn(overview.example_waterfall)(study, kind=example.kind)
        verdict = study.verdict(study.dataset.row(example.sample))
        title = true_minus(strip_markup(answers.title_decision(verdict)))
        assert strip_markup(panel.title).endswith(title)
        assert not verdict.is_open or "trainings" in panel.title


def test_the_rules_hold_on_every_test_sample(study: Study) -> None:
    """Prior and conflict, from the dividends: of classes log-odds of the decided class."""
    judged = study.explained_verdicts()
    dividends = study.explained_dividends()
    M = len(study.modalities)
    baseline, own, terms = dividends[:, 0], dividends[:, 1 : M + 1], dividends[:, 1:]
    net, size = terms.sum(1), np.abs(terms).sum(1)
    decides = (baseline * (baseline + net) > 0) & (np.abs(baseline) >= np.abs(net))
    is_prior = decides & (np.abs(net) >= size / 8) & study.decides_by_sign
    assert ((judged.relation == "prior") == is_prior).all()
    third = np.abs(own).max(1, keepdims=True) / 3
    opposed = ((own >= third) & (own > 0)).any(1) & ((own <= -third) & (own < 0)).any(1)
    assert (judged.conflict == opposed).all()
    assert not (opposed & np.isin(judged.relation, ["agreement", "dominance"])).any()
    known = judged.seeds_agree[~np.isnan(judged.seeds_agree)]
    assert ((known > 0) & (known <= 1)).all()
