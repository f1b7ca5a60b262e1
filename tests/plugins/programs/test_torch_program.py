"""Programs of torch.export equal the tweaked model, and loading them needs torch alone."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qfusion import data, model_export
from qfusion.cli import main
from qfusion.models import build
from qfusion.plugins.programs.torch_program import PRECISIONS, NetworkPredictor, export_program
from qfusion.study.opening import tweak_model
from qfusion.training import checkpoint
from tests.support.entangled import model_of

TWEAKS = {
    "qj-parity": "H.left-right=0.5,D.left=1.5,T=1.2",
    "qcnn-parity": "all:and,2.01=1.57",
}


def scores(model: Any, dataset: Any, rows: Any) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model(dataset.inputs(rows, dtype=torch.float64)))


LOADER = """
import json, sys
import numpy as np, torch
assert not any("qfusion" in path for path in sys.path), sys.path
try:
    import qfusion
    raise SystemExit("qfusion can be imported")
except ImportError:
    pass
for name in sys.argv[1:]:
    about = {"qfusion.json": ""}
    program = torch.export.load(f"{name}.pt2", extra_files=about)
    values = [node.meta.get("val") for node in program.graph.nodes]
    kinds = {value.dtype for value in values if isinstance(value, torch.Tensor)}
    assert kinds
    assert not any(kind.is_complex for kind in kinds)
    loaded = program.module()
    said = json.loads(about["qfusion.json"])
    given = np.load(f"{name}.npz")
    with torch.no_grad():
        scores = loaded(*[torch.from_numpy(given[f"x{i}"]) for i in range(len(said["inputs"]))]).numpy()
    print(float(np.abs(scores - given["wanted"]).max()), said["tweak"])
"""


def test_programs_of_torch_need_torch_alone(tmp_path: Path) -> None:
    """In one process, which can import nothing of qfusion."""
    close = {}
    for name, source, precision, within in (
        ("qj-parity", "parity", "double", 1e-10),
        ("qcnn-parity", "parity", "single", 1e-5),
    ):
        found, dataset = checkpoint.load(name), data.load(source)
        (tmp_path / f"{name}.pt2").write_bytes(
            model_export.file_bytes(
                "torch", found, dataset, tweak=TWEAKS[name], precision=precision
            )
        )
        rows, changed = dataset.rows("test")[:17], tweak_model(found.model, TWEAKS[name])[0]
        inputs = dataset.inputs(rows, dtype=torch.float64)
        flat = [
            part
            for each in changed.modalities
            for part in (inputs[each] if isinstance(inputs[each], tuple) else (inputs[each],))
        ]
        dtype = PRECISIONS[precision]
        given = {
            f"x{i}": (x.to(dtype) if x.is_floating_point() else x).numpy()
            for i, x in enumerate(flat)
        }
        wanted = scores(changed, dataset, rows)
        np.savez(tmp_path / f"{name}.npz", wanted=wanted, **given)
        close[name] = within * max(1.0, float(np.abs(wanted).max()))
    (tmp_path / "load.py").write_text(LOADER)
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "load.py"), *close],
        cwd=tmp_path,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for (name, within), line in zip(close.items(), lines, strict=True):
        off, said = line.split()
        assert float(off) < within
        assert said == TWEAKS[name]


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_convolutions_over_colours_and_over_words_are_exported(kind: str) -> None:
    torch.manual_seed(0)
    specs = {
        "picture": {"size": 108, "sequence": False, "shape": (6, 6, 3)},
        "question": {"size": 5, "sequence": True},
    }
    model = build(kind, specs, ("no", "yes"), dict(encoder="cnn-pool", pooling="conv", hidden=8))
    model = model.double().eval()
    picture, words = (torch.randn(7, *size, dtype=torch.float64) for size in ((108,), (4, 5)))
    real = torch.arange(4) < torch.tensor([1, 2, 3, 4, 4, 1, 2])[:, None]
    program = export_program(model, steps={"question": 4}).module()
    with torch.no_grad():
        wanted = model({"picture": picture, "question": (words, real)})
        torch.testing.assert_close(program(picture, words, real), wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("settings", [{"circuit_pooling": "controlled"}, {"head": "retained"}])
def test_the_program_of_a_network_equals_it(settings: dict[str, str]) -> None:
    model = model_of(4, 2, **settings)
    features = {name: torch.randn(5, 3, dtype=torch.float64) for name in model.modalities}
    found = NetworkPredictor(model)(*features.values()).detach()
    assert found.numpy() == pytest.approx(model(features).detach().numpy(), abs=1e-12)


@pytest.mark.parametrize("name", ["qj-parity", "qcnn-parity"])
def test_common_part_of_all_classes_can_be_removed(name: str) -> None:
    found, dataset = checkpoint.load(name), data.load("parity")
    rows = dataset.rows("test")[:40]
    before = scores(tweak_model(found.model, TWEAKS[name])[0], dataset, rows)
    inputs = dataset.inputs(rows, dtype=torch.float64)
    for centred in (False, True):
        content = model_export.file_bytes(
            "torch", found, dataset, tweak=TWEAKS[name], centred=centred
        )
        program = torch.export.load(io.BytesIO(content)).module()
        wanted = before - before.mean(1, keepdims=True) if centred else before
        with torch.no_grad():
            assert program(*inputs.values()).numpy() == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.pt2", "--sample", "p0031"], "Leave `--sample` out"),
        (["--out", "x.zip"], "must end in .pt2"),
    ],
)
def test_what_does_not_fit_the_format_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--model", "qj-planted", "--format", "torch", *words])
    assert said in capsys.readouterr().err
