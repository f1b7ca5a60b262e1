"""`exercise`: the course, one exercise of it, and the check of links that readers copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfusion._checks import check
from qfusion.commands.printing import Json, print_result, table
from qfusion.errors import InvalidInput, translate_errors

if TYPE_CHECKING:
    from qfusion.analysis.exercises import Exercise
    from qfusion.panels.exercise_links import CheckedLink

MAX_LINKS = 1_000  # of a file
MAX_BYTES = 10_000_000


def exercise(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]",
            help="An exercise of the course, or the link that a teacher shared. Without it, the course is listed.",
        ),
    ] = "",
    links: Annotated[
        str,
        typer.Option(
            "--check",
            metavar="LINK",
            help="Check a link that a reader copied, or a file of links: one a line, with a name before it if you "
            "like. "
            "With NAME, that exercise is checked, whatever the link says.",
        ),
    ] = "",
    solution: Annotated[
        bool,
        typer.Option("--solution", help="Also print the hint and a state that meets the goal."),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the exercises of the course, print one, or check which conditions a state meets."""
    check(
        not (solution and links),
        "`--solution` prints an exercise, and `--check` checks links. Give one of them.",
    )
    wanted = _named(name) if name else None
    if links:
        _print_checks(_checked_links(links, wanted), as_json)
    elif wanted is not None:
        _print_exercise(wanted, solution, as_json)
    else:
        _print_course(as_json)


def _named(name: str) -> Exercise:
    """Return the exercise of a name or a link."""
    from qfusion.analysis.exercises import course_exercise
    from qfusion.panels import exercise_links
    from qfusion.panels.rendering import parse_link

    if "?" not in name:
        return course_exercise(name)
    result = exercise_links.read_exercise(parse_link(name)[1])
    check(
        result is not None,
        "Argument `NAME` must be an exercise of the course or a link that holds one. Copy the teacher's link again.",
    )
    assert result is not None
    return result


def _print_course(as_json: bool) -> None:
    from qfusion.analysis.exercises import course

    rows = [[one.name, one.title, f"{one.minutes} min"] for one in course()]
    records = [
        {"name": one.name, "title": one.title, "minutes": one.minutes, "start": one.start}
        for one in course()
    ]
    total = sum(one.minutes for one in course())
    title = f"The course: {len(rows)} exercises, about {total} minutes"
    print_result(records, as_json, table(["Name", "Exercise", "Time"], rows, title))


def _print_exercise(wanted: Exercise, solution: bool, as_json: bool) -> None:
    from qfusion.wording import exercises as words

    record: dict[str, Any] = {
        "name": wanted.name,
        "title": wanted.title,
        "task": _plain(wanted.task),
        "goal": [str(condition) for condition in wanted.goal],
        "says": [words.describe_condition(condition) for condition in wanted.goal],
        "start": wanted.start,
    }
    lines = [record["task"], *(f"- {sentence}." for sentence in record["says"])]
    if wanted.start:
        lines.append(f"Start: /{wanted.start}")
    if solution:
        record |= {"hint": _plain(wanted.hint), "solution": wanted.solution}
        lines += [
            f"{title}: {words}"
            for title, words in (("Hint", record["hint"]), ("Solution", f"/{wanted.solution}"))
            if words.strip("/")
        ]
    print_result(record, as_json, *([wanted.title] if wanted.title else []), *lines)


def _plain(markdown: str) -> str:
    """Return markdown of the course, or a teacher's plain text, as plain text."""
    from qfusion.analysis import text

    return re.sub(r"(?<![*\w])\*([^*]+)\*(?![*\w])", r"\1", text.strip_markup(markdown))


def _checked_links(source: str, wanted: Exercise | None) -> dict[str, CheckedLink]:
    """Return the checked links by who handed them in; one alone has its exercise as a name."""
    from qfusion.panels.exercise_links import try_link

    if "?" in source:
        return {"": try_link(source, wanted)}
    return {who: try_link(link, wanted) for who, link in _read_links(Path(source)).items()}


def _read_links(path: Path) -> dict[str, str]:
    """Return the links of a file by the name before each, or by its line."""
    with translate_errors(f"{path} cannot be read", "Give a link, or a text file of links."):
        size = path.stat().st_size
        check(size <= MAX_BYTES, f"{path} has {size:,} bytes, and at most {MAX_BYTES:,} are read.")
        content = path.read_bytes()
    with translate_errors(
        f"{path} is not text", "Save it as UTF-8.", UnicodeDecodeError, why="{kind}"
    ):
        lines = content.decode("utf-8-sig").splitlines()
    links: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        *names, link = re.split(r"[\s,;]+", line.strip())  # a copied link holds none of these
        who = " ".join(names) or f"line {number}"
        check(who not in links, f"{path} names {who[:60]!r} twice. Give each a name of its own.")
        links[who] = link
    check(
        0 < len(links) <= MAX_LINKS,
        f"{path} must hold 1 to {MAX_LINKS:,} links, but has {len(links):,}.",
    )
    return links


def _print_checks(checked: dict[str, CheckedLink], as_json: bool) -> None:
    records = [_record(who, one) for who, one in checked.items()]
    if as_json:
        print_result(records if list(checked) != [""] else records[0], True)
        return
    if list(checked) == [""]:
        _print_one(checked[""])
        return
    rows = [[who, *_row(one)] for who, one in checked.items()]
    solved = sum(one.solved for one in checked.values())
    title = f"{solved} of {len(rows)} states solve their exercise"
    print_result(
        records, False, table(["Who", "Exercise", "Solved", "Met", "Not met"], rows, title)
    )


def _print_one(one: CheckedLink) -> None:
    from qfusion.wording import exercises as words

    if one.outcome is None:
        raise InvalidInput(one.problem)
    rows = [
        [
            "met" if condition.met else "not met",
            words.describe_condition(condition.condition),
            words.describe_seen(condition),
        ]
        for condition in one.outcome.conditions
    ]
    sentence = _plain(words.describe_outcome(one.outcome))
    print_result({}, False, table(["Status", "Condition", "Now"], rows), sentence)


def _row(one: CheckedLink) -> list[str]:
    """Return exercise, whether it is solved, how many conditions are met, and those that are not."""
    from qfusion.wording import exercises as words

    if one.outcome is None:
        return ["-", "no", "-", one.problem]
    conditions = one.outcome.conditions
    missing = [
        f"{words.describe_condition(condition.condition)} (now: {words.describe_seen(condition)})"
        for condition in conditions
        if not condition.met
    ]
    return [
        one.outcome.exercise.name or "own",
        "yes" if one.solved else "no",
        f"{len(conditions) - len(missing)}/{len(conditions)}",
        "; ".join(missing),
    ]


def _record(who: str, one: CheckedLink) -> dict[str, Any]:
    conditions = () if one.outcome is None else one.outcome.conditions
    return {
        "who": who,
        "exercise": "" if one.outcome is None else one.outcome.exercise.name,
        "solved": one.solved,
        "problem": one.problem,
        "conditions": [
            {
                "condition": str(condition.condition),
                "met": condition.met,
                "seen": condition.seen,
                "problem": condition.problem,
            }
            for condition in conditions
        ],
    }
