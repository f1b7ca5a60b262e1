"""Quantum resources on the leaderboard: both systems against twins without each resource."""

from qfusion._checks import check
from qfusion.figures import style
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.why.audit import audit, audit_plan, quantum_resources
from qfusion.views.view import View

_SYSTEMS = {audit_plan.QJ: ("QiNN-QJ", style.BLUE), audit_plan.QCNN: ("QCNN", style.VERMILLION)}


def resources(board: benchmark_board.Board, *, data: str = "") -> View:
    """Draw the value of each quantum resource of both systems: full models minus twins without the resource, trained in
    the same way.

    Args:
        board: the leaderboard.
        data: name of a data set on the board, the first by default.
    """
    entry = audit.load_shipped_audit(data or board.names[0])
    check(bool(entry), f"Which quantum resources matter is not measured on data set '{data}'.")
    systems = [_SYSTEMS[row["system"]] for row in entry["rows"]]
    names = [
        f"{system}: {row['resource']}"
        for (system, _), row in zip(systems, entry["rows"], strict=True)
    ]
    return quantum_resources.resource_comparison(
        "board-audit", entry, names, [hue for _, hue in systems]
    )
