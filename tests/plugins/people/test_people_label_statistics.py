"""Statistics of own terms and verdicts against human labels: SciPy on every resample, chance, and sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr, t as student

from qfusion import data
from qfusion.data.row_splits import Clusters
from qfusion.errors import InvalidInput
from qfusion.explain import (
    interval_ends,
    verdicts,
)
from qfusion.explain.bootstrap import Interval
from qfusion.explain.coalitions import Explanation
from qfusion.plugins.people.labels import (
    panels as label_agreement,
    term_agreement,
    unimodal_labels as trust,
)
from qfusion.plugins.people.labels.term_agreement import ShuffledRange, TermAgreement
from qfusion.plugins.people.labels.unimodal_labels import LabelAgreement, VerdictRate
from qfusion.plugins.people.labels.words import (
    describe_label_trends,
    describe_model_trends,
    describe_sample_labels,
    describe_verdict_trend,
)
from qfusion.quantum.decomposition import subsets
from tests.support.intervals import accelerated

NAN = float("nan")
M = ("text", "audio", "vision")


def test_intervals_are_clustered_by_video_and_wider() -> None:
    rng = np.random.default_rng(0)
    video = np.repeat(np.arange(20), 30)
    shared = rng.normal(size=20)[video]
    label, term = shared + 0.1 * rng.normal(size=600), shared + rng.normal(size=20)[video]
    explanation = explained(np.column_stack([term, np.zeros(600)]), ("text", "audio"))
    labels = pd.DataFrame({"text": label})
    alone = [
        trust.compare_with_labels(explanation, labels, label, clusters=clusters).alone[0].rank
        for clusters in (None, Clusters(video.astype(str), "videos").numbers)
    ]
    assert alone[0].value == alone[1].value
    assert alone[1].high - alone[1].low > 2 * (alone[0].high - alone[0].low)


def explained(own: np.ndarray, names: tuple[str, ...]) -> Explanation:
    """An explanation with these own terms (B, M) and no joint ones."""
    B, count = own.shape
    dividends = np.zeros((B, 2**count, 1))
    dividends[:, 1 : 1 + count, 0] = own
    found = data.coalition_names(names)
    values = np.stack(
        [
            sum(
                (dividends[:, 1 + names.index(part)] for part in term.split("+") if part),
                np.zeros((B, 1)),
            )
            for term in found
        ],
        1,
    )
    return Explanation(names, ("score",), found, values, dividends, own[:, :, None], "joint", 1)


def test_too_few_labels_have_no_interval() -> None:
    rng = np.random.default_rng(0)
    explanation = explained(rng.normal(size=(40, 3)), M)
    few = np.full(40, NAN)
    few[:4] = [0.1, 0.2, -0.1, 0.4]
    labels = pd.DataFrame({"text": few, "audio": np.full(40, 0.5), "vision": np.full(40, NAN)})
    found = trust.compare_with_labels(explanation, labels, rng.normal(size=40))
    assert [each.rank.known for each in found.alone] == [False, False, False]
    assert (found.known, found.conflicting) == (0, 0)
    words = describe_label_trends(found.alone, "people's labels")
    assert words == "Too few or constant labels of text (n = 4), audio (n = 40) and vision (n = 0)"
    assert describe_verdict_trend(found, "people's labels").startswith(
        "No sample has people's labels of every modality"
    )
    assert len(found.alone[2].bin_means()) == 0
    assert found.frame().shape[0] == 3
    with pytest.raises(InvalidInput, match="`labels` must have columns among"):
        trust.compare_with_labels(
            explanation, labels.rename(columns={"text": "smell"}), np.zeros(40)
        )
    with pytest.raises(InvalidInput, match="rows"):
        trust.compare_with_labels(explanation, labels.iloc[:9], np.zeros(40))


def test_bins_have_equal_counts_and_increase_with_the_term() -> None:
    rng = np.random.default_rng(1)
    explanation = explained(rng.normal(size=(200, 2)), ("text", "audio"))
    each = (
        trust.compare_with_labels(
            explanation, pd.DataFrame({"text": rng.normal(size=200)}), np.zeros(200)
        )
        .alone[0]
        .bin_means()
    )
    assert each["n"].tolist() == [25] * term_agreement.BINS
    assert (np.diff(each["term"]) > 0).all()


def test_shuffled_verdicts_differ_by_chance() -> None:
    """By 1.96 standard errors of the difference of two rates, sqrt(p (1 - p) (1 / a + 1 / b))."""
    rng = np.random.default_rng(0)
    called, hit = (np.arange(400) < 100).astype(float), (rng.random(400) < 0.3).astype(float)
    by_chance = trust.verdict_rate(hit, called, None, 0).shuffled
    half = 1.96 * (hit.mean() * (1 - hit.mean()) * (1 / 100 + 1 / 300)) ** 0.5
    assert (by_chance.high - by_chance.low) / 2 == pytest.approx(half, rel=0.15)
    assert abs(by_chance.high + by_chance.low) < half / 2


@pytest.fixture(scope="module")
def few() -> tuple[Explanation, pd.DataFrame, np.ndarray, np.ndarray]:
    """Own terms of three modalities that go with the labels of two, these labels, of which some are 0 and some missing,
    those of the whole, and which videos the samples are of."""
    rng = np.random.default_rng(0)
    own = np.round(0.4 + rng.normal(size=(90, 3)), 2)  # chance gives more than half of the signs
    label = np.round(0.6 * own[:, [2, 0]] + rng.normal(size=(90, 2)), 1) * (
        rng.random((90, 2)) > 0.2
    )
    label[::7, 0] = NAN
    labels = pd.DataFrame(label, columns=["vision", "text"])
    return explained(own, M), labels, own.sum(1) + 1, np.arange(90)[:, None] // 3


def resampled(
    of: Any, n: int, clusters: np.ndarray, count: int = 60, seed: int = 4
) -> tuple[float, float]:
    """The interval of a statistic of places, which are drawn again one resample after the other."""
    return accelerated(of, n, count, seed, clusters)


def share_interval(hits: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Wilson's interval of a share (n,) of as many independent samples as the clusters count for."""
    units, n = len(np.unique(clusters)), len(hits)
    rest = hits - hits.mean()
    sums = pd.Series(rest).groupby(clusters[:, 0]).sum()
    effect = float((sums**2).sum() / (rest**2).sum()) * units / (units - 1)
    size = min(n, n / effect) * (units - 1) / units
    return interval_ends.wilson(hits.mean() * size, size, float(student.ppf(0.975, units - 1)))


def test_statistics_equal_scipy_on_every_resample(
    few: tuple[Explanation, pd.DataFrame, np.ndarray, np.ndarray],
) -> None:
    explanation, labels, whole, video = few
    found = trust.compare_with_labels(
        explanation, labels, whole, clusters=video, resamples=60, seed=4
    )
    frame = found.frame()
    assert frame["modality"].tolist() == ["vision", "text"]
    for row, entry, place in zip(frame.to_dict("records"), found.alone, (2, 0), strict=True):
        known = np.flatnonzero(labels[entry.name].notna())
        assert entry.places.tolist() == known.tolist()
        x, y = explanation.dividends[known, 1 + place, 0], labels[entry.name].to_numpy()[known]
        assert (entry.term.tolist(), entry.label.tolist()) == (x.tolist(), y.tolist())
        assert row["n"] == len(known)
        for name, of in (
            ("rank", lambda at, x=x, y=y: spearmanr(x[at], y[at]).statistic),
            ("slope", lambda at, x=x, y=y: np.polyfit(x[at], y[at], 1)[0]),
        ):
            assert row[name] == pytest.approx(of(np.arange(len(x))))
            assert (row[f"{name}:low"], row[f"{name}:high"]) == pytest.approx(
                resampled(of, len(x), video[known])
            )
        says = np.flatnonzero(y)
        assert 0 < len(says) < len(y)
        right = (x * y > 0)[says]
        assert row["sign"] == pytest.approx(right.mean())
        assert (row["sign:low"], row["sign:high"]) == pytest.approx(
            share_interval(right, video[known][says])
        )
        # rank correlations of shuffled labels vary by 1 / (n - 1), rates of signs by p (1 - p) / n about what chance
        # gives, whatever is said of 0
        assert row["rank:shuffled_high"] == pytest.approx(1.96 / (len(x) - 1) ** 0.5, rel=0.15)
        assert row["rank:shuffled_low"] == pytest.approx(-1.96 / (len(x) - 1) ** 0.5, rel=0.15)
        up, agree = (y[says] > 0).mean(), (x > 0).mean()
        chance = up * agree + (1 - up) * (x < 0).mean()
        half = 1.96 * (chance * (1 - chance) / len(says)) ** 0.5
        assert (row["sign:shuffled_low"] + row["sign:shuffled_high"]) / 2 == pytest.approx(
            chance, abs=half / 3
        )
        assert (row["sign:shuffled_high"] - row["sign:shuffled_low"]) / 2 == pytest.approx(
            half, rel=0.3
        )


def test_verdict_rates_have_intervals_of_shares(
    few: tuple[Explanation, pd.DataFrame, np.ndarray, np.ndarray],
) -> None:
    explanation, labels, whole, video = few
    joint = replace(explanation, dividends=explanation.dividends.copy())
    joint.dividends[:40, 4:, 0] = np.random.default_rng(1).normal(size=(40, 4))
    joint = replace(joint, values=coalitions_of(joint.dividends))
    found = trust.compare_with_labels(joint, labels, whole, clusters=video, resamples=60, seed=4)
    known = np.flatnonzero(labels.notna().all(axis=1))
    signs = np.column_stack([labels, whole])[known]
    called = (signs.max(1) > 0) & (signs.min(1) < 0)
    assert (found.samples, found.known, found.conflicting) == (90, len(known), int(called.sum()))
    relation = verdicts.judge(joint).relation[known]
    table = found.rate_frame().set_index("verdict")
    assert table.index.tolist() == ["joint", "conflict", "joint or conflict"]
    for name, row in table.iterrows():
        hit = np.isin(relation, str(name).split(" or "))
        assert 0 < hit.sum() < len(hit)
        ends = {}
        for column, group in (("conflicting", called), ("others", ~called)):
            assert row[column] == pytest.approx(hit[group].mean())
            ends[column] = share_interval(hit[group], video[known][group])
            assert (row[f"{column}:low"], row[f"{column}:high"]) == pytest.approx(ends[column])
        yes, no = row["conflicting"], row["others"]
        assert row["difference"] == pytest.approx(yes - no)
        low = yes - no - np.hypot(yes - ends["conflicting"][0], ends["others"][1] - no)
        high = yes - no + np.hypot(ends["conflicting"][1] - yes, no - ends["others"][0])
        assert (row["difference:low"], row["difference:high"]) == pytest.approx((low, high))
        p, a = hit.mean(), called.sum()
        half = 1.96 * (p * (1 - p) * (1 / a + 1 / (len(hit) - a))) ** 0.5
        assert row["shuffled_high"] - row["shuffled_low"] == pytest.approx(2 * half, rel=0.2)
        assert abs(row["shuffled_high"] + row["shuffled_low"]) < half / 2


def coalitions_of(dividends: np.ndarray) -> np.ndarray:
    """Values of coalitions: sums of the dividends of all that they hold."""
    order = subsets(3)
    return np.stack(
        [
            sum(dividends[:, i] for i, part in enumerate(order) if set(part) <= set(whole))
            for whole in order
        ],
        1,
    )


def test_constant_values_have_no_shuffled_range() -> None:
    x = np.linspace(-1, 1, 20)
    for term, label, ranged in (
        (x, np.arange(20) % 2, True),  # from 0 to 1
        (x / 2 + 0.5, x, True),
        (x, x, True),
        (x[:19], x[:19], False),
        (x, np.full(20, 0.5), False),
        (np.full(20, 0.5), x, False),
    ):
        for one in term_agreement.shuffled_ranges(term, np.asarray(label, float), 0).values():
            assert np.isfinite([one.low, one.high]).tolist() == [ranged, ranged]


def test_rates_need_twenty_samples_for_an_interval() -> None:
    """Twenty samples on each side, as everywhere."""
    hit = (np.arange(60) % 3 == 0).astype(float)
    for count in (19, 20, 40, 41):
        called = (np.arange(60) < count).astype(float)
        rate = trust.verdict_rate(hit, called, None, 0)
        assert rate.difference.known == np.isfinite(rate.shuffled.low) == (20 <= count <= 40)
        assert rate.difference.value == pytest.approx(hit[:count].mean() - hit[count:].mean())
        assert rate.difference.n == 60


def test_model_comparison_is_the_difference_of_rank_correlations(
    few: tuple[Explanation, pd.DataFrame, np.ndarray, np.ndarray],
) -> None:
    explanation, labels, whole, video = few
    other = explained(explanation.dividends[:, 1:4, 0] ** 3 + labels["text"].to_numpy()[:, None], M)
    first, second = (
        trust.compare_with_labels(one, labels, whole, resamples=20) for one in (explanation, other)
    )
    found = trust.difference(first, second, video, resamples=60, seed=4)
    for one, two in zip(first.alone, second.alone, strict=True):
        value = found[one.name]
        y = one.label

        def more(
            at: np.ndarray,
            one: TermAgreement = one,
            two: TermAgreement = two,
            y: np.ndarray = y,
        ) -> float:
            return float(
                spearmanr(two.term[at], y[at]).statistic - spearmanr(one.term[at], y[at]).statistic
            )

        assert value.value == pytest.approx(more(np.arange(len(y))))
        assert (value.low, value.high) == pytest.approx(resampled(more, len(y), video[one.places]))


def test_bins_are_means_of_consecutive_samples() -> None:
    for n, bins in ((3, 1), (12, 2), (39, 7), (61, 8)):
        x = np.random.default_rng(n).permutation(n) / 7.0
        entry = replace(alone("text", 0.5, 0.1), term=x, label=x**2)
        table, order = entry.bin_means(), np.sort(x)
        assert len(table) == bins
        assert table["n"].sum() == n
        assert np.ptp(table["n"]) <= 1
        ends = np.cumsum(table["n"])
        for last, row in zip(ends, table.itertuples(), strict=True):
            part = order[last - row.n : last]
            assert (row.term, row.label) == pytest.approx((part.mean(), (part**2).mean()))


# ---- what is said


def interval(value: float, half: float, n: int = 100) -> Interval:
    return Interval(value, value - half, value + half, n, 2000)


def alone(name: str, value: float, half: float, shuffled: float = 0.1) -> TermAgreement:
    control = {"rank": ShuffledRange(-shuffled, shuffled), "sign": ShuffledRange(0.4, 0.6)}
    return TermAgreement(
        name,
        np.zeros(100),
        np.zeros(100),
        np.arange(100),
        interval(value, half),
        interval(0.6, 0.1),
        interval(1.0, 0.2),
        control,
    )


@pytest.mark.parametrize(
    ("value", "half", "shuffled", "what"),
    [
        (0.5, 0.1, 0.1, "rise"),
        (-0.5, 0.1, 0.1, "fall"),
        (0.05, 0.1, 0.1, "not"),
        (0.08, 0.01, 0.1, "not"),
        (-0.08, 0.01, 0.1, "not"),
        (0.5, 0.6, 0.1, "not"),
        (0.5, NAN, 0.1, "few"),
    ],
)
def test_claim_that_terms_increase_needs_evidence(
    value: float, half: float, shuffled: float, what: str
) -> None:
    words = describe_label_trends((alone("text", value, half, shuffled),), "people's labels")
    assert words.startswith(
        {
            "rise": "Own terms rise with people's labels of text (ρ = +0.50 [+0.40, +0.60])",
            "fall": "Own terms fall where people's labels of text",
            "few": "Too few or constant",
            "not": "No significant relation to people's labels of text",
        }[what]
    )


def test_several_modalities_are_listed_by_outcome() -> None:
    parts = alone("a", 0.5, 0.1), alone("b", 0.0, 0.1), alone("c", -0.5, 0.1), alone("d", 0.5, NAN)
    words = describe_label_trends(parts, "X")
    assert words == (
        "Own terms rise with X of a (ρ = +0.50 [+0.40, +0.60]); own terms fall where X of c (ρ = -0.50 "
        "[-0.60, -0.40]) rise; no significant relation to X of b (ρ = +0.00 [-0.10, +0.10]); too few or constant "
        "labels of d (n = 100)"
    )


def test_many_modalities_are_counted_instead_of_named() -> None:
    parts = tuple(alone(f"m{n}", 0.5 if n < 3 else 0.0, 0.1) for n in range(10))
    assert (
        describe_label_trends(parts, "X")
        == "Own terms rise with X of 3 of 10 modalities; no significant relation to X of 7 of 10 modalities"
    )
    assert len(label_agreement.describe_slopes(parts, "X")) < 300
    labels = {f"m{n}": 1.0 for n in range(10)}
    assert describe_sample_labels(trust.sample_agreement(labels, labels, 1.0), "X").startswith(
        "Own terms have the signs of X of 10 modalities;"
    )


@pytest.mark.parametrize(
    ("value", "half", "shuffled", "what"),
    [
        (0.2, 0.1, 0.05, "more often: 60% of 40 against 40% of 60, +20 points [+10, +30]"),
        (-0.2, 0.1, 0.05, "less often"),
        (0.2, 0.3, 0.05, "No significant"),
        (0.2, 0.1, 0.25, "No significant"),
        (0.2, NAN, 0.1, "Too few"),
    ],
)
def test_claim_that_verdicts_match_conflicts_needs_evidence(
    value: float, half: float, shuffled: float, what: str
) -> None:
    rate = VerdictRate(
        interval(0.6, 0.1),
        interval(0.4, 0.1),
        interval(value, half),
        ShuffledRange(-shuffled, shuffled),
    )
    words = describe_verdict_trend(
        LabelAgreement((), {trust.EITHER: rate}, 110, 100, 40), "people's labels"
    )
    assert what in words
    assert ("No significant" in words) == (what == "No significant")
    assert not ("No significant" in words and "Too few" in words)


def test_small_group_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=(60, 2))
    labels = pd.DataFrame(np.abs(rng.normal(size=(60, 2))), columns=["text", "audio"])
    labels.iloc[:3, 0] *= -1
    found = trust.compare_with_labels(explained(own, ("text", "audio")), labels, np.ones(60))
    assert found.conflicting == 3
    assert describe_verdict_trend(found, "people's labels").startswith("Too few samples to relate")
    none = trust.compare_with_labels(explained(own, ("text", "audio")), labels.abs(), np.ones(60))
    rate = none.rates[trust.EITHER].others.value
    assert describe_verdict_trend(none, "people's labels").endswith(
        f": none of 0 against {round(100 * rate)}% of 60"
    )


@pytest.mark.parametrize(
    ("value", "half", "what"),
    [
        (
            0.1,
            0.05,
            "Own terms of B follow people's labels of text (+0.100 [+0.050, +0.150]) more closely than those of A",
        ),
        (
            -0.1,
            0.05,
            "Own terms of B follow people's labels of text (-0.100 [-0.150, -0.050]) less closely",
        ),
        (0.1, 0.2, "No significant difference of A and B for text"),
        (0.1, NAN, "Too few or constant labels of text"),
    ],
)
def test_claim_that_a_model_is_closer_needs_evidence(value: float, half: float, what: str) -> None:
    assert describe_model_trends(
        {"text": interval(value, half)}, "A", "B", "people's labels"
    ).startswith(what)


@pytest.mark.parametrize(
    ("labels", "terms", "whole", "words"),
    [
        (
            {"a": 0.5, "b": -0.5},
            {"a": 0.1, "b": -0.1},
            0.2,
            "Own terms have the signs of X of a and b; these labels and that of the whole conflict",
        ),
        (
            {"a": 0.5, "b": 0.5},
            {"a": 0.1, "b": -0.1},
            0.2,
            "Own terms have the signs of X of a, not of b; these labels and that of the whole do not conflict",
        ),
        ({"a": 0.5}, {"a": -0.1}, NAN, "Own terms do not have the signs of X of a"),
        (
            {"a": 0.5, "b": 0.0},
            {"a": 0.0, "b": 1.0},
            NAN,
            "Own terms do not have the signs of X of a",
        ),
        ({"a": 0.0}, {"a": 0.3}, NAN, "X of all modalities are 0"),
    ],
)
def test_single_sample_sentence(
    labels: dict[str, float], terms: dict[str, float], whole: float, words: str
) -> None:
    assert describe_sample_labels(trust.sample_agreement(labels, terms, whole), "X") == words
    unread = trust.sample_agreement(labels, terms, whole, tuple(labels))
    if any(labels.values()):
        assert "signs say nothing" in describe_sample_labels(unread, "X")


def test_slopes_and_signs_are_written_with_their_intervals() -> None:
    parts = (
        alone("text", 0.5, 0.1),
        replace(
            alone("a+b", 0.5, 0.1),
            slope=Interval(NAN, NAN, NAN, 3, 0),
            sign=Interval(NAN, NAN, NAN, 0, 0),
        ),
    )
    assert label_agreement.describe_slopes(parts, "X") == (
        "A unit of the own term goes with a change of X: +1.00 [+0.80, +1.20] for "
        "text and not defined for a\\+b (n = 100)"
    )
    assert (
        label_agreement.describe_sign_rates(parts)
        == "60% [50%, 70%] in text (n = 100; shuffled 40% to 60%) and none in a\\+b"
    )
