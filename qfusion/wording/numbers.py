"""Numbers with their 95% confidence intervals, as sentences write them."""

from qfusion._sentences import count
from qfusion.explain.bootstrap import Interval
from qfusion.training import metrics

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
