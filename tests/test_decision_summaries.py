"""The decision on one sample in a few facts, against the model's own scores."""

from __future__ import annotations

import numpy as np
import pytest

from qfusion.app.samples.contents import Outcome, summarize_decision
from qfusion.study.opening import open_study
from qfusion.study.sample import build_sample
from qfusion.views.words.rules import format_probability


def test_summary_of_a_class_gives_probability_and_log_odds() -> None:
    study = open_study("qcnn-parity", "parity")
    right = study.predicted == study.dataset.y
    for outcome, rows in ((Outcome.RIGHT, right), (Outcome.WRONG, ~right)):
        row = int(np.flatnonzero(rows)[0])
        sample = build_sample(study, row)
        summary = summarize_decision(sample)
        logits = study.trained(sample.inputs)[0].double().detach().numpy()
        softmax = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        answer = int(softmax.argmax())
        rest = np.delete(logits, answer)
        facts = {fact.name: fact.value for fact in summary.facts}
        assert (summary.answer, summary.outcome) == (study.classes[answer], outcome)
        assert facts["Softmax"] == format_probability(softmax[answer])
        written = facts[f"Log-odds of ‘{study.classes[answer]}’"]
        expected = logits[answer] - np.logaddexp.reduce(rest)
        assert float(written.split()[0].replace("−", "-")) == pytest.approx(expected, abs=0.0051)
        assert ("Annotated class" in facts) == (outcome is Outcome.WRONG)


def test_summary_of_a_number_gives_truth_and_error() -> None:
    study = open_study("qj-planted", "planted")
    row = int(study.dataset.rows("test")[0])
    summary = summarize_decision(build_sample(study, row))
    truth, error = (fact.value.replace("−", "-") for fact in summary.facts)
    prediction = float(summary.answer.replace("−", "-"))
    assert summary.outcome is Outcome.MEASURED
    assert float(truth) == pytest.approx(study.dataset.y[row], abs=0.0051)
    assert float(error) == pytest.approx(abs(prediction - float(truth)), abs=0.0101)
