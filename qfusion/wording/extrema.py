"""Sentences about the largest or smallest of several numbers; numbers that are equal as written share a place."""

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
