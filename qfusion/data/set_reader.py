"""The base of all readers of imported files: it writes modalities to a folder and collects findings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._sentences import count
from qfusion.data.array_files import require_room, write_array
from qfusion.data.cast_errors import CastErrors
from qfusion.data.file_words import shown_names
from qfusion.data.staged_set import Finding, Part

Writer = Callable[[Path, tuple[int, ...], Iterable[Any], CastErrors], int]
_REMEDY = "Subtract a constant, such as the first time or the smallest coordinate, or give seconds since the start."


class SetReader:
    """Writes modalities into a folder and collects findings on the files.

    Attributes:
        folder: of the arrays.
        findings: on the files.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.findings: list[Finding] = []

    def write_part(
        self,
        name: str,
        shape: tuple[int, ...],
        pieces: Iterable[Any],
        feature_names: tuple[str, ...],
        lengths: np.ndarray | None = None,
        picture: tuple[int, ...] | None = None,
        padded: bool = False,
        write: Writer = write_array,
    ) -> Part:
        """Write the array of a modality and return the modality.

        Args:
            name, shape, feature_names, lengths, picture: see `Part`.
            pieces: of the array, as `write` takes them.
            padded: whether sequences are padded to the longest.
            write: `write_array` or `scatter_array`.

        Raises:
            InvalidInput: when the disk has no room for it.
        """
        path = self.folder / f"{name}.npy"
        how = ", padded to its longest sequence," if padded else ""
        require_room(self.folder, 4 * prod(shape), f"Modality '{name}'{how}")
        errors = CastErrors(shape[-1])
        overflows = write(path, shape, pieces, errors)
        if overflows:
            self.add_finding(
                "too-large",
                f"{overflows:,} values are too large for single precision and count as infinite.",
                "warning",
                name,
            )
        coarse = "most of their different values become equal"
        self._note_precision(name, feature_names, errors, errors.merges_values, "error", coarse)
        imprecise = errors.imprecise & ~errors.merges_values
        blurred = "values that differ little become equal"
        self._note_precision(name, feature_names, errors, imprecise, "warning", blurred)
        return Part(name, path, shape, feature_names, lengths, picture)

    def add_finding(
        self, code: str, words: str, severity: str = "note", where: str = "", **more: Any
    ) -> None:
        """Add a finding, see `Finding`."""
        self.findings.append(Finding(code, severity, words, where, **more))

    def note_left_out(self, names: Sequence[str], why: str) -> None:
        """Record which entries of a file are not read, if any."""
        if names:
            self.add_finding("left-out", f"Left out, as neither {why}: {', '.join(names[:12])}.")

    def note_sequences(self, name: str, lengths: np.ndarray, longest: int, why: str = "") -> None:
        """Record the lengths (N,) of sequences, and `why` they are known."""
        real = lengths[lengths > 0]
        median = np.median(real) if len(real) else 0
        self.add_finding(
            "sequences",
            f"Sequences of {real.min(initial=longest)} to {longest} steps (median {median:g}){why}. Shorter ones are "
            "padded with zeros, which models ignore.",
            where=name,
        )

    def note_unimodal(self, targets: Mapping[str, np.ndarray]) -> None:
        """Record which modalities have separate targets (N,), if any, and how many samples lack one."""
        if not targets:
            return
        missing = []
        for name, values in targets.items():
            number = int((~np.isfinite(values)).sum())
            if number:
                verb = "has" if number == 1 else "have"
                missing.append(f"{count(number, 'sample')} {verb} none of {name}")
        rest = f" {'; '.join(missing)}." if missing else ""
        self.add_finding(
            "unimodal", f"Targets of single modalities are kept: {', '.join(targets)}.{rest}"
        )

    def _note_precision(
        self,
        name: str,
        features: Sequence[str],
        errors: CastErrors,
        is_coarse: np.ndarray,
        severity: str,
        effect: str,
    ) -> None:
        """Record the features of a modality that vary too little for single precision, bool (F,), if any."""
        places = np.flatnonzero(is_coarse)
        if len(places) == 0:
            return
        first = int(places[0])
        names = shown_names([features[int(place)] for place in places])
        self.add_finding(
            "precision",
            f"Values are kept in single precision, of some 7 digits, which is too coarse for {names}: {effect}. "
            f"`{features[first][:40]}` lies between {errors.low[first]:.12g} and {errors.high[first]:.12g}, and is "
            f"wrong by up to {errors.error[first]:.2g}. {_REMEDY}",
            severity,
            name,
            features=places,
        )
