"""Edited texts, voices and faces: unchanged controls give the original features, changed ones change their
quantity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data.synthetic import opinion_texts, planted_editing
from qfusion.errors import InvalidInput, NotFound


@pytest.mark.parametrize("row", [0, 17, 2999])
def test_unchanged_controls_give_the_original_features(planted: Any, row: int) -> None:
    made = planted_editing.find_recipe(planted)
    text, audio, vision = planted.modalities
    said = planted_editing.replace_words(planted.content(row)["text"].text)
    heard, seen = (
        planted_editing.replace_voice(made, row, {}),
        planted_editing.replace_face(made, row, {}),
    )
    assert np.array_equal(said.values[0], text.values[row])
    assert said.latent == pytest.approx(planted.table["latent_text"].iloc[row])
    assert np.array_equal(heard.values[0], audio.values[row])
    assert (said.lengths[0], heard.lengths[0]) == (text.lengths[row], audio.lengths[row])
    assert np.array_equal(seen.values[0], vision.values[row])
    assert np.array_equal(heard.content.samples, planted.content(row)["audio"].samples)
    assert np.array_equal(seen.content.pixels, planted.content(row)["vision"].pixels)
    latents = planted.table[["latent_text", "latent_audio", "latent_vision"]].iloc[row]
    assert planted_editing.true_score(latents) == pytest.approx(
        planted.table["score_clean"].iloc[row]
    )


def test_controls_change_their_quantity(planted: Any) -> None:
    made = planted_editing.find_recipe(planted)
    before = planted_editing.replace_voice(made, 3, {})
    steps = int(before.lengths[0])

    def mean(edit: planted_editing.Edit, column: int) -> float:
        return float(edit.values[0, : int(edit.lengths[0]), column].mean())

    assert mean(planted_editing.replace_voice(made, 3, {"pitch": 0.5}), 0) - mean(
        before, 0
    ) == pytest.approx(0.5, abs=0.15)
    assert mean(planted_editing.replace_voice(made, 3, {"energy": 6}), 4) - mean(
        before, 4
    ) == pytest.approx(0.3, abs=0.03)
    assert int(planted_editing.replace_voice(made, 3, {"tempo": -0.5}).lengths[0]) > steps
    rising, level = (
        planted_editing.replace_voice(made, 3, {"rise": 0.8}).values[0, :, 1],
        before.values[0, :, 1],
    )
    assert (
        rising[steps - 3 : steps].mean() - rising[:3].mean()
        > level[steps - 3 : steps].mean() - level[:3].mean()
    )
    for name in ("mouth", "brows", "eyes"):
        changed = (
            planted_editing.replace_face(made, 3, {name: 0.7}).values
            - planted_editing.replace_face(made, 3, {name: -0.7}).values
        )
        rows = np.abs(changed.reshape(24, 24)).sum(1)
        centre = float((rows * np.arange(24)).sum() / rows.sum())
        assert (centre > 13) == (name == "mouth")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one word"),
        ("  ...", "at least one word"),
        ("the plot was graet", "Did you mean 'great'"),
        ("the <b>plot</b>", "not in the vocabulary"),
        (" ".join(["um"] * 25), "at most 24 words"),
        ("good and bad but odd", "at most two clauses"),
        ("x" * 1999, "not in the vocabulary"),
        ("good" + " " * 2000, "at most 2,000 letters"),
    ],
)
def test_sentences_outside_the_grammar_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        planted_editing.replace_words(text)


def test_spelling_variants_of_known_words_are_read() -> None:
    assert planted_editing.parse("The plot, was GREAT!") == ("the", "plot", "was", "great")
    assert planted_editing.replace_words("the plot was not great").latent == pytest.approx(
        opinion_texts.OPINIONS["great"] * opinion_texts.NEGATED
    )


def test_invalid_controls_are_refused(planted: Any) -> None:
    made = planted_editing.find_recipe(planted)
    with pytest.raises(NotFound, match="Control 'nose'"):
        planted_editing.replace_face(made, 0, {"nose": 1})
    with pytest.raises(InvalidInput, match="`pitch` must lie between -1 and 1"):
        planted_editing.replace_voice(made, 0, {"pitch": 3})
    with pytest.raises(InvalidInput, match="`eyes`"):
        planted_editing.replace_face(made, 0, {"eyes": float("nan")})


def test_other_data_have_no_recipe() -> None:
    assert planted_editing.find_recipe(data.load("digits")) is None
