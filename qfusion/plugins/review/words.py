"""The ten checks of a reviewer in sentences that can be pasted into a paper or a review."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from qfusion._sentences import count, listed, share, true_minus
from qfusion.explain.bootstrap import Interval
from qfusion.plugins.review.checks.check import Check, Finding, Topic, Verdict
from qfusion.plugins.review.checks.measured_metrics import MEAN, MODEL, SEED
from qfusion.plugins.review.checks.resources import SHORT
from qfusion.plugins.review.checks.run import Review
from qfusion.plugins.review.checks.seed_reliability import GOOD, POOR
from qfusion.plugins.review.split.known_labels import TOGETHER
from qfusion.plugins.review.split.near_copies import FEWEST_FEATURES
from qfusion.views.words.rules import format_known


class TopicText(NamedTuple):
    """Title of a check, and the question that it answers."""

    title: str
    question: str


TOPICS: dict[Topic, TopicText] = {
    Topic.SPLIT: TopicText("Split", "Does the model know the test samples?"),
    Topic.MODALITIES: TopicText("Single modalities", "Is one modality enough?"),
    Topic.GAIN: TopicText("Gain of fusion", "Is the model better than late fusion?"),
    Topic.SEEDS: TopicText("Training seeds", "Is the mean over seeds reported?"),
    Topic.CONVENTION: TopicText("Metric", "By which convention is the metric computed?"),
    Topic.CALIBRATION: TopicText("Calibration", "Can its outputs be taken at face value?"),
    Topic.STABILITY: TopicText("Explanations", "Do other seeds explain alike?"),
    Topic.RESOURCES: TopicText("Resources", "Are the quantum resources needed?"),
    Topic.ROBUSTNESS: TopicText("Missing modalities", "With which modalities does it still work?"),
    Topic.PROVENANCE: TopicText("Features", "Are the features those of the training?"),
}
VERDICTS: dict[Verdict, str] = {
    Verdict.FAULT: "Fault",
    Verdict.NOTE: "Note",
    Verdict.PASSED: "Passed",
    Verdict.UNCHECKED: "Not checked",
}
MOST_NAMED = 3
HOLDERS = {MODEL: "this model", MEAN: "the mean over seeds", SEED: "one of the seeds"}


def describe_check(check: Check) -> str:
    """Return the sentences on all findings of a check, the gravest first."""
    details = check.details or ({},) * len(check.findings)
    sentences = [
        SENTENCES[one](replace(check, numbers={**check.numbers, **own}))
        for one, own in zip(check.findings, details, strict=True)
    ]
    return true_minus(" ".join(sentences))


def summarise_review(review: Review) -> str:
    """Return one sentence on a review: its faults, or that there are none."""
    counts = review.counts()
    faults = [
        TOPICS[one.topic].title.lower() for one in review.checks if one.verdict is Verdict.FAULT
    ]
    parts = [f"{counts[Verdict.PASSED]} passed"]
    if counts[Verdict.NOTE]:
        parts.insert(0, count(counts[Verdict.NOTE], "note"))
    if counts[Verdict.UNCHECKED]:
        parts.append(f"{counts[Verdict.UNCHECKED]} not checked")
    rest = ", ".join(parts)
    if not faults:
        return f"No fault is found in ten checks of {review.model} on {review.data}: {rest}."
    first = count(len(faults), "fault").capitalize()
    return f"{first} in ten checks of {review.model} on {review.data} ({listed(faults)}): {rest}."


def describe_working_modalities(check: Check) -> str:
    """Return the title of the table of modalities: with how many fewer the model still works."""
    first = check.findings[0]
    n = check.numbers
    if first is Finding.BELOW_CHANCE:
        return f"Noise on {listed(n['below'])} makes the model worse than a constant answer"
    if Finding.NEEDS_ALL in check.findings:
        alone = n["without"].replace("+", " and ")
        return f"With {alone} alone, the model is not shown to be better than a constant answer"
    if first is Finding.RETRAINING_HELPS:
        names = " or ".join(name.replace("+", " and ") for name in n["behind"])
        return f"With {names} alone, plain models that were trained so do better"
    return "Without any one modality, the model is still better than a constant answer"


def format_number(check: Check) -> str:
    """Return the number of a check with its interval, or an empty string if it has none."""
    one = check.number
    return "" if one is None else true_minus(interval_words(one))


def interval_words(one: Interval, sign: str = "") -> str:
    """Return a value with its interval, see `format_known`; with a sign if `sign` is "+"."""
    return format_known(one, f"{sign}.3f")


def _shown(names: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


def _groups_shared(check: Check) -> str:
    n = check.numbers
    return (
        f"{n['group_rows']:,} of {n['test_rows']:,} test rows share {n['grouping']} with rows that the model learned "
        f"from ({_shown(n['groups'])}), so its test metrics are not those of new {n['grouping']}."
    )


def _copies(check: Check) -> str:
    n = check.numbers
    return (
        f"{count(n['copies'], 'test row')} of {n['test_rows']:,} {'is' if n['copies'] == 1 else 'are'} equal to a "
        "learned row in every modality."
    )


def _near_copies(check: Check) -> str:
    n = check.numbers
    return (
        f"{count(n['near_copies'], 'test row')} of {n['test_rows']:,} nearly "
        f"{'repeats' if n['near_copies'] == 1 else 'repeat'} a learned row, which is {n['near'][0]:.2f} standard "
        f"deviations away in the median, where the tenth nearest learned row is {n['near'][1]:.2f} away."
    )


def _labels_known(check: Check) -> str:
    n = check.numbers
    features = "all modalities" if n["known"] == TOGETHER else n["known"]
    return (
        f"By {features}, the labels of test rows follow those of the nearest learned rows (correlation "
        f"{interval_words(n['known_test'])}). Those of held-out training rows do not "
        f"({interval_words(n['known_training'])}), and a linear model is not shown to learn them. So test rows repeat "
        "something of learned rows, and test metrics are not those of new rows."
    )


def _close_rows(check: Check) -> str:
    n = check.numbers
    return (
        f"Test rows lie {n['nearest']:.2f} standard deviations from the nearest learned row in the median (two rows at "
        "random: 1.4), as neighbours in one scene or recording do, or rows of few independent features. Test metrics "
        "may not hold for new scenes or recordings."
    )


def _people_known(check: Check) -> str:
    n = check.numbers
    return (
        f"{n['people_rows']:,} of {n['test_rows']:,} test rows are of a {n['people'][0]} that the model learned from, "
        f"so the test metrics say nothing of a new {n['people'][0]}."
    )


def _content_seen(check: Check) -> str:
    parts = [f"{name} ({share(part)} of the rows)" for name, part in check.numbers["seen"].items()]
    return f"Test rows share the content of {listed(parts)} with learned rows, beside other contents of the rest."


def _disjoint(check: Check) -> str:
    n = check.numbers
    assert check.number is not None
    repeats = "repeats or nearly repeats" if n["features"] >= FEWEST_FEATURES else "repeats"
    end = f"(upper end of the 95% interval {check.number.high:.1%})"
    none = f"None of {n['test_rows']:,} test rows"
    if not n["declared"]:
        return f"{none} {repeats} a row that the model learned from {end}."
    groups = listed(list(dict.fromkeys(n["declared"])))
    return f"{none} shares {groups} with rows that the model learned from, and none {repeats} one {end}."


def _common_values(check: Check) -> str:
    n = check.numbers
    return (
        f"{count(n['common'], 'test row')} of {n['test_rows']:,} {'is' if n['common'] == 1 else 'are'} equal to a "
        "learned row in every modality, as chance explains where features have few values. Nothing else is shared."
    )


def _constant(check: Check) -> str:
    names = check.numbers["constant"]
    if len(names) == 1:
        return f"Modality {names[0]} is the same in all training rows, so that nothing can be learned from it."
    return f"Modalities {listed(names)} are the same in all training rows, so that nothing can be learned from them."


def _target_in_features(check: Check) -> str:
    leaks = check.numbers["leaks"]
    return " ".join(
        f"The features of {name} reveal the target. {words}" for name, words in leaks.items()
    )


def _learned_labels(check: Check) -> str:
    learned = check.numbers["learned"]
    (first, (inside, outside)), *others = learned.items()
    parts = [
        f"{share(inside)} of a constant answer's loss on held-out training rows, and {share(outside)} on test rows "
        f"({first})"
    ]
    parts += [
        f"{share(inside)} and {share(outside)} ({name})" for name, (inside, outside) in others
    ]
    return (
        f"The features of {listed(list(learned))} seem to have been made with the labels of the training rows: a "
        f"linear model removes {'; '.join(parts)}."
    )


def _one_is_enough(check: Check) -> str:
    n = check.numbers
    return (
        f"It is not shown that plain models need more than {n['best']}: with it alone they reach {n['metric']} "
        f"{interval_words(n['single'][n['best']])}; all together are better by {interval_words(n['gain'], '+')}."
    )


def _none_is_enough(check: Check) -> str:
    n = check.numbers
    return (
        f"The best single modality is {n['best']}, with which a plain model reaches {n['metric']} "
        f"{interval_words(n['single'][n['best']])}; all together are better by {interval_words(n['gain'], '+')}."
    )


def _rival_undertrained(check: Check) -> str:
    n = check.numbers
    return " ".join(
        f"Rival {name} is undertrained: a plain model of the same data, fitted in seconds, is better by "
        f"{interval_words(n['shortfall'][name], '+')} ({n['metric']})."
        for name in n["undertrained"]
    )


def _plain_better(check: Check) -> str:
    n = check.numbers
    key = f"model - {n['lost']}"
    kind = (
        "late fusion of plain models" if n["lost"] == "late" else "a plain model of all modalities"
    )
    one = n["gains"][key]
    flipped = Interval(-one.value, -one.high, -one.low, one.n, one.resamples)
    return f"With {n['metric']} {n['model']:.3f}, the model is worse than {kind}, by {interval_words(flipped)}."


def _no_gain(check: Check) -> str:
    n = check.numbers
    return (
        f"No gain over late fusion is shown: {n['metric']} {n['model']:.3f}, "
        f"{interval_words(n['gains']['model - late'], '+')} against late fusion of plain models and "
        f"{interval_words(n['gains']['model - joint'], '+')} against a plain model of all modalities."
    )


def _gain(check: Check) -> str:
    n = check.numbers
    return (
        f"The model is better than late fusion of plain models by {interval_words(n['gains']['model - late'], '+')} "
        f"({n['metric']} {n['model']:.3f}); its lead over a plain model of all modalities is "
        f"{interval_words(n['gains']['model - joint'], '+')}."
    )


def _seeds(words: str) -> Callable[[Check], str]:
    def describe(check: Check) -> str:
        return words.format(**{**check.numbers, "mean": interval_words(check.numbers["mean"])})

    return describe


def _best_seed(check: Check) -> str:
    n = check.numbers
    claim = f"{n['metric']} is reported as {n['claimed']:.4g}"
    mean = interval_words(n["mean"])
    if n["is_best"]:
        return f"{claim}, the best of {n['seeds']} seeds ({n['best']:.4f}); their mean is {mean}."
    return f"{claim}, better than the mean of {n['seeds']} seeds, {mean}; the best seed has {n['best']:.4f}."


def _other_convention(check: Check) -> str:
    n = check.numbers
    return (
        f"{n['metric']} is reported as {n['claimed']:.4g} and measured as {n['measured']:.4f}; the reported figure is "
        f"{n['other']} of {HOLDERS[n['holder']]} ({n['holds']:.4f})."
    )


def _not_reproduced(check: Check) -> str:
    n = check.numbers
    return (
        f"{n['metric']} is reported as {n['claimed']:.4g} and measured as {n['measured']:.4f}; no other known "
        "convention explains the difference."
    )


def _convention_holds(check: Check) -> str:
    n = check.numbers
    claim = f"{n['metric']} is reported as {n['claimed']:.4g}"
    if n["holder"]:
        return (
            f"{claim}, the value of {HOLDERS[n['holder']]} by this convention ({n['holds']:.4f})."
        )
    return f"{claim}; by this convention the model and its seeds have {n['lowest']:.4f} to {n['highest']:.4f}."


def _conventions_differ(check: Check) -> str:
    n = check.numbers
    values = [f"{name} {n['values'][name]:.4f}" for name in n["differ"]]
    return f"By convention the test metric is {listed(values)}; name the one that is reported."


def _one_convention(check: Check) -> str:
    values = check.numbers["values"]
    first = next(iter(values))
    return f"The metric has one convention: {first} {values[first]:.4f}."


def _calibration(check: Check) -> str:
    n = check.numbers
    gap = check.number
    assert gap is not None
    first = f"The expected calibration error is {n['error']:.4f}"
    lean = f"mean softmax less accuracy {interval_words(gap, '+')}"
    if check.findings[0] is Finding.CALIBRATED:
        return f"{first}, within what calibrated probabilities give in 95% of cases (up to {n['limit']:.4f}); {lean}."
    if not gap.excludes_zero:
        nature = "too certain of some samples and not certain enough of others"
    elif gap.value > 0:
        nature = "overconfident"
    else:
        nature = "underconfident"
    return (
        f"{first}, more than calibrated probabilities give in 95% of cases ({n['limit']:.4f}): the model is {nature} "
        f"({lean})."
    )


def _slope(check: Check) -> str:
    assert check.number is not None
    bias = interval_words(check.numbers["bias"], "+")
    first = f"The slope of the truth over the score is {interval_words(check.number)} and the mean error {bias}"
    if check.findings[0] is Finding.SLOPE_HOLDS:
        if check.numbers["equivalent"]:
            return f"{first}: scores are on the scale of the truth."
        return f"{first}: it is not shown that scores are on another scale than the truth."
    changes = []
    if check.numbers["stretched"]:
        changes.append("stretched" if check.number.value > 1 else "shrunk")
    if check.numbers["shifted"]:
        changes.append("shifted")
    return f"{first}: scores must be {listed(changes)} to be on the scale of the truth."


def _stability(check: Check) -> str:
    n = check.numbers
    assert check.number is not None
    words = {
        Finding.SEEDS_DISAGREE: f"Explanations depend on the training seed (below {POOR:g} is poor)",
        Finding.SEEDS_VARY: f"Training seeds are not shown to agree well on explanations ({GOOD:g} or more is good)",
        Finding.SEEDS_AGREE: f"Training seeds agree on explanations ({GOOD:g} or more is good)",
    }[check.findings[0]]
    return (
        f"{words}: intraclass correlation {interval_words(check.number)} over {n['seeds']} seeds and "
        f"{n['samples']:,} test samples; two seeds name the same leading modality in {share(n['agreement'])}."
    )


def _claimed_not_needed(check: Check) -> str:
    n = check.numbers
    names = listed([SHORT[name] for name in n["idle"]])
    return (
        f"Not needed {_source(check, n['idle'])}, though claimed: {names} ({_loss(check, n['idle'])})."
        f"{_rows(check, n['idle'])}"
    )


def _claim_undecided(check: Check) -> str:
    n = check.numbers
    names = listed([SHORT[name] for name in n["open"]])
    if any(name in n["used"] for name in n["open"]):
        return (
            f"Removing {names} from the trained model costs it, but a twin that is trained without it may do as well. "
            "Train twins to decide (qfusion why --twins)."
        )
    return f"Whether {names} is needed is undecided: {_loss(check, n['open'])}."


def _not_needed(check: Check) -> str:
    n = check.numbers
    needed = f" Needed: {listed([SHORT[name] for name in n['needed']])}." if n["needed"] else ""
    names = listed([SHORT[name] for name in n["not_needed"]])
    rows = _rows(check, n["not_needed"])
    return f"Not needed {_source(check, n['not_needed'])}: {names} ({_loss(check, n['not_needed'])}).{rows}{needed}"


def _used(check: Check) -> str:
    n = check.numbers
    names = listed([SHORT[name] for name in n["used"]])
    without = "it" if len(n["used"]) == 1 else "one of them"
    return (
        f"The trained model uses {names} ({_loss(check, n['used'])}). Whether a twin trained without {without} would "
        "do as well is not known (qfusion why --twins)."
    )


def _needed(check: Check) -> str:
    n = check.numbers
    names = n["claimed"] or n["needed"]
    shown = listed([SHORT[name] for name in names])
    return f"Needed {_source(check, names)}: {shown} ({_loss(check, names)}).{_rows(check, names)}"


def _source(check: Check, names: Sequence[str]) -> str:
    """Return by what resources are judged."""
    if check.numbers["source"] == "twins":
        if len(names) == 1:
            return "according to twins that were trained without it"
        return "according to twins that were trained without one of them"
    return f"according to {'its' if len(names) == 1 else 'their'} removal from the trained model"


def _loss(check: Check, names: Sequence[str]) -> str:
    """Return the loss without a resource; of several the least and the most, each with its resource."""
    losses = {
        name: check.numbers["losses"][name] for name in names if name in check.numbers["losses"]
    }
    if not losses:
        return "no loss was measured"
    unit = f"loss of {check.numbers['metric']}"
    ends = sorted(losses, key=lambda name: losses[name].value)
    least, most = (interval_words(losses[name], "+") for name in (ends[0], ends[-1]))
    if len(losses) == 1:
        return f"{unit} {least}"
    return f"{unit} from {least} without {ends[0]} to {most} without {ends[-1]}"


def _rows(check: Check, names: Sequence[str]) -> str:
    """Return a sentence on the resources that are judged for these test rows alone; nothing if there are none."""
    here = [name for name in names if name in check.numbers["on_these_rows"]]
    if not here:
        return ""
    whose = "This" if len(here) == len(names) else f"The verdict on {listed(here)}"
    return f" {whose} holds for new seeds on these test rows; for new rows it is undecided."


def _below_chance(check: Check) -> str:
    n = check.numbers
    return (
        f"With noise of {n['level']:g} standard deviation on {listed(n['below'])}, the model does worse than a "
        f"constant answer ({n['metric']} {n['chance']:.3f})."
    )


def _retraining_helps(check: Check) -> str:
    n = check.numbers
    names = " or ".join(f"{name.replace('+', ' and ')} alone" for name in n["behind"])
    return (
        f"With {names}, plain models trained with these do better than this model that is told what is missing: "
        "where a modality may be absent, train for it."
    )


def _needs_all(check: Check) -> str:
    n = check.numbers
    assert check.number is not None
    return (
        f"With {n['without'].replace('+', ' and ')} alone, the model is not shown to be better than a constant "
        f"answer: {n['metric']} {interval_words(check.number)} against {n['chance']:.3f} "
        f"({n['whole']:.3f} with all modalities)."
    )


def _robust(check: Check) -> str:
    n = check.numbers
    alone = n["without"].replace("+", " and ")
    assert check.number is not None
    return (
        f"Without any one modality, the model is still better than a constant answer: at worst, with {alone} alone, it "
        f"reaches {n['metric']} {interval_words(check.number)} against {n['chance']:.3f} ({n['whole']:.3f} with all "
        "modalities). No plain model that was trained without a modality is shown to be better."
    )


def _other_features(check: Check) -> str:
    n = check.numbers
    assert check.number is not None
    return (
        f"The features of {listed(n['other'])} are not those of the training: {share(check.number.value)} of those of "
        f"{n['worst']} have another mean or deviation, as features of another extractor have."
    )


def _same_features(check: Check) -> str:
    n = check.numbers
    return f"The features are those that the model was trained on ({n['data']}, digest {n['digest']}): {_features(n)}."


def _features(numbers: Mapping[str, Any]) -> str:
    """Return the width of each modality's features, and the extractor that made them where it is recorded."""
    parts = []
    for name, width in numbers["widths"].items():
        extractor = numbers["extractors"].get(name, "")
        parts.append(f"{name} ({width:,} wide{f', by {extractor}' if extractor else ''})")
    return listed(parts)


def _like_features(check: Check) -> str:
    n = check.numbers
    return (
        f"The data are not those of the training ({n['trained_on'] or 'unnamed'}); means and deviations of their "
        "features are, as of the same extractors."
    )


def _constantly(words: str) -> Callable[[Check], str]:
    return lambda check: words.format(**check.numbers)


SENTENCES: dict[Finding, Callable[[Check], str]] = {
    Finding.GAME: _constantly(
        "This is a measured game: it has no features and no training, so this check does not apply."
    ),
    Finding.NO_TRUTH: _constantly(
        "The truth of some samples is not known, so nothing is measured."
    ),
    Finding.ONE_MODALITY: _constantly("The model reads one modality, so there is nothing to fuse."),
    Finding.FAILED: _constantly("This check cannot be made. {reason}"),
    Finding.GROUPS_SHARED: _groups_shared,
    Finding.COPIES: _copies,
    Finding.NEAR_COPIES: _near_copies,
    Finding.LABELS_KNOWN: _labels_known,
    Finding.CLOSE_ROWS: _close_rows,
    Finding.PEOPLE_KNOWN: _people_known,
    Finding.CONTENT_SEEN: _content_seen,
    Finding.DISJOINT: _disjoint,
    Finding.COMMON_VALUES: _common_values,
    Finding.CONSTANT: _constant,
    Finding.TARGET_IN_FEATURES: _target_in_features,
    Finding.FEATURES_LEARNED_LABELS: _learned_labels,
    Finding.ONE_IS_ENOUGH: _one_is_enough,
    Finding.NONE_IS_ENOUGH: _none_is_enough,
    Finding.RIVAL_UNDERTRAINED: _rival_undertrained,
    Finding.PLAIN_BETTER: _plain_better,
    Finding.NO_GAIN: _no_gain,
    Finding.GAIN: _gain,
    Finding.BEST_SEED: _best_seed,
    Finding.BEYOND_SEEDS: _seeds(
        "{metric} is reported as {claimed:.4g}, which none of {seeds} seeds reaches: the best is {best:.4f} and their "
        "mean {mean}."
    ),
    Finding.BELOW_SEEDS: _seeds(
        "{metric} is reported as {claimed:.4g}, worse than the mean of {seeds} seeds, {mean}."
    ),
    Finding.BEST_SEED_OPENED: _seeds(
        "This model is the best of {seeds} seeds ({best:.4f}) and not the first; report the mean, {metric} {mean}."
    ),
    Finding.ONE_SEED: _constantly(
        "Fewer than three training seeds are known ({seeds}), so the spread over seeds is not. Name models trained "
        "from other seeds."
    ),
    Finding.MEAN_REPORTED: _seeds(
        "{metric} is reported as {claimed:.4g}, in agreement with the mean of {seeds} seeds, {mean} (standard "
        "deviation {std:.4f})."
    ),
    Finding.SEEDS_KNOWN: _seeds(
        "Over {seeds} training seeds {metric} is {mean} (standard deviation {std:.4f}, best {best:.4f})."
    ),
    Finding.OTHER_CONVENTION: _other_convention,
    Finding.NOT_REPRODUCED: _not_reproduced,
    Finding.CONVENTION_HOLDS: _convention_holds,
    Finding.CONVENTIONS_DIFFER: _conventions_differ,
    Finding.ONE_CONVENTION: _one_convention,
    Finding.MISCALIBRATED: _calibration,
    Finding.CALIBRATED: _calibration,
    Finding.SLOPE_OFF: _slope,
    Finding.SLOPE_HOLDS: _slope,
    Finding.SEEDS_DISAGREE: _stability,
    Finding.SEEDS_VARY: _stability,
    Finding.SEEDS_AGREE: _stability,
    Finding.SEEDS_UNKNOWN: _constantly(
        "Explanations of other training seeds are not known. Name models trained from other seeds."
    ),
    Finding.CLAIMED_NOT_NEEDED: _claimed_not_needed,
    Finding.CLAIM_UNDECIDED: _claim_undecided,
    Finding.NOT_NEEDED: _not_needed,
    Finding.USED: _used,
    Finding.UNDECIDED: _constantly(
        "For no quantum resource is it shown that the model needs it, or that it does not."
    ),
    Finding.NEEDED: _needed,
    Finding.NO_RESOURCES: _constantly(
        "No quantum resource of models of this kind ({kind}) can be removed, so none is tested."
    ),
    Finding.BELOW_CHANCE: _below_chance,
    Finding.RETRAINING_HELPS: _retraining_helps,
    Finding.NEEDS_ALL: _needs_all,
    Finding.ROBUST: _robust,
    Finding.OTHER_FEATURES: _other_features,
    Finding.SAME_FEATURES: _same_features,
    Finding.LIKE_FEATURES: _like_features,
    Finding.ORIGIN_UNKNOWN: _constantly(
        "The model does not record which features it was trained on, so they cannot be compared. Here: {source}."
    ),
}
