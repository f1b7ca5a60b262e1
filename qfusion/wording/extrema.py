"""Sentences about the largest or smallest of several numbers, as far as they differ as written."""

from collections.abc import Callable, Mapping, Sequence, Sized

from qfusion._sentences import listed, share, size, sizes, top
from qfusion.analysis import text

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
    """Return the sentence about those whose number is the largest as written.

    Sentences are templates of `str.format`. They may hold `{names}` of those; `{count}` of them and `{all}` that there
    are; their `{value}`; its `{amount}`, without the sign if `by_size`, as `{size}` (see `_sentences.size`) and as
    `{share}`; and `words`.

    Args:
        numbers: by name.
        one, some, every, only: see `choose_template`.
        none: where the number is written as 0, or no number is finite; without it 0 is a number like others.
        places: decimal places that are written.
        smallest: about the smallest numbers instead.
        by_size: about the largest ones without their signs.
        name: how a name is written, as markdown.
        several: what is written of one of several, a template of its `{name}` and `{value}`.
        most, many: in place of the names of more than `most`, where it is told; a template too.
        join: makes names one text.
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
        first: the names in the first place. of: all of them.
        one, some, every, only: templates for one name, several, all, and the only one that there is.
    """
    if only and len(of) == 1:
        return only
    if len(first) == 1:
        return one
    return every if every and len(first) == len(of) else some
