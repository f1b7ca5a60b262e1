"""The leaderboard over all data sets, in one sentence."""

from collections.abc import Iterable, Mapping

from qfusion._sentences import capitalise, count, listed
from qfusion.plugins.papers.benchmark_board import SYSTEMS, Board, RivalComparison, Standing
from qfusion.study import text

SENTENCE = "Against the best rival on each data set: {systems}."
SYSTEM = "**{system}** has {wins}, {ties} and {losses}"
NOT_TESTED = "The systems are not compared with their rivals yet."
STANDING = "{standing}: {sets}"
NOT_SEARCHED = "On {sets}, the settings were chosen for one of the systems and not for its rivals."
TEST = (
    "Tests of the headline metric over seeds and test rows. Wins and losses: p < 0.05 after Holm's correction over "
    "the rivals of the system on that data set; there is no correction over data sets. The best rival is chosen by its "
    "mean on the same test rows, which favours the rival."
)


def summarise_board(board: Board) -> str:
    """Return on how many data sets each system wins, ties or loses against its best rival, as Markdown."""
    compared = {system: board.rival_comparisons(system) for system in SYSTEMS}
    systems = [
        _count_standings(board.label(system), comparisons)
        for system, comparisons in compared.items()
        if comparisons
    ]
    if not systems:
        return NOT_TESTED
    better = [
        name
        for comparisons in compared.values()
        for name, comparison in comparisons.items()
        if comparison.standing == Standing.BETTER
    ]
    return " ".join(
        [SENTENCE.format(systems="; ".join(systems)), _note_settings(board, better)]
    ).strip()


def explain_board_summary(board: Board) -> str:
    """Return the data sets of each count in the summary, and how they were tested, as Markdown."""
    lines = []
    for system in SYSTEMS:
        comparisons = board.rival_comparisons(system)
        parts = [
            STANDING.format(standing=standing, sets=", ".join(names))
            for standing in Standing
            if (names := _name_sets(board, comparisons, standing))
        ]
        if parts:
            label = text.escape_markdown(board.label(system))
            lines.append(f"**{label}**. {'. '.join(map(capitalise, parts))}.")
    return "\n\n".join([*lines, TEST, _note_settings(board, board.names)]).strip()


def _note_settings(board: Board, names: Iterable[str]) -> str:
    """Return which of some data sets have settings that were not searched for rivals; empty if there is none."""
    sets = [
        text.escape_markdown(str(board.of(name)["title"]))
        for name in dict.fromkeys(names)
        if not board.has_searched_settings(name)
    ]
    return NOT_SEARCHED.format(sets=listed(sets)) if sets else ""


def _count_standings(label: str, comparisons: Mapping[str, RivalComparison]) -> str:
    standings = [comparison.standing for comparison in comparisons.values()]
    return SYSTEM.format(
        system=text.escape_markdown(label),
        wins=count(standings.count(Standing.BETTER), "win"),
        ties=count(standings.count(Standing.UNDECIDED), "tie"),
        losses=count(standings.count(Standing.WORSE), "loss", "losses"),
    )


def _name_sets(
    board: Board, comparisons: Mapping[str, RivalComparison], standing: Standing
) -> list[str]:
    return [
        text.escape_markdown(str(board.of(name)["title"]))
        for name, comparison in comparisons.items()
        if comparison.standing == standing
    ]
