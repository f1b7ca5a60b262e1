"""MMSA pickles: supported contents, and refused hostile or damaged files."""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.data.readers import mmsa, variables
from qfusion.errors import InvalidInput
from tests.support import importable

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
THINGS = {
    "floats": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "bool": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "words": np.array(["a", "bé", "语"]),
    "objects": np.array(["x", "yy", None, 3.5], dtype=object),
    "bytes": np.array([b"ab", b"c"]),
    "half": np.ones(2, np.float16),
}
PLAIN = {
    "list": [1, -2, 3.5, None, True, 2**40, -(2**70)],
    "text": "ä" * 300,
    "tuple": (1, (2, 3, 4, 5)),
    "set": {1, 2},
    "scalar": np.float64(2.5),
    "word": np.str_("hi"),
    "ordered": collections.OrderedDict(a=1),
    "default": collections.defaultdict(list, {"k": [1]}),
}


def read(content: bytes, folder: Path, name: str = "x.pkl") -> Any:
    """What a pickle of these bytes holds."""
    path = folder / name
    path.write_bytes(content)
    return variables.read_pickle(path)


class Runs:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickles_of_numpy_and_python_are_read(protocol: int, tmp_path: Path) -> None:
    content = read(pickle.dumps({**THINGS, **PLAIN}, protocol), tmp_path)
    for name, thing in THINGS.items():
        assert content[name].shape == thing.shape
        assert content[name].tolist() == thing.tolist(), name
    assert {name: content[name] for name in PLAIN} == PLAIN


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("thing", "named"),
    [
        (Runs(os.system, "touch hacked"), r"(posix|nt)\.system"),
        (Runs(eval, "open('hacked','w')"), r"(builtins|__builtin__)\.eval"),
        (Runs(np.load, "hacked.npy"), r"numpy\.load"),
        (Runs(getattr, "np", "load"), r"getattr"),
        (Runs(open, "hacked", "w"), r"\.open"),
        ({"train": {"text": [np.zeros(2), Runs(exec, "x")]}}, r"\.exec"),
        (np.random.default_rng, r"numpy\.random"),
        (Path("x"), r"pathlib"),
    ],
)
def test_other_functions_are_refused_by_name(
    protocol: int, thing: Any, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=rf"asks for `.*{named}.*`, which is refused"):
        read(pickle.dumps(thing, protocol), tmp_path)
    assert os.listdir(tmp_path) == ["x.pkl"]


def test_refusal_is_shown_to_the_importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(Runs(os.system, "touch hacked"))
    with pytest.raises(
        InvalidInput, match=r"^The pickle asks for `posix.system`, which is refused"
    ):
        read(content, tmp_path)
    assert os.listdir(tmp_path) == ["x.pkl"]


@pytest.mark.parametrize(
    "content",
    [
        b"cposix\nsystem\n(S'touch hacked'\ntR.",
        b"(S'touch hacked'\niposix\nsystem\n.",
        b"\x80\x02(cposix\nsystem\nX\x05\x00\x00\x00touchoR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x01x\x85R.",
        b"Phacked\n.",
        b"\x82\x01.",
        b"\x97.",
        b"\x80\x05\x98.",
        b"Sabc\n.",
        b"Nt.",
        b"N\x86.",
        b"](NNu.",
        b"}(Nu.",
        b"N)R.",  # no quotes, no mark, too few, no dictionary, no pair
    ],
)
def test_handwritten_tricks_are_refused(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput):
        read(content, tmp_path)
    assert os.listdir(tmp_path) == ["x.pkl"]


def test_moderately_shared_objects_are_read(tmp_path: Path) -> None:
    content = importable.mmsa()
    content["train"]["id"] = [["one", "two"]] * 40
    path = importable.write_mmsa(tmp_path / "m.pkl", content)
    assert mmsa.read_mmsa(path, tmp_path).ids[39] == "one_two"


def test_a_pickle_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(importable.mmsa())
    for part in range(20):
        with pytest.raises(InvalidInput, match=r"cut short|damaged"):
            read(content[: len(content) * part // 20 + 1], tmp_path)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_stored_set_equals_the_pickle(aligned: bool, protocol: int, tmp_path: Path) -> None:
    content = importable.mmsa(aligned=aligned)
    importing.import_set(
        [importable.write_mmsa(tmp_path / "m.pkl", content, protocol)], f"kept-{aligned}-{protocol}"
    )
    found = data.load(f"kept-{aligned}-{protocol}")
    assert found.names == ("text", "audio", "vision")
    assert [len(found.rows(split)) for split in importable.COUNTS] == list(
        importable.COUNTS.values()
    )
    for split in importable.COUNTS:
        rows, part = found.rows(split), content[split]
        assert found.ids[rows].tolist() == part["id"]
        assert found.y[rows].tolist() == pytest.approx(part["regression_labels"])
        assert found.table["text"].iloc[rows[3]] == part["raw_text"][3]
        for m in found.modalities:
            steps = min(m.values.shape[1], part[m.name].shape[1])
            assert np.array_equal(m.values[rows, :steps], part[m.name][:, :steps])
            if not aligned and m.name != "text":
                assert m.lengths[rows].tolist() == part[f"{m.name}_lengths"]
        assert found.modalities[0].lengths[rows].tolist() == part["text_bert"][:, 1].sum(1).tolist()
    assert found.target.range == (-3, 3)
    assert found.unimodal is None


def test_unimodal_labels_of_ch_sims_are_stored(tmp_path: Path) -> None:
    content = importable.mmsa(sims=True)
    importing.import_set([importable.write_mmsa(tmp_path / "sims.pkl", content)], "sims")
    found = data.load("sims")
    assert found.target.range == (-1, 1)
    assert list(found.unimodal.columns) == ["text", "audio", "vision"]
    assert found.unimodal.index.tolist() == found.ids.tolist()
    assert found.unimodal["audio"].to_numpy()[found.rows("test")].tolist() == pytest.approx(
        content["test"]["regression_labels_A"].tolist()
    )


def change(**changes: Any) -> Any:
    content = importable.mmsa()
    for part in content.values():
        for key, value in changes.items():
            new = value(part)
            part.pop(key, None) if new is None else part.update({key: new})
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "must hold a dictionary"),
        ({"a": 1}, "must hold 'train', 'valid' and 'test', but holds"),
        ({"train": {"x": 1}}, "must hold at least one of"),
        (
            change(
                regression_labels=lambda p: None,
                annotations=lambda p: None,
                classification_labels=lambda p: None,
            ),
            "must hold `regression_labels`",
        ),
        (
            change(audio=lambda p: p["audio"][:-1]),
            "Modality 'audio' of 'train' in `m.pkl` must have 40 samples",
        ),
        (change(audio=lambda p: p["audio"][..., None]), "must have shape"),
        (change(audio_lengths=lambda p: [99] * len(p["id"])), r"must lie in 0\.\.30"),
        (change(audio_lengths=lambda p: [2.5] * len(p["id"])), "must hold whole numbers"),
        (change(vision=lambda p: np.array([["x"] * 3] * len(p["id"]))), "must hold real numbers"),
        (
            change(regression_labels=lambda p: p["regression_labels"][:3]),
            "must hold one entry for each",
        ),
        (change(id=lambda p: p["id"][:2]), "must hold one entry for each"),
    ],
)
def test_other_layouts_are_refused(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        importing.import_set([importable.write_mmsa(tmp_path / "m.pkl", content)], "never")
    assert "never" not in data.names()


def test_ragged_lists_vectors_and_old_shapes_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    content = change(
        audio=lambda p: [rng.normal(size=(rng.integers(1, 9), 5)) for _ in p["id"]],
        audio_lengths=lambda p: None,
        vision=lambda p: p["vision"][:, 0],
        text_bert=lambda p: None,
        regression_labels=lambda p: p["regression_labels"][:, None, None],
        id=lambda p: np.array([[name, "1", "2"] for name in p["id"]]),
    )
    importing.import_set([importable.write_mmsa(tmp_path / "m.pkl", content)], "ragged")
    found = data.load("ragged")
    audio = found.modalities[1]
    assert audio.lengths[:40].tolist() == [len(each) for each in content["train"]["audio"]]
    assert np.array_equal(
        audio.values[0, : audio.lengths[0]], content["train"]["audio"][0].astype(np.float32)
    )
    assert not found.modalities[2].is_sequence
    assert found.ids[0] == "cliptrain$_$0_1_2"


def test_a_pickle_of_another_python_is_read(tmp_path: Path) -> None:
    """Python 2 wrote text as bytes."""
    assert read(b"\x80\x02}U\x05trainU\x03abcs.", tmp_path) == {"train": "abc"}


def found_in(content: Any, tmp_path: Path, **options: Any) -> tuple[Any, dict[str, Any]]:
    """What is kept of a pickle, and what its report finds."""
    path = importable.write_mmsa(tmp_path / "m.pkl", content)
    report = importing.import_set([path], "found", replace=True, **options)
    return data.load("found"), {finding.code: finding for finding in report.findings}


def test_samples_without_ids_words_or_steps(tmp_path: Path) -> None:
    def shorter(part: dict[str, Any]) -> list[int]:
        return [0, *part["audio_lengths"][1:]]

    content = change(
        id=lambda p: None,
        raw_text=lambda p: None,
        audio_lengths=shorter,
        text_bert=lambda p: p["text_bert"][:, 0],
    )
    kept, said = found_in(content, tmp_path)
    assert kept.ids[:2].tolist() == ["train-0001", "train-0002"]
    assert kept.ids[40] == "valid-0001"
    assert "numbered" in said
    assert (
        said["empty-sequence"].words
        == "3 samples have no step. They are read as one step of zeros."
    )
    assert not kept.modalities[1].values[[0, 40, 50]].any()
    assert kept.modalities[1].lengths[[0, 40, 50]].tolist() == [1, 1, 1]
    assert "text" not in kept.table


def test_scores_between_minus_one_and_one_have_that_range(tmp_path: Path) -> None:
    content = importable.mmsa(counts={"train": 80, "valid": 10, "test": 20})
    for part in content.values():
        part["regression_labels"] = part["regression_labels"] / 4
    kept, said = found_in(content, tmp_path)
    assert kept.target.range == (-1, 1)
    assert said["range"].words == "All scores lie in [-1, 1], which is taken for their range."


def test_values_beyond_single_precision_are_reported(tmp_path: Path) -> None:
    content = change(vision=lambda p: p["vision"].astype(np.float64))
    content["train"]["vision"][3, 0, 1] = 1e300
    with pytest.raises(InvalidInput, match="1 infinite"):
        found_in(content, tmp_path)
    _, said = found_in(content, tmp_path, repair=["fill-zero"])
    assert (
        said["too-large"].words
        == "1 values are too large for single precision and count as infinite."
    )
    assert (said["too-large"].where, said["too-large"].severity) == ("vision", "warning")


@pytest.mark.parametrize(
    "entry", [lambda row: np.zeros((2, 5 + row % 2)), lambda row: np.zeros((2, 5, 1))]
)
def test_sequences_of_different_features_are_refused(entry: Any, tmp_path: Path) -> None:
    content = change(
        audio=lambda p: [entry(row) for row in range(len(p["id"]))], audio_lengths=lambda p: None
    )
    with pytest.raises(
        InvalidInput, match=r"Sequences must each have shape \(T, F\) with the same F"
    ):
        found_in(content, tmp_path)


def test_lists_of_vectors_are_no_sequences(tmp_path: Path) -> None:
    kept, _ = found_in(
        change(audio=lambda p: list(p["audio"][:, 0]), audio_lengths=lambda p: None), tmp_path
    )
    assert not kept.modalities[1].is_sequence
    assert kept.modalities[1].size == 5
