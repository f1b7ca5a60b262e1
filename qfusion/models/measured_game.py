"""Games that were measured: the values of every coalition of a sample, in a table, in place of a model.

A game has no features and no training. What stands for the features of a modality is the number of the sample's row in
the table; scores are the values of the coalition of all players, and explanations are exact: they follow from the other
values of the row. Its baseline is the value of the empty coalition of the same sample, so that there is no background.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.errors import IntegrityError, translate_errors
from qfusion.models.base import AGAINST_OTHERS, FusionModel
from qfusion.models.coalition_algebra import CoalitionAlgebra
from qfusion.models.inputs import DEFAULT, Background, Features, Group, Spread

KIND = "game"


@dataclass(frozen=True, eq=False)
class CrowdVotes:
    """Votes of people, whose shares are the values of a game.

    Attributes:
        classes: names of the K classes.
        counts: votes, int64 (N, 2^M - 1, K), by coalition without the empty one.
        explained: number of the class whose share is the value, int64 (N,).
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    explained: np.ndarray


class Game(FusionModel):
    """The values of N samples' coalitions.

    Args:
        players: M names, the modalities of the data set.
        outputs: names of the C outputs: one score, or two or more classes, whose values are log-odds in nats of each
            class against the others.
        values: v(S), (N, 2^M, C), in the order of `decomposition.subsets`.
        errors: standard errors of the dividends, in the same shape; None where there are none.
        crowd: votes of the people who were the model; None where it was something else.

    Raises:
        InvalidInput: when shapes disagree, or a number is not finite.
    """

    kind = KIND
    family = "game"
    title = "Measured game"
    encodes = False
    reads_features = False

    def __init__(
        self,
        players: Sequence[str],
        outputs: Sequence[str],
        values: np.ndarray | Tensor,
        errors: np.ndarray | Tensor | None = None,
        crowd: CrowdVotes | None = None,
    ):
        super().__init__({name: {"size": 1, "sequence": False} for name in players}, outputs)
        self.settings = {}
        self.encoders = nn.ModuleDict()
        M = len(self.modalities)
        C = len(self.outputs)
        # the outputs come first, so that a map of the scores is one of the first axis, see `head_parameters`
        self.values = _table("values", values, M, C)
        self.mixing = nn.Parameter(torch.eye(C, dtype=torch.float64), requires_grad=False)
        self.errors = None if errors is None else _table("errors", errors, M, C)
        check(
            self.errors is None
            or (self.errors.shape == self.values.shape and bool((self.errors >= 0).all())),
            "Argument `errors` must hold a standard error, 0 or more, for each of the values.",
        )
        check(
            crowd is None or len(crowd.counts) == len(crowd.explained) == len(self),
            "Argument `crowd` must hold the votes on the samples of the game.",
        )
        self.crowd = crowd
        self.bias = nn.Parameter(torch.zeros(C, dtype=torch.float64), requires_grad=False)
        if C > 1:
            self.score_kind, self.logit_scale = AGAINST_OTHERS, (C - 1) / C

    def __len__(self) -> int:
        return self.values.shape[1]

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the values, and of the matrix by which they were mapped."""
        return ("values", "mixing")

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Return the numbers of the rows, (B, 1)."""
        features = self._features(inputs, name)
        assert isinstance(features, Tensor)
        return features

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the values of the coalition of all players, (B, C).

        Raises:
            InvalidInput: when the states are not those of samples of the game.
        """
        return self.values[:, self.rows(states), -1].T.clone()

    def rows(self, states: Mapping[str, Any]) -> Tensor:
        """Return the numbers of the rows (B,) that states stand for.

        Raises:
            InvalidInput: when the states are not those of samples of the game.
        """
        numbers = torch.cat([states[name] for name in self.modalities], 1)
        first = numbers[:, 0]
        check(
            bool((numbers == first[:, None]).all())
            and bool((first == first.round()).all())
            and bool(((first >= 0) & (first < len(self))).all()),
            "A game holds the values of its own samples: it cannot be evaluated on other ones, or on players of "
            "different samples. Choose a sample of its data set.",
        )
        return first.long()

    @property
    def boundary(self) -> float | None:
        """Value between two decisions: 1 / K of the votes for one of K classes; None where the target says it."""
        return None if self.crowd is None else 1 / len(self.crowd.classes)

    @property
    def algebra(self) -> GameAlgebra:
        """The values of the table."""
        return GameAlgebra(self)


@dataclass(frozen=True, kw_only=True)
class GameBackground(Background):
    """The baseline of a game: each sample's own value of the empty coalition.

    Attributes:
        modalities: the players.
        baselines: these values, (C, N).
        spread: what standard errors of the game's contributions are over: raters, or what was measured.
    """

    modalities: tuple[str, ...]
    baselines: Tensor
    spread: Spread = "measurement"

    def numbers(self) -> Tensor:
        return self.baselines


class GameAlgebra(CoalitionAlgebra[Game, GameBackground]):
    """The algebra of a game: coalition values are looked up."""

    background_kinds = (DEFAULT,)

    def check_kind(self, kind: str) -> None:
        """Raise InvalidInput unless the kind is the default: a game has its own baseline."""
        check(
            kind == DEFAULT,
            "A game has one baseline, its values of the empty coalition, and no other background, but the background "
            f"is '{kind}'. Leave it out.",
        )

    def needs_samples(self, kind: str) -> bool:
        """Return False."""
        return False

    def make_uninformed_background(self, kind: str, label: str) -> GameBackground:
        """Return the baselines of the table."""
        game = self.model
        return GameBackground(
            kind=DEFAULT,
            size=0,
            label=label,
            modalities=game.modalities,
            baselines=game.values[:, :, 0].detach(),
            spread="measurement" if game.crowd is None else "raters",
        )

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> GameBackground:
        self.check_kind(kind)
        return self.make_uninformed_background(kind, label)

    def fits(self, background: Background) -> bool:
        return (
            isinstance(background, GameBackground)
            and background.modalities == self.model.modalities
        )

    def is_exact(self, background: Background) -> bool:
        """Return whether the values were given without errors."""
        return self.model.errors is None or not bool(self.model.errors.any())

    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the values of the samples' coalitions and the errors of their dividends, (B, 2^M, C) each."""
        self.check_background(background)
        game = self.model
        rows = game.rows(states)
        values = game.values[:, rows].permute(1, 2, 0).contiguous().numpy()
        if game.errors is None:
            return values, None
        errors = _mapped_errors(game.errors[:, rows], game.mixing)
        return values, errors.permute(1, 2, 0).contiguous().numpy()


def _table(name: str, values: np.ndarray | Tensor, M: int, C: int) -> nn.Parameter:
    """Return numbers (N, 2^M, C) as a parameter (C, N, 2^M)."""
    table = torch.as_tensor(np.asarray(values, np.float64))
    check(
        table.ndim == 3 and table.shape[1:] == (2**M, C) and len(table) > 0,
        f"Argument `{name}` must have shape (N, {2**M}, {C}) for {M} players and {C} outputs, but has shape "
        f"{tuple(table.shape)}.",
    )
    check(bool(table.isfinite().all()), f"Argument `{name}` must be finite, but is not.")
    return nn.Parameter(table.permute(2, 0, 1).contiguous(), requires_grad=False)


def _mapped_errors(errors: Tensor, mixing: Tensor) -> Tensor:
    """Return standard errors (C, ...) of values that were multiplied by a matrix (C, C).

    The log-odds of all classes add up to 0; all but the last are taken as independent. That is exact for two classes.
    """
    C = len(mixing)
    if torch.equal(mixing, torch.eye(C, dtype=mixing.dtype)):
        return errors
    weights = mixing[:, :-1] - mixing[:, -1:]
    return torch.tensordot(weights**2, errors[:-1] ** 2, 1).sqrt()


def game_bytes(game: Game) -> bytes:
    """Return the bytes of a safetensors file of the values and their errors, in double precision, and of the votes."""
    tensors = {"values": game.values.detach().contiguous()}
    if game.errors is not None:
        tensors["errors"] = game.errors.detach().contiguous()
    if game.crowd is not None:
        tensors["votes"] = torch.tensor(game.crowd.counts)
        tensors["explained"] = torch.tensor(game.crowd.explained)
    return safetensors.torch.save(tensors)


def from_card(card: Mapping[str, Any], data: bytes, file: str) -> Game:
    """Return the game of a checkpoint's card and the bytes of its values.

    Raises:
        IntegrityError: when they do not fit.
    """
    with translate_errors(
        f"`{file}` does not hold the game that its card describes",
        "Import it again.",
        *(Exception,),
        error=IntegrityError,
        why="{words:.160}",
    ):
        tensors = safetensors.torch.load(data)
        parts = {
            name: tensors[name].permute(1, 2, 0) for name in ("values", "errors") if name in tensors
        }
        for part in parts.values():
            check(part.dtype == torch.float64, "its numbers are not in double precision")
        crowd = None
        if "votes" in tensors:
            crowd = CrowdVotes(
                tuple(map(str, card["game"]["classes"])),
                tensors["votes"].numpy(),
                tensors["explained"].numpy(),
            )
        return Game(
            list(card["inputs"]), card["outputs"], parts["values"], parts.get("errors"), crowd
        )
