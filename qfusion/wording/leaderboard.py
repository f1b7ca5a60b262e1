"""The leaderboard over all data sets, in one sentence."""

from collections.abc import Mapping

from qfusion._sentences import capitalise, count
from qfusion.analysis import text
from qfusion.analysis.benchmark_board import SYSTEMS, Board, RivalComparison, Standing

SENTENCE = "Significantly better than the best rival: {systems}."
SYSTEM = "**{system}** on {better} of {sets} (worse on {worse})"
NOT_TESTED = "The systems are not compared with their rivals yet."
STANDING = "{standing}: {sets}"
TEST = (
    "Tests of the headline metric over seeds and test rows. Better and worse: p < 0.05 after Holm's correction over "
    "the rivals of the system on that data set; there is no correction over data sets. The best rival is chosen by its "
    "mean on the same test rows, which favours the rival."
)


def summarise_board(board: Board) -> str:
    """Return on how many data sets each system is better or worse than its best rival, as Markdown."""
    compared = {system: board.rival_comparisons(system) for system in SYSTEMS}
    systems = [
        _count_standings(board.label(system), comparisons)
        for system, comparisons in compared.items()
        if comparisons
    ]
    if not systems:
        return NOT_TESTED
    return SENTENCE.format(systems=", ".join(systems))


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
    return "\n\n".join([*lines, TEST])


def _count_standings(label: str, comparisons: Mapping[str, RivalComparison]) -> str:
    standings = [comparison.standing for comparison in comparisons.values()]
    return SYSTEM.format(
        system=text.escape_markdown(label),
        better=standings.count(Standing.BETTER),
        worse=standings.count(Standing.WORSE),
        sets=count(len(standings), "data set"),
    )


def _name_sets(
    board: Board, comparisons: Mapping[str, RivalComparison], standing: Standing
) -> list[str]:
    return [
        text.escape_markdown(str(board.of(name)["title"]))
        for name, comparison in comparisons.items()
        if comparison.standing == standing
    ]
