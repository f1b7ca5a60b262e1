"""Programs with one output per label of multi-label data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from qfusion import cli, data, explain
from qfusion.errors import InvalidInput
from qfusion.plugins.programs import imports, program_card
from qfusion.plugins.programs.words import describe_remark
from tests.support import importable

LABELS = ("anger", "joy", "surprise")


@pytest.fixture(scope="module", autouse=True)
def emotions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data set of 120 samples with several labels each."""
    place = tmp_path_factory.mktemp("several")
    folder = importable.tables(place / "tables", 120)
    has = np.random.default_rng(0).random((120, 3)) < 0.4
    table = pd.read_csv(folder / "labels.csv")
    table["label"] = ["; ".join(np.array(LABELS)[row]) or "None" for row in has]
    table.to_csv(folder / "labels.csv", index=False)
    words = ["data", "import", str(folder), "--name", "emotions", "--target", "labels"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_IMPORTED", str(place / "imported"))
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert not ended.value.code
        yield


class Heads(nn.Module):
    """A number for each of three labels."""

    def __init__(self, sure: bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.t, self.a, self.out, self.sure = (
            nn.Linear(4, 6),
            nn.Linear(3, 6),
            nn.Linear(6, 3),
            sure,
        )

    def forward(self, text: Tensor, audio: Tensor) -> Tensor:
        found = self.out(self.t(text).tanh() * self.a(audio).tanh())
        return found.sigmoid() if self.sure else found


@pytest.mark.parametrize("sure", [False, True])
def test_program_with_one_output_per_label(tmp_path: Path, sure: bool) -> None:
    module, path = Heads(sure).double().eval(), tmp_path / "heads.pt2"
    rows = (torch.randn(4, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64))
    torch.export.save(
        torch.export.export(module, rows, dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) * 2), path
    )
    for place, label in enumerate(LABELS[:1] if sure else LABELS):
        dataset = data.load(f"emotions:{label}")
        taken = imports.load_program(str(path), dataset)
        output = taken.model.card.output
        assert (output.classes, output.label) == (LABELS, label)
        assert output.holds == ("probabilities" if sure else "scores")
        assert f"{output.holds} of label ‘{label}’, a guess from 10 rows" in describe_remark(
            taken.remarks[0]
        )
        assert not taken.warnings
        assert program_card.parse(taken.model.card.as_dict()) == taken.model.card
        model, row = taken.model, dataset.rows("test")[:1]
        own, background = (
            dataset.inputs(row, torch.float64),
            dataset.inputs(dataset.rows("train"), torch.float64),
        )
        found = explain.explain(model, own, explain.background(model, background, "joint"))
        with torch.no_grad():
            parts = [
                S for size in range(3) for S in itertools.combinations(("text", "audio"), size)
            ]
            for s, S in enumerate(parts):
                each = module(
                    *(
                        (
                            own[name].expand(len(background[name]), -1)
                            if name in S
                            else background[name]
                        )
                        for name in ("text", "audio")
                    )
                )[:, place]
                each = each.logit() if sure else each
                assert found.values[0, s] == pytest.approx([0, float(each.mean())], abs=1e-10)
    with pytest.raises(InvalidInput, match="`label` in the card"):
        imports.load_program(
            str(path),
            data.load("emotions"),
            taken.model.card.__class__(
                "heads.pt2", "emotions", taken.model.card.inputs, taken.model.card.output
            ),
        )
