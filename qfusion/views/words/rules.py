"""Rules that all sentences follow: markup, ties, intervals, samples and classes, contributions, numbers of a figure."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qfusion._sentences import capitalise, count, listed, share, size, sizes, top
from qfusion.data import DataSet
from qfusion.explain.bootstrap import Interval
from qfusion.study import text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.study.text import escape_markdown
from qfusion.training import metrics

# what several figures do not tell
ENTROPY_IS_NO_ATTRIBUTION = (
    "Entropy measures correlation, not attribution: it does not say which modality decided."
)
EXPLAINS_THE_MODEL = "This explains the model, not why people chose the label."
SAMPLE = " Computed for sample {sample}."
CLASS = " for ‘{name}’"
CLASS_AGAINST = " for ‘{name}’ rather than ‘{reference}’"
SOFTMAX = "softmax {value}"
CALIBRATION = (
    "Softmax, not calibrated: expected calibration error {error:.3f} on {samples:,} test samples."
)
CALIBRATION_UNKNOWN = "Softmax, not calibrated; its calibration error is not measured here."


def cite_sample(sample: Sample) -> str:
    """Return a sentence that names the sample of a figure; it follows another sentence."""
    return SAMPLE.format(sample=escape_markdown(sample.id))


def name_explained_class(sample: Sample) -> str:
    """Return the explained class as the end of a title; empty for a regression."""
    study = sample.study
    if not study.classes:
        return ""
    name = escape_markdown(study.classes[sample.output])
    if study.reference is None:
        return CLASS.format(name=name)
    reference = escape_markdown(study.classes[study.reference])
    return CLASS_AGAINST.format(name=name, reference=reference)


def describe_softmax(value: float) -> str:
    """Return a softmax value: `softmax 0.998`. It is not called a probability, as it need not be calibrated."""
    return SOFTMAX.format(value=format_probability(value))


def format_probability(value: float) -> str:
    """Return a probability with three digits: `"0.981"`, or `"> 0.999"` or `"< 0.001"` at the ends."""
    if value >= 0.9995:
        return "> 0.999"
    if value < 0.0005:
        return "< 0.001"
    return f"{value:.3f}"


def describe_calibration(study: Study) -> str:
    """Return the calibration error of a classifier on its test samples, or that it is not measured."""
    error = study.calibration_error
    if error is None:
        return CALIBRATION_UNKNOWN
    return CALIBRATION.format(error=error, samples=len(study.dataset.rows("test")))


class Markup(NamedTuple):
    """Functions that write names and emphasis.

    Attributes:
        escape: writes a name from data so that it is shown literally.
        strong: emphasises text.
    """

    escape: Callable[[object], str] = str
    strong: Callable[[str], str] = str


PLAIN = Markup()
MARKDOWN = Markup(text.escape_markdown, "**{}**".format)


MAX_NAMED = 3  # names that a title holds


def describe_extremum(
    numbers: Mapping[str, float],
    *,
    one: str,
    some: str = "",
    every: str = "",
    only: str = "",
    none: str = "",
    places: int = 2,
    smallest: bool = False,
    by_size: bool = False,
    name: Callable[[str], str] = text.escape_markdown,
    several: str = "{name}",
    most: int = MAX_NAMED,
    many: str = "",
    join: Callable[[Sequence[str]], str] = listed,
    **words: object,
) -> str:
    """Return the sentence about the names with the largest number as written.

    Sentences are templates of `str.format` with these fields: `{names}`, the names with the largest number; `{count}`,
    how many they are; `{all}`, how many names there are; `{value}`, the number; `{amount}`, the number, without its
    sign if `by_size`; `{size}` (see `_sentences.size`) and `{share}`, the amount as text; and those of `words`.

    Args:
        numbers: by name.
        one, some, every, only: see `choose_template`.
        none: used if the number is written as 0 or no number is finite; if empty, 0 is a number like others.
        places: decimal places that are written.
        smallest: describe the smallest numbers instead.
        by_size: compare numbers without their signs.
        name: writes a name as Markdown.
        several: template of one name among several, with the fields `{name}` and `{value}`.
        most: largest number of names that are listed.
        many: template that replaces the list of more than `most` names; if empty, all are listed.
        join: joins the names.
        words: further fields of the templates.
    """
    first = top(sizes(numbers) if by_size else numbers, places, smallest=smallest)
    value = max((numbers[key] for key in first), key=abs, default=0.0)
    amount = abs(value) if by_size else value
    template = choose_template(first, numbers, one=one, some=some, every=every, only=only)
    if none and round(amount, places) <= 0:
        template = none
    words |= {
        "count": len(first),
        "all": len(numbers),
        "value": value,
        "amount": amount,
        "size": size(max(amount, 0.0)),
        "share": share(amount),
    }
    if many and len(first) > most:
        return template.format(names=many.format(**words), **words)
    form = several if len(first) > 1 else "{name}"
    return template.format(
        names=join([form.format(name=name(key), value=numbers[key]) for key in first]), **words
    )


def choose_template(
    first: Sequence[str], of: Sized, *, one: str, some: str, every: str = "", only: str = ""
) -> str:
    """Return the template for the number of names that share the first place.

    Args:
        first: the names in the first place.
        of: all names.
        one, some, every, only: templates for one name, several names, all names, and a single name without rivals.
    """
    if only and len(of) == 1:
        return only
    if len(first) == 1:
        return one
    return every if every and len(first) == len(of) else some


NOTHING_CHANGES = "No modality changes the decision"
LARGEST_ONE = "{names} {contribute} most ({values})"
LARGEST_SEVERAL = "{names} contribute most, equal in size ({values})"
MORE = "{names} and {more} more"


def format_contribution(value: float) -> str:
    """Return a contribution with two decimal places, or with one significant digit where these would be zeros."""
    return f"{value:+.2f}" if value == 0 or abs(value) >= 0.005 else f"{value:+.0e}"


def largest_terms(dividends: Mapping[str, float]) -> list[str]:
    """Return the coalitions with the largest dividends in size as written, or an empty list if all are 0."""
    terms = sizes({term: value for term, value in dividends.items() if term})
    largest = max(terms.values(), default=0.0)
    if not largest:
        return []
    places = max(2, 1 - int(np.floor(np.log10(largest))))
    return top(terms, places)


def describe_largest(
    dividends: Mapping[str, float], markup: Markup = PLAIN, towards: str = ""
) -> str:
    """Return the largest contribution as a title, or all that are equal as written.

    Args:
        dividends: by coalition, the baseline under "".
        towards: text after the values, such as " for ‘yes’".
    """
    largest = largest_terms(dividends)
    if not largest:
        return NOTHING_CHANGES
    named = largest[:MAX_NAMED]
    values = listed(list(dict.fromkeys(format_contribution(dividends[term]) for term in named)))
    members = [[markup.escape(name) for name in term.split("+")] for term in named]
    if len(largest) == 1:
        together = len(members[0]) > 1
        return LARGEST_ONE.format(
            names=capitalise(listed(members[0]) + (" together" if together else "")),
            contribute="contribute" if together else "contributes",
            values=values + towards,
        )
    names = listed(
        [f"{listed(part)} {'together' if len(part) > 1 else 'alone'}" for part in members]
    )
    if len(largest) > MAX_NAMED:
        names = MORE.format(names=names, more=len(largest) - MAX_NAMED)
    return LARGEST_SEVERAL.format(names=capitalise(names), values=values + towards)


WITH_INTERVAL = "{value} (95% CI {interval})"
INTERVAL = "{low} to {high}"
DRAWN = "{samples} drawn at random from {whole:,}"


def name_metric(metric: str) -> str:
    """Return the short name of a metric within a sentence: "accuracy", "R2", "MAE"."""
    short = metrics.LABELS[metric].short
    is_word = short.replace(" ", "").isalpha() and not short.isupper()
    return short[0].lower() + short[1:] if is_word else short


def format_interval(low: float, high: float, form: str = ".3f") -> str:
    """Return the ends of an interval: `"0.431 to 0.479"`."""
    return INTERVAL.format(low=format(low, form), high=format(high, form))


def format_estimate(value: float, low: float | None, high: float | None, form: str = ".3f") -> str:
    """Return a number with its interval, `"0.454 (95% CI 0.431 to 0.479)"`, or the number alone if there is no
    interval.
    """
    if low is None or high is None:
        return format(value, form)
    return WITH_INTERVAL.format(
        value=format(value, form), interval=format_interval(low, high, form)
    )


def format_known(estimate: Interval, form: str = ".3f") -> str:
    """Return an estimate with its interval, or the number alone where there are too few samples for one."""
    if not estimate.known:
        return format(estimate.value, form)
    return format_estimate(estimate.value, estimate.low, estimate.high, form)


def agree_verb(quantity: str) -> str:
    """Return the verb of a quantity: "are" of log-odds, "is" of a score."""
    return "are" if quantity == "log-odds" else "is"


def describe_drawn(some: int, whole: int, what: str = "sample") -> str:
    """Return a number of samples: `"400 samples drawn at random from 4,659"`, or `"600 samples"` if these are all."""
    samples = count(some, what)
    return DRAWN.format(samples=samples, whole=whole) if some < whole else samples


# Numbers of a figure in words, for its alternative text: what a reader who does not see it is told.

MAX_NUMBERS = 8  # numbers of one figure that are said


def list_numbers(names: Iterable[Any], numbers: Iterable[float], form: str = ".2f") -> str:
    """`"text 0.41, audio -0.69"`, the largest by size of more than `MAX_NUMBERS`; the empty name is the baseline."""
    pairs = [
        (str(name) or "baseline", float(number))
        for name, number in zip(names, numbers, strict=True)
    ]
    head = f"largest of {len(pairs)}: " if len(pairs) > MAX_NUMBERS else ""
    shown = sorted(pairs, key=lambda pair: -abs(pair[1]))[:MAX_NUMBERS] if head else pairs
    return head + ", ".join(f"{name} {value:{form}}" for name, value in shown)


def list_terms(result: Mapping[str, float], form: str = "+.2f") -> str:
    """`list_numbers`, of numbers by name, such as contributions by coalition with their signs."""
    return list_numbers(result, result.values(), form)


def list_curves(result: Mapping[str, np.ndarray], form: str = ".2f") -> str:
    """`"text from 0.00 to 0.41"` for each curve; the empty name is all together."""
    sentence = [
        f"{name or 'all together'} from {entry[0]:{form}} to {entry[-1]:{form}}"
        for name, entry in result.items()
    ][:MAX_NUMBERS]
    return ", ".join(sentence) + (
        f" and {len(result) - MAX_NUMBERS} more" if len(result) > MAX_NUMBERS else ""
    )


STAYS = "{name} stays at {last}{unit}"
LARGEST_AT_BOTH_ENDS = "{name} is largest at both ends ({last}{unit})"
GROWS = "{name} grows to {last}{unit} at the end"
FALLS = "{name} falls from {first} to {last}{unit}"
PEAKS = "{name} peaks at {place} ({most}{unit})"


def describe_course(values: np.ndarray, name: str, unit: str, where: Sequence[str]) -> str:
    """Return where a curve is largest, (P,) along places with names, by its numbers as they are written."""
    written = [f"{value:z.2f}" for value in values]
    first, last, place = written[0], written[-1], int(np.argmax(values))
    most = written[place]
    if len(set(written)) == 1:
        template = STAYS
    elif first == last == most:
        template = LARGEST_AT_BOTH_ENDS
    elif last == most:
        template = GROWS
    elif first == most:
        template = FALLS
    else:
        template = PEAKS
    return template.format(
        name=name,
        unit=f" {unit}" if unit else "",
        first=first,
        last=last,
        most=most,
        place=where[place],
    )


def list_pairs(names: Iterable[Any], before: Iterable[float], after: Iterable[float]) -> str:
    """Return text such as `"text 0.41 (before 0.39)"`, with the largest differences first."""
    return ", ".join(
        f"{name} {new:.2f} (before {old:.2f})"
        for name, old, new in sorted(
            zip(map(str, names), before, after, strict=True),
            key=lambda entry: -abs(entry[2] - entry[1]),
        )[:MAX_NUMBERS]
    )


def list_coherences(rho: np.ndarray, names: Iterable[str]) -> str:
    """Return the largest entries of a matrix off its diagonal, where one is 0.01 or more, and between which levels."""
    return describe_extremum(
        coherence_table(rho, list(names), "{} and {}"),
        none="{levels} by {levels} entries; all off the diagonal are below 0.01",
        one="{levels} by {levels} entries; the largest off the diagonal is {value:.2f}, between {names}",
        some="{levels} by {levels} entries; the largest off the diagonal is {value:.2f}, equal for "
        "{count} pairs of levels",
        name=str,
        levels=len(rho),
    )


def matrix_entries(names: Sequence[str], **matrices: np.ndarray) -> pd.DataFrame:
    """Return one row per entry of matrices (D, D) whose levels have these names."""
    return pd.DataFrame(
        {"row": np.repeat(names, len(names)), "column": np.tile(names, len(names))}
        | {name: matrix.ravel() for name, matrix in matrices.items()}
    )


def describe_resampling(dataset: DataSet, rows: np.ndarray, what: str = "samples") -> str:
    """Describe confidence intervals by the units that they resample, see `name_units`."""
    return "95% bootstrap intervals over " + name_units(dataset, rows, what)


def name_units(dataset: DataSet, rows: np.ndarray, what: str = "samples") -> str:
    """Return the units that are resampled: the clusters of some rows that the data set names, or else the rows, called
    `what`.
    """
    return what if dataset.clusters is None else dataset.clusters.describe_count(rows)


def coherence_table(rho: np.ndarray, names: Sequence[str], pair: str) -> dict[str, float]:
    """Return the sizes of a matrix's entries off its diagonal, by the names of two levels in the template `pair`."""
    return {
        pair.format(names[i], names[j]): float(np.abs(rho[[i, j], [j, i]]).max())
        for i, j in itertools.combinations(range(len(names)), 2)
    }
