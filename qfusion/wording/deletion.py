"""Sentences on deletion and insertion curves: our order of modalities or features against random orders."""

from qfusion._sentences import count
from qfusion.explain.faithfulness import Curves

SLIGHT = (
    0.02  # of the whole change: the curves of smaller gains can hardly be told apart in a figure
)

ONE_ORDER = "there is only one order"
NOT_SIGNIFICANT = "{samples:,} samples: no significant difference from random orders {area}"
BEATS_ALL = "our order beats every one of {orders} {area}"
SLIGHTLY = "our order is only slightly faster than every one of {orders} {area}"
LOSES = "our order does **not** beat {lost} of {orders}"
AREA_ON_AVERAGE = "(area {gain:.3g} on average{interval})"
AREA_OF_WHOLE = "(area {gain:.2g} of {whole:.2g})"
RETURN_NOT_SIGNIFICANT = "no significant difference from random orders: {samples:,} samples {area}"
RETURNS = "{degree}sooner than in {won} of {orders} {area}"
RETURN_AREA = "(area {gain:+z.3g} on average{interval})"
RETURN_AREA_OF_WHOLE = "(area {gain:+z.2g} of {whole:.2g})"
INTERVAL = ", {level:.0%} interval {low:.2g} to {high:.2g}"


def describe_beaten_orders(curves: Curves) -> str:
    """Return how many random orders ours beats, at deletion and at insertion.

    Of samples drawn from more, only where their intervals exclude 0. A gain below `SLIGHT` is called slight.
    """
    gain = float(curves.deletion_gain.mean())
    area = AREA_ON_AVERAGE.format(gain=gain, interval=_describe_interval(curves, 0))
    if curves.intervals is not None and not all(
        interval.excludes_zero for interval in curves.intervals
    ):
        return NOT_SIGNIFICANT.format(samples=curves.samples, area=area)
    if len(curves.shares) == 2:
        return ONE_ORDER
    orders = count(len(curves.random_deletion), "random order")
    if not curves.better:
        lost = int(((curves.deletion_gain <= 0) | (curves.insertion_gain <= 0)).sum())
        return LOSES.format(lost=lost, orders=orders)
    whole = float(curves.deletion[-1])
    if gain < SLIGHT * whole:
        area = AREA_OF_WHOLE.format(gain=gain, whole=whole)
        return SLIGHTLY.format(orders=orders, area=area)
    return BEATS_ALL.format(orders=orders, area=area)


def describe_return(curves: Curves) -> str:
    """Return whether the output is restored sooner in our order than in all random ones.

    Of samples drawn from more, only where their interval excludes 0. A gain below `SLIGHT` is called slight.
    """
    gain = float(curves.insertion_gain.mean())
    area = RETURN_AREA.format(gain=gain, interval=_describe_interval(curves, 1))
    if curves.intervals is not None and not curves.intervals[1].excludes_zero:
        return RETURN_NOT_SIGNIFICANT.format(samples=curves.samples, area=area)
    count_orders = len(curves.random_insertion)
    won = int((curves.insertion_gain > 0).sum())
    whole = float(curves.insertion[0])
    is_slight = 0 < gain < SLIGHT * whole
    if is_slight:
        area = RETURN_AREA_OF_WHOLE.format(gain=gain, whole=whole)
    return RETURNS.format(
        degree="only slightly " if is_slight else "",
        won="every one" if won == count_orders else won,
        orders=count(count_orders, "random order"),
        area=area,
    )


def _describe_interval(curves: Curves, place: int) -> str:
    """Return the interval of an area, where the samples are drawn from more."""
    interval = None if curves.intervals is None else curves.intervals[place]
    if interval is None or not interval.known:
        return ""
    return INTERVAL.format(level=interval.level, low=interval.low, high=interval.high)
