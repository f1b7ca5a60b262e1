"""Names of the columns of a study's table of samples."""

from qfusion.quantum import measure_kinds


def entropy_column(name: str) -> str:
    """Return the column of the entropy of a modality's state at T, or of a fused qubit."""
    return measure_kinds.column_name("entropy", (name,))


def negativity_column(name: str) -> str:
    """Return the name of the column with the entanglement of a modality with the rest at T."""
    return measure_kinds.column_name("negativity", (name,))


def dividend_column(term: str) -> str:
    """Return the column of a coalition's dividend."""
    return f"dividend[{term}]"
