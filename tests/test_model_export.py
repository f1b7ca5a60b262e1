"""Exported models equal the tweaked page in every format and load without qfusion where possible."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import data, model_export
from qfusion.cli import main
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import base
from qfusion.quantum.states import partial_trace
from qfusion.study.opening import open_sample, open_study, tweak_model
from qfusion.training import checkpoint, checkpoint_cards, metrics

PLANTED, PARITY = ("qj-planted", "planted", "p0031"), ("qcnn-parity", "parity", "pair-0004")
TWEAKS = {
    "qj-parity": "H.left-right=0.5,D.left=1.5,T=1.2",
    "qj-planted": "H.text-audio=0.5,D.text=1.5,T=1.2",
    "qcnn-parity": "all:and,2.01=1.57",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the reader's own models."""
    monkeypatch.setenv("QFUSION_MODELS", str(tmp_path / "models"))
    return tmp_path


def scores(model: Any, dataset: Any, rows: Any) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(dataset.inputs(rows, dtype=torch.float64)))


@pytest.mark.parametrize(("name", "source", "_"), [PLANTED, PARITY])
def test_tweaked_checkpoint_equals_the_tweaked_model(
    name: str, source: str, _: str, folder: Path
) -> None:
    found, dataset = checkpoint.load(name), data.load(source)
    model_export.add_to_own_models(found, TWEAKS[name], dataset, "mine")
    assert "mine" in checkpoint_cards.available()
    mine, rows = checkpoint.load("mine"), dataset.rows("test")
    changed, words = tweak_model(found.model, TWEAKS[name])
    wanted = scores(changed, dataset, rows)
    assert np.abs(scores(mine.model, dataset, rows) - wanted).max() < 2e-6 * np.abs(wanted).max()
    assert np.abs(scores(found.model, dataset, rows) - wanted).max() > 0.1
    assert mine.card["made_from"] == {
        "model": name,
        "weights_sha256": found.card["weights_sha256"],
        "tweak": words,
    }
    measured = metrics.evaluate(mine.model, dataset, "test")
    assert mine.card["this_seed"]["test"] == pytest.approx(measured)
    assert all(len(each["values"]) == 1 for each in mine.card["metrics"]["test"].values())
    assert words in mine.card["notes"]
    with pytest.raises(InvalidInput, match="already"):
        model_export.add_to_own_models(found, "", dataset, "mine")


def test_an_untweaked_checkpoint_keeps_card_and_weights(folder: Path) -> None:
    found, dataset = checkpoint.load("qcnn-parity"), data.load("parity")
    copied = checkpoint.load(model_export.save_checkpoint(folder / "copy.json", found, "", dataset))
    assert copied.card["metrics"] == found.card["metrics"]
    assert copied.card["weights_sha256"] == found.card["weights_sha256"]


def test_separate_and_frozen_tables_are_baked() -> None:
    from qfusion.training.checkpoint import Checkpoint
    from tests.support.entangled import model_of

    for settings in ({"tables": "separate"}, {"freeze_rule": True}):
        model = model_of(4, rule="mean", **settings)
        specs = {
            name: {"size": spec.size, "sequence": spec.sequence, "shape": spec.shape}
            for name, spec in model.input_specs.items()
        }
        found = Checkpoint(
            model,
            {
                "model": model.kind,
                "inputs": specs,
                "outputs": list(model.outputs),
                "settings": model.settings,
            },
        )
        own, _ = model_export.bake_tweak(found, "all:or")
        changed, _ = tweak_model(model, "all:or")
        assert torch.allclose(own.phi.double(), changed.phi.double(), atol=1e-6)


@pytest.mark.parametrize("name", ["..", "a/b", "", "x.json", "a b", "-x", "x" * 65, "x\n"])
def test_invalid_names_are_refused(name: str, folder: Path) -> None:
    with pytest.raises(InvalidInput, match="A model's name"):
        model_export.validate_name(name)


def test_qutip_objects_evolve_to_the_same_scores(tmp_path: Path) -> None:
    import qutip

    name, source, sample = PLANTED
    one = open_sample(name, sample, source, tweak=TWEAKS[name])
    (tmp_path / "physics.qu").write_bytes(model_export.qutip_bytes(one))
    found = qutip.qload(str(tmp_path / "physics"))
    assert found["H"].dims == [[4, 4, 4], [4, 4, 4]]
    assert found["psi0"].dims[0] == [4, 4, 4]
    assert (sum(found["terms"].values()) - found["H"]).norm() < 1e-10
    score = qutip.expect(found["heisenberg"]["score"], found["psi0"]) + found["bias"]["score"]
    assert score == pytest.approx(one.score, abs=1e-9)
    assert qutip.expect(found["observables"]["score"], found["rho_T"]) + found["bias"][
        "score"
    ] == pytest.approx(one.score, abs=1e-9)
    end = qutip.mesolve(
        found["H"],
        found["psi0"].proj(),
        [0, found["T"]],
        found["jumps"],
        options={"matrix_form": True, "method": "vern7", "rtol": 1e-9, "atol": 1e-11},
    ).states[-1]
    assert (end - found["rho_T"]).norm() < 1e-6
    assert model_export.qutip_bytes(one) == model_export.qutip_bytes(
        open_sample(name, sample, source, tweak=TWEAKS[name])
    )


@pytest.mark.parametrize(("name", "source", "sample"), [PLANTED, PARITY])
def test_arrays_describe_themselves_and_add_up(name: str, source: str, sample: str) -> None:
    one = open_sample(
        name,
        sample,
        source,
        tweak=TWEAKS[name],
        contrast="p0004" if source == "planted" else "pair-0011",
    )
    content = model_export.arrays_bytes(one)
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        found = {key: file[key] for key in file.files}
    said = {line.split(" ")[0] for line in found["about"]}
    assert {key.replace(" ", "") for key in found if key != "about"} >= {
        key for key in said if key in found
    }
    assert len(found["about"]) == len(found) - 1
    origin = json.loads(str(found["made_from"]))
    assert (origin["sample"], origin["tweak"]) == (sample, one.tweak_text)
    assert np.allclose(found["dividends"].sum(0), found["scores"])
    assert np.allclose(found["dividends_over"][-1], found["dividends"])
    if source == "planted":
        parts = sum(found[key] for key in found if key.startswith("H["))
        assert np.allclose(parts, found["H"])
        assert np.trace(found["observables"][-1, 0] @ found["rho"][0]).real + found["bias"][
            0
        ] == pytest.approx(found["scores"][0])
        dims, read = (
            found["dims"].tolist(),
            {key: found[key] for key in found if key.startswith("measurement_vectors")},
        )
        final, p = torch.as_tensor(found["rho"][-1]), []
        for key, v in read.items():
            part = [("text", "audio", "vision").index(key[20:-1])] if "[" in key else [0, 1, 2]
            p.append(
                np.einsum("ja,ab,jb->j", v.conj(), partial_trace(final, dims, part).numpy(), v).real
            )
        assert found["weights"][0] @ np.concatenate(p) + found["bias"][0] == pytest.approx(
            found["scores"][0]
        )
    else:
        assert np.allclose(np.trace(found["qubit_states"], axis1=-2, axis2=-1), 1)
        words = found["observables"]
        for vector in found["fused"]:
            words = np.tensordot(words, vector, (1, 0))
        assert np.allclose(words + found["bias"], found["scores"])
    assert content == model_export.arrays_bytes(
        open_sample(name, sample, source, tweak=TWEAKS[name], contrast=one.background.label)
    )


JUMP = ("qj-parity", "parity", "pair-0004")


def raw_scores(name: str, sample: str, tweak: str) -> np.ndarray:
    """The scores (C,) with which a model was trained."""
    found, dataset = checkpoint.load(name), data.load("parity")
    return scores(tweak_model(found.model, tweak)[0], dataset, [dataset.row(sample)])[0]


@pytest.mark.parametrize(("name", "source", "sample"), [JUMP, PARITY])
@pytest.mark.parametrize("changed", [False, True])
def test_arrays_of_a_classifier_give_log_odds(
    name: str, source: str, sample: str, changed: bool
) -> None:
    tweak = TWEAKS[name] if changed else ""
    found, dataset = checkpoint.load(name), data.load(source)
    content = model_export.file_bytes("numpy", found, dataset, tweak=tweak, sample=sample)
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    z = raw_scores(name, sample, tweak)
    assert arrays["scores"] == pytest.approx(z - z[::-1], abs=1e-9)
    chances = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    scaled = np.exp(arrays["logit_scale"] * arrays["scores"])
    assert scaled / scaled.sum() == pytest.approx(chances, abs=1e-9)
    assert arrays["dividends"].sum(0) == pytest.approx(arrays["scores"])
    assert arrays["values"][-1] == pytest.approx(arrays["scores"])
    about = "\n".join(arrays["about"])
    assert "scores (2,): (C,) log-odds of each class against the others (nats)" in about
    assert "logits" not in about
    if name == PARITY[0]:
        read = arrays["observables"]
        for vector in arrays["fused"]:
            read = np.tensordot(read, vector, (1, 0))
    else:
        rho = arrays["rho"]
        read = np.einsum("cij,ji->c", arrays["observables"][-1], rho[0]).real
        p = []
        for key in (key for key in arrays if key.startswith("measurement_vectors")):
            v = arrays[key]
            names = arrays["modalities"].tolist()
            part = [names.index(key[20:-1])] if "[" in key else [*range(len(names))]
            of_part = partial_trace(torch.as_tensor(rho[-1]), arrays["dims"].tolist(), part)
            p.append(np.einsum("ja,ab,jb->j", v.conj(), of_part.numpy(), v).real)
        assert arrays["weights"] @ np.concatenate(p) + arrays["bias"] == pytest.approx(
            arrays["scores"], abs=1e-6
        )
    assert read + arrays["bias"] == pytest.approx(arrays["scores"], abs=1e-9)


def test_qutip_objects_of_a_classifier_give_log_odds(tmp_path: Path) -> None:
    import qutip

    name, source, sample = JUMP
    content = model_export.file_bytes(
        "qutip", checkpoint.load(name), data.load(source), sample=sample
    )
    (tmp_path / "physics.qu").write_bytes(content)
    found = qutip.qload(str(tmp_path / "physics"))
    z = raw_scores(name, sample, "")
    for label, wanted in zip(found["bias"], z - z[::-1], strict=True):
        early = qutip.expect(found["heisenberg"][label], found["psi0"]) + found["bias"][label]
        late = qutip.expect(found["observables"][label], found["rho_T"]) + found["bias"][label]
        assert (early, late) == (pytest.approx(wanted, abs=1e-8), pytest.approx(wanted, abs=1e-8))


@pytest.mark.parametrize("name", ["qj-parity", "qcnn-parity"])
def test_common_part_of_all_classes_can_be_removed(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, dataset = checkpoint.load(name), data.load("parity")
    rows = dataset.rows("test")[:40]
    for tweak in ("", TWEAKS[name]):
        before = scores(tweak_model(found.model, tweak)[0], dataset, rows)
        centred = before - before.mean(1, keepdims=True)
        assert np.abs(before.mean(1)).max() > 0.05
        words = ["export", "--model", name, *(["--set", tweak] if tweak else [])]
        place = folder / f"{'tweaked' if tweak else 'plain'}.json"
        more = ["--format", "checkpoint", "--centred", "--out", str(place), "--json"]
        code, printed, error = run([*words, *more], capsys)
        assert code == 0, error
        assert json.loads(printed)["centred"]
        mine = checkpoint.load(place)
        assert scores(mine.model, dataset, rows) == pytest.approx(centred, abs=1e-5)
        assert (mine.model.logit_scale, mine.model.score_kind) == (1.0, "")
        for path in mine.model.head_parameters():
            assert float(mine.model.get_parameter(path).mean(0).abs().max()) < 1e-6
        assert mine.card["made_from"]["centred"]
        assert "The mean over classes is subtracted" in mine.card["notes"]
    kept = checkpoint.load(folder / "plain.json").card
    assert kept["metrics"] == found.card["metrics"]
    study, centred_study = (open_study(where, "parity") for where in (name, folder / "plain.json"))
    assert centred_study.scores[rows] == pytest.approx(study.scores[rows], abs=1e-5)


def test_models_without_a_shared_part_are_not_centred() -> None:
    found, dataset = checkpoint.load("qj-parity"), data.load("parity")
    with pytest.raises(InvalidInput, match="`centred` does not fit format 'numpy'"):
        model_export.file_bytes("numpy", found, dataset, sample="pair-0004", centred=True)
    with pytest.raises(InvalidInput, match="one output has no classes"):
        base.centre_scores(checkpoint.load("qj-planted").model)
    from tests.support.small_models import model_of

    with pytest.raises(InvalidInput, match="no linear head"):
        base.centre_scores(model_of("tensor", 2, outputs=3))


def run(arguments: list[str], capsys: Any) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, error = capsys.readouterr()
    return ended.value.code, out, error


def test_the_command_writes_each_format(tmp_path: Path, capsys: Any) -> None:
    model, _, sample = PARITY
    start = ["export", "--model", model, "--set", "all:and", "--set", "2.01=1.57"]
    for kind, ending, more in (
        ("checkpoint", ".json", []),
        ("checkpoint", ".zip", []),
        ("openqasm3", ".qasm", ["--sample", sample]),
        ("openqasm2", ".qasm", ["--sample", sample]),
        ("quantikz", ".tex", ["--sample", sample]),
        ("numpy", ".npz", ["--sample", sample]),
    ):
        out = tmp_path / f"{kind}{ending}"
        code, printed, error = run(
            [*start, "--format", kind, "--out", str(out), *more, "--json"], capsys
        )
        assert code == 0, error
        assert json.loads(printed)["tweak"] == "all:and,2.01=1.57"
        assert out.is_file()
    assert (tmp_path / "openqasm3.qasm").read_text().startswith("OPENQASM 3.0;")
    assert (tmp_path / "openqasm2.qasm").read_text().startswith("OPENQASM 2.0;")
    assert (tmp_path / "quantikz.tex").read_text().count(r"\begin{quantikz}") > 1
    with zipfile.ZipFile(tmp_path / "checkpoint.zip") as packed:
        assert packed.namelist() == ["checkpoint.json", "checkpoint.safetensors"]
        assert (
            packed.read("checkpoint.safetensors")
            == (tmp_path / "checkpoint.safetensors").read_bytes()
        )
    assert run(["evaluate", "--model", str(tmp_path / "checkpoint.json"), "--json"], capsys)[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            [
                "--model",
                "qcnn-digits",
                "--format",
                "qutip",
                "--out",
                "x.qu",
                "--sample",
                "digit-0004",
            ],
            "does not exist for a model of kind",
        ),
        (
            [
                "--model",
                "qj-planted",
                "--format",
                "openqasm3",
                "--out",
                "x.qasm",
                "--sample",
                "p0031",
            ],
            "OpenQASM has no statement",
        ),
        (["--model", "qj-planted", "--format", "numpy", "--out", "x.npz"], "is of one sample"),
        (
            ["--model", "qj-planted", "--format", "numpy", "--out", "x.npz", "--sample", "nobody"],
            "'nobody' does not exist",
        ),
        (
            ["--model", "qj-planted", "--format", "onnx", "--out", "x.onnx"],
            "Format 'onnx' does not exist",
        ),
        (
            [
                "--model",
                "qj-planted",
                "--format",
                "checkpoint",
                "--out",
                "x.json",
                "--set",
                "H.text=99",
            ],
            "must lie between",
        ),
        (
            [
                "--model",
                "qj-planted",
                "--format",
                "checkpoint",
                "--out",
                "x.json",
                "--set",
                "H.smell=1",
            ],
            "does not exist",
        ),
        (
            ["--model", "qj-planted", "--format", "checkpoint", "--out", "a b.json"],
            "A model's name",
        ),
        (
            [
                "--model",
                "qj-planted",
                "--data",
                "digits",
                "--format",
                "checkpoint",
                "--out",
                "x.json",
            ],
            "trained on, 'planted'",
        ),
        (
            [
                "--model",
                "qj-planted",
                "--format",
                "numpy",
                "--out",
                "no/such/x.npz",
                "--sample",
                "p0031",
            ],
            "no folder",
        ),
    ],
)
def test_unsupported_exports_are_refused_in_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, error = run(["export", *words], capsys)
    assert (code, printed) == (1, "")
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_unknown_formats_are_refused() -> None:
    with pytest.raises(NotFound, match="Format 'pickle'"):
        model_export.unsupported_reason("pickle", checkpoint.load("qj-planted"))
