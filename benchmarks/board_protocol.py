"""The protocol of the boards as benchmarks/board_plan.toml states it: who stands where, and how each is trained."""

from __future__ import annotations

import hashlib
import json
import math
import random
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import small_bilinear  # noqa: E402

from qfusion import data  # noqa: E402
from qfusion.models import registry  # noqa: E402
from qfusion.models.baselines import Linear  # noqa: E402
from qfusion.training import Options  # noqa: E402

PLAN = tomllib.loads((ROOT / "benchmarks" / "board_plan.toml").read_text())
MAX_ELEMENTS = 10  # of an entangled network: its joint tables grow with them
MAX_HIDDEN_TENSOR = 100_000  # entries; above, the TFN head is linear in the outer product
# The linear model is fitted to all rows at once: what draws other features at every step would be learned by heart.
OF_NETWORKS = ("encoder_decay", "noise", "shift", "turn", "stretch", "delay")


@dataclass(frozen=True)
class Contender:
    """A model of the boards.

    Attributes:
        label: what it is called.
        kind: of the model.
        role: "system", "ablation", "neighbour" (a published circuit) or "baseline".
        settings: in which it differs from its kind.
        space: from which its settings are drawn, beside the common space.
        of: the system whose chosen setting an ablation takes over.
    """

    label: str
    kind: str
    role: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    of: str = ""


@dataclass(frozen=True)
class Board:
    """A data set with what all models share on it; see the comments of board_plan.toml."""

    name: str
    metric: str
    features: int
    dims: int
    epochs: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, Any] = field(default_factory=dict)
    couplings: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: tuple[str, ...] = ("system", "baseline")
    only: tuple[str, ...] = ()
    chosen_on: str = ""

    @cached_property
    def dataset(self) -> data.DataSet:
        """The data."""
        return data.load(self.name)

    @property
    def models(self) -> list[str]:
        """The contenders on this board, systems first."""
        standing = [name for name, each in CONTENDERS.items() if each.role in self.roles]
        return [name for name in standing if not self.only or name in self.only]


@dataclass(frozen=True)
class Training:
    """One training of the protocol.

    Attributes:
        board, model: names.
        drawn: the setting from the space.
        seed: of the training.
        final: whether it is one of the trainings that are tested, not one of the search.
    """

    board: str
    model: str
    drawn: Mapping[str, Any]
    seed: int
    final: bool

    @property
    def kind(self) -> str:
        """The model's kind."""
        return CONTENDERS[self.model].kind

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Of the model."""
        board, contender = BOARDS[self.board], CONTENDERS[self.model]
        known = registry.settings(contender.kind)
        chosen = {**board.settings, **_sizes(board, contender), **self.drawn}
        chosen |= board.own.get(contender.kind, {})
        chosen |= contender.settings
        if contender.kind == "tensor" and _is_large(board):
            chosen["width"] = 0
        return {key: value for key, value in chosen.items() if key in known}

    @cached_property
    def options(self) -> Options:
        """Of the training."""
        board, contender = BOARDS[self.board], CONTENDERS[self.model]
        chosen = {"loss": "cross_entropy", "patience": 0, **board.options}
        if contender.role == "system" or contender.of:
            chosen |= board.couplings
        chosen |= {key: value for key, value in self.drawn.items() if key in Options.model_fields}
        if contender.kind == Linear.kind:
            chosen |= {key: getattr(Options(), key) for key in OF_NETWORKS}
        if not self.final:
            chosen["refit"] = False
        return Options(**chosen)

    @cached_property
    def key(self) -> str:
        """The digest of everything that decides the result."""
        terms = [
            *(self.board, BOARDS[self.board].dataset.digest, self.kind, self.settings),
            *(self.options.model_dump(), self.seed, PLAN["code"]),
        ]
        return hashlib.sha256(json.dumps(terms).encode()).hexdigest()[:20]


def trials(board: str, model: str) -> list[Training]:
    """Returns the trainings of a model's search: none of an ablation, which takes over the setting of its system."""
    if CONTENDERS[model].of:
        return []
    return [
        Training(board, model, draw(board, model, number), PLAN["search_seed"], final=False)
        for number in range(PLAN["budget"])
    ]


def finals(board: str, model: str, drawn: Mapping[str, Any]) -> list[Training]:
    """Returns the trainings of a setting that are tested."""
    return [Training(board, model, drawn, seed, final=True) for seed in range(PLAN["seeds"])]


def draw(board: str, model: str, number: int) -> dict[str, Any]:
    """Returns a model's setting of this number on a board, the same whenever and wherever it is drawn."""
    contender = CONTENDERS[model]
    space = {
        **PLAN["space"],
        "epochs": BOARDS[board].epochs,
        **contender.space,
        **BOARDS[board].space,
    }
    known = {*registry.settings(contender.kind), *Options.model_fields}
    generator = random.Random(f"{board} {model} {number}")
    return {key: _drawn(space[key], generator) for key in sorted(space) if key in known}


def _drawn(choices: Any, generator: random.Random) -> Any:
    if isinstance(choices, Mapping):
        low, high = math.log(choices["low"]), math.log(choices["high"])
        return float(f"{math.exp(generator.uniform(low, high)):.3g}")
    return generator.choice(choices)


def _sizes(board: Board, contender: Contender) -> dict[str, Any]:
    if contender.label == CONTENDERS[small_bilinear.NAME].label:
        target = board.dataset.target
        return small_bilinear.size(
            len(board.dataset.modalities), len(target.classes) or 1, board.features
        )
    return {
        "features": board.features,
        "elements": min(board.features, MAX_ELEMENTS),
        "dims": board.dims,
    }


def _is_large(board: Board) -> bool:
    return (board.features + 1) ** len(board.dataset.modalities) > MAX_HIDDEN_TENSOR


def _read_board(name: str, terms: Mapping[str, Any]) -> Board:
    fields = {key: value for key, value in terms.items() if key not in ("epochs", "with", "only")}
    return Board(
        name,
        epochs=tuple(terms["epochs"]),
        roles=tuple(terms.get("with", ("system", "baseline"))),
        only=tuple(terms.get("only", ())),
        **fields,
    )


CONTENDERS = {name: Contender(**terms) for name, terms in PLAN["contenders"].items()}
BOARDS = {name: _read_board(name, terms) for name, terms in PLAN["boards"].items()}
