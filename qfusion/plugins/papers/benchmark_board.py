"""The leaderboard: read from the file that the benchmark wrote, checked, and put into tables."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._memory_cache import file_stamp, memo
from qfusion.errors import IntegrityError, NotFound, translate_errors
from qfusion.plugins.papers import ASSETS
from qfusion.plugins.why.evidence import VERDICTS
from qfusion.training import metrics
from qfusion.training.metrics import Label

# The leaderboard: read from the file that the benchmark wrote, checked, and put into tables.

BOARD_FILE = ASSETS / "leaderboard.json"
CLAIMS_FILE = BOARD_FILE.with_name("claims.json")
MAX_SIZE = 20_000_000  # bytes
REMEDY = "Make it again with `python benchmarks/leaderboard.py`."
CLAIMS_REMEDY = "Make it again with `python benchmarks/replication.py`."
TARGETS = {
    "regression": (
        "mae",
        "corr",
        "r2",
        "acc2_non0",
        "f1_non0",
        "acc2_has0",
        "f1_has0",
        "acc5",
        "acc7",
        "acc2",
        "acc3",
        "f1",
        "sign",
    ),
    "classification": ("accuracy", "f1", "nll"),
}


SYSTEMS = ("qj", "qcnn")
LEVEL = 0.05  # of p-values after correction


class Standing(StrEnum):
    """How a system does beside its best rival."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class RivalComparison:
    """A system beside the best of its rivals on one data set.

    Attributes:
        rival: label of the rival.
        difference: of the headline metric, positive where the system is better.
        p: of the paired test, after Holm's correction over all rivals of the system.
    """

    rival: str
    difference: float
    p: float

    @property
    def standing(self) -> Standing:
        """Whether the system is significantly better or worse."""
        if self.p >= LEVEL:
            return Standing.UNDECIDED
        return Standing.BETTER if self.difference > 0 else Standing.WORSE


@dataclass(frozen=True)
class Board:
    """The whole file; see benchmarks/leaderboard_report.py for its form."""

    whole: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The data sets."""
        return list(self.whole["data"])

    def of(self, name: str) -> Mapping[str, Any]:
        """Return the entry of one data set.

        Raises:
            NotFound: when it is not on the board.
        """
        return self.whole["data"][choose("On the leaderboard, data set", name, self.names)]

    def board_of(self, data: str) -> str:
        """Return the name of the board of a data set, or an empty string if it has none."""
        boards = [name for name in self.names if data in (name, self.of(name)["source"])]
        return next(iter(boards), "")

    def metrics(self, name: str) -> list[str]:
        """The metrics of a data set, the headline first."""
        entry = self.of(name)
        return [
            entry["headline"],
            *(
                key
                for key in TARGETS[entry["target"]]
                if key != entry["headline"]
                and all(key in row["test"] for row in entry["rows"].values())
            ),
        ]

    def key(self, name: str, short: str = "") -> str:
        """Return the key of a data set's metric from its short name. The default is the headline metric.

        Raises:
            NotFound: when data set or metric are not on the board.
        """
        shorts = {self.metric(key).short: key for key in self.metrics(name)}
        return shorts[choose("Metric", short, shorts)] if short else str(self.of(name)["headline"])

    def measured(self, name: str) -> dict[str, str]:
        """Return the models whose robustness is measured on a data set, keyed by label."""
        return {self.label(model): model for model in self.whole["robustness"].get(name, {})}

    def default(self, name: str) -> list[str]:
        """Return the labels of the models whose robustness is measured on a data set, without ablations."""
        return [
            label for label, model in self.measured(name).items() if self.role(model) != "ablation"
        ]

    def robust_metrics(self, name: str) -> list[str]:
        """The metrics of a data set's robustness, the headline first."""
        records: list[dict[str, Any]] = next(
            iter(self.whole["robustness"].get(name, {}).values()), []
        )
        return [key for key in self.metrics(name) if records and key in records[0]]

    def label(self, model: str) -> str:
        """Return the label of a model."""
        return str(self.whole["contenders"][model]["label"])

    def role(self, model: str) -> str:
        """system, ablation, neighbour or baseline."""
        return str(self.whole["contenders"][model]["role"])

    def table(self, name: str, key: str) -> pd.DataFrame:
        """Return a row for each model, best first.

        Raises:
            NotFound: when data set or metric are not on the board.
        """
        entry = self.of(name)
        choose("Metric", key, self.metrics(name))
        tests = entry["tests"].get(key, {})
        rows = []
        for model, row in entry["rows"].items():
            result = row["test"][key]
            p = {}
            for system in SYSTEMS:
                if system not in entry["rows"]:
                    continue
                test = tests.get(system, {}).get("against", {}).get(model, {})
                p[f"p against {self.label(system)}"] = test.get("p")
                p[f"adjusted p against {self.label(system)}"] = test.get("holm")
            rows.append(
                {
                    "model": model,
                    "label": self.label(model),
                    "role": self.role(model),
                    "mean": result["mean"],
                    "low": result["low"],
                    "high": result["high"],
                    "deviation": result["std"],
                    "seeds": len(row["seeds"]),
                    "parameters": row["parameters"],
                    "after the encoders": row["after_encoders"],
                    "on training rows": row["train"][key],
                    "seconds": row["seconds"],
                    "joint share": row.get("joint", {}).get("mean"),
                    **p,
                }
            )
        frame = pd.DataFrame(rows).sort_values(
            "mean", ascending=not self.metric(key).higher_is_better, kind="stable"
        )
        return frame.astype(
            dict.fromkeys(frame.columns.difference(["model", "label", "role"]), float)
        ).reset_index(drop=True)

    def rival_comparisons(self, system: str) -> dict[str, RivalComparison]:
        """Return a system's comparison with its best rival by the headline metric, keyed by data set.

        Args:
            system: one of SYSTEMS. Data sets without a test of it are left out.
        """
        result = {}
        for name in self.names:
            headline = self.of(name)["headline"]
            tests = self.of(name)["tests"].get(headline, {}).get(system)
            if tests is None:
                continue
            sign = 1 if self.metric(headline).higher_is_better else -1
            pair = tests["against"][tests["best"]]
            result[name] = RivalComparison(
                self.label(tests["best"]), sign * float(pair["difference"]), float(pair["holm"])
            )
        return result

    def has_searched_settings(self, name: str) -> bool:
        """Return whether the settings of every model were searched on a data set, and not those of a system alone."""
        return bool(self.of(name).get("chosen"))

    def agreement(self, name: str) -> dict[str, dict[str, float]]:
        """Return the correlation of every model's contributions with the planted ones, by model and combination of
        modalities. The result is empty if none were planted.
        """
        return {
            model: {part: float(value) for part, value in row["agreement"].items()}
            for model, row in self.of(name)["rows"].items()
            if "agreement" in row
        }

    def curve(
        self, name: str, model: str, modality: str, key: str
    ) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Return levels and values of noise on a modality (or "all"), and the values where it is absent, at its mean,
        swapped."""
        records = [r for r in self.whole["robustness"][name][model] if r["modality"] == modality]
        noise = sorted((float(r["level"]), float(r[key])) for r in records if r["kind"] == "noise")
        return (
            np.array([level for level, _ in noise]),
            np.array([value for _, value in noise]),
            {r["kind"]: float(r[key]) for r in records if r["kind"] != "noise"},
        )

    @staticmethod
    def metric(key: str) -> Label:
        """How a metric is shown."""
        return metrics.LABELS[key]

    @property
    def made(self) -> str:
        """Date, machine and versions of the measurement."""
        return ", ".join(
            [
                self.whole["date"],
                self.whole["machine"],
                *(f"{name} {number}" for name, number in self.whole["versions"].items()),
            ]
        )


@contextlib.contextmanager
def _parse_record(path: Path, what: str, number: int, remedy: str) -> Iterator[Any]:
    """Context manager that yields the content of one of this package's files. If the block cannot read a part of it,
    IntegrityError says that the file cannot be read as `what`.
    """
    with translate_errors(
        f"{path.name} cannot be read as {what}",
        remedy,
        *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
        error=IntegrityError,
        why="{words:.120}",
    ):
        check(path.stat().st_size <= MAX_SIZE, f"{path.name} is too large for {what}. {remedy}")
        whole = json.loads(path.read_text(encoding="utf-8"))
        check(whole["format"] == number, f"{path.name} has another format. {remedy}")
        yield whole


def read_board(path: Path | None = None) -> Board:
    """Return the board in a file, BOARD_FILE unless given.

    Raises:
        NotFound: when there is none yet.
        IntegrityError: when the file does not hold one.
    """
    path = path or BOARD_FILE
    check(
        path.is_file(),
        f"There is no leaderboard yet ({path.name} is missing). {REMEDY}",
        NotFound,
    )
    with _parse_record(path, "a leaderboard", 1, REMEDY) as whole:
        board = Board(whole)
        for name in board.names:
            board.table(name, board.of(name)["headline"])
            _ = (float(board.of(name).get("planted_joint", 0)), board.agreement(name))
            for model in whole["robustness"].get(name, {}):
                board.curve(name, model, "all", board.robust_metrics(name)[0])
        _ = (
            board.made,
            [board.rival_comparisons(system) for system in SYSTEMS],
            whole["published"]["rows"],
            [(claim["sentence"], claim["primary"]) for claim in whole["claims"]["parameters"]],
            whole["summaries"]["parameters"],
        )
    return board


@memo(1, stamp=lambda: (BOARD_FILE, file_stamp(BOARD_FILE)))
def open_board() -> Board:
    """Return the board that comes with the program, shared; read anew when its file changes.

    Raises:
        NotFound, IntegrityError: when there is none, or it is broken.
    """
    return read_board()


@dataclass(frozen=True)
class Tested:
    """Outcome of one claim about quantum jumps; see benchmarks/replication_report.py.

    Attributes:
        claim: in words. sentence: with each read-out the verdict, and effects averaged over data sets with intervals.
        verdict: on the claim, of `evidence.VERDICTS`: that with the abstract's read-out.
        readouts: the verdict with each read-out, the abstract's first.
        data: what was measured on each data set, in words.
    """

    claim: str
    sentence: str
    verdict: str
    readouts: Mapping[str, str]
    data: Mapping[str, str]


@dataclass(frozen=True)
class Claims:
    """The claims about quantum jumps that were tested, and how: method, date and command; empty before the test."""

    tested: tuple[Tested, ...] = ()
    method: str = ""
    date: str = ""
    command: str = ""


def load_claims(path: Path | None = None) -> Claims:
    """Return the claims about quantum jumps as they were tested.

    Args:
        path: of the file, CLAIMS_FILE unless given.

    Raises:
        IntegrityError: when the file does not hold them.
    """
    path = path or CLAIMS_FILE
    if not path.is_file():
        return Claims()
    with _parse_record(path, "tests of claims", 4, CLAIMS_REMEDY) as whole:
        tested = tuple(map(_parse_claim, whole["claims"]))
        return Claims(tested, str(whole["method"]), str(whole["date"]), str(whole["command"]))


def _parse_claim(claim: Mapping[str, Any]) -> Tested:
    return Tested(
        str(claim["claim"]),
        str(claim["sentence"]),
        str(choose("Verdict", claim["verdict"], VERDICTS)),
        {
            str(one["readout"]): str(choose("Verdict", one["verdict"], VERDICTS))
            for one in claim["readouts"]
        },
        {str(name): str(sentence) for name, sentence in claim["data"].items()},
    )
