"""What resources do in the shipped models as they are trained, without another training.

    QFUSION_DATA=FOLDER python benchmarks/cut_resources.py [cuts] [inert]

`cuts`: what QiNN-QJ loses on test rows when coherence, entanglement or correlation is cut from it, a table of
docs/plugins/why.md. `inert`: by how much the scores of the entangled network change when its modality qubits are
measured before the fusion, so that it entangles nothing: a sentence of docs/entangled-qcnn.md. That is worked out by
density matrices: the modality qubits of an element are dephased in Z, the multiplexed rotation acts, and they are
traced out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from qfusion.plugins.why.audit import resource_cuts  # noqa: E402
from qfusion.study.metric_gains import main_metric  # noqa: E402
from qfusion.study.opening import open_study  # noqa: E402
from qfusion.study.study import Study  # noqa: E402

JUMPS = ("qj-parity", "qj-avparity", "qj-avagree", "qj-scenes", "qj-planted", "qj-mosi")
NETWORKS = (
    "qcnn-parity",
    "qcnn-avparity",
    "qcnn-scenes",
    "qcnn-easyvqa",
    "qcnn-digits",
    "qcnn-avdigits",
    "qcnn-houston",
)
PAGE = ROOT / "docs" / "plugins" / "why.md"
AT_ONCE = 64  # test rows


def cuts(names: Sequence[str]) -> str:
    """Returns the table of what the test result loses, a row a model and a column a cut."""
    columns: list[str] = []
    rows = []
    for name in names:
        print(name, file=sys.stderr, flush=True)
        study = open_study(name)
        frame = resource_cuts.cut_resources(study).set_index("resource")
        columns = frame.index.tolist()
        cells = [
            f"{row['loses']:+.3f} [{row['loses:low']:+.3f}, {row['loses:high']:+.3f}]"
            for _, row in frame.iterrows()
        ]
        test = study.explained_rows[np.isin(study.explained_rows, study.dataset.rows("test"))]
        some = resource_cuts.dephased_rows(study, test)
        if len(some) < len(test):
            cells[-1] += f", {len(some)} rows"
        whole = f"{frame['with'].iloc[0]:.3f} {main_metric(study.dataset)[1].short}"
        rows.append([f"`{name}`", whole, f"{len(test):,}", *cells])
    return tables.markdown(["Model", "Whole", "Test rows", *columns], rows)


@torch.no_grad()
def change(study: Study) -> tuple[float, float]:
    """Returns the largest difference that measuring the modality qubits first makes to a score of a test row, and the
    largest score."""
    model, data = study.trained, study.dataset
    rows = data.rows("test")
    most = largest = 0.0
    for start in range(0, len(rows), AT_ONCE):
        inputs = data.inputs(rows[start : start + AT_ONCE], torch.float64)
        encoded = model.encode(inputs)
        masses = torch.stack([encoded[name] for name in model.modalities], -1)
        measured = model.read(fused_vectors(masses, model.phi)) + model.bias
        scores = model(inputs)
        most = max(most, float((measured - scores).abs().max()))
        largest = max(largest, float(scores.abs().max()))
    return most, largest


def fused_vectors(masses: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
    """Returns the vectors (1, <X>, <Z>) of the fused qubits, (B, n, 3), where the modality qubits were dephased in Z
    before the fusion.

    Args:
        masses: of the modality qubits, (B, n, M). phi: angles of all 2^M outcomes, (n, 1, 2^M).
    """
    rho = torch.ones(*masses.shape[:-1], 1, 1, dtype=masses.dtype)
    for p in masses.unbind(-1):
        ket = torch.stack([(1 - p).sqrt(), p.sqrt()], -1)
        one = ket[..., :, None] * ket[..., None, :]
        product = rho[..., :, None, :, None] * one[..., None, :, None, :]
        rho = product.flatten(-2).flatten(-3, -2)
    measured = rho * torch.eye(rho.shape[-1], dtype=rho.dtype)
    half = phi[:, 0] / 2
    turned = torch.stack([half.cos(), half.sin()], -1)  # RY(phi_ib) |0>, (n, 2^M, 2)
    whole = torch.einsum("znab,nai,nbj->znaibj", measured, turned, turned)
    fused = torch.einsum("znaiaj->znij", whole)
    x, z = 2 * fused[..., 0, 1], fused[..., 0, 0] - fused[..., 1, 1]
    return torch.stack([torch.ones_like(x), x, z], -1)


def inert(names: Sequence[str]) -> str:
    """Returns the sentence on what the fusion's entanglement does to the scores of some networks."""
    found = []
    for name in names:
        study = open_study(name)
        most, largest = change(study)
        print(name, len(study.dataset.rows("test")), most, largest, file=sys.stderr, flush=True)
        found.append((most, largest, len(study.dataset.rows("test"))))
    most = max(change for change, _, _ in found)
    largest = max(largest for _, largest, _ in found)
    rows = sum(rows for _, _, rows in found)
    return (
        "Measured on the shipped networks: if the modality qubits are measured before the fusion, which then fuses a "
        f"classical mixture, the scores of {len(found)} networks on {rows:,} test samples change by at most "
        f"{most:.0e}. Scores reach {largest:.0f}, so this is rounding (`python benchmarks/cut_resources.py inert`)."
    )


def main() -> None:
    """Measures and writes what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", help="cuts, inert; both unless given")
    what = parser.parse_args().what or ["cuts", "inert"]
    if unknown := set(what) - {"cuts", "inert"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; choose of cuts, inert")
    torch.set_num_threads(1)
    if "inert" in what:
        tables.write("inert", inert(NETWORKS))
    if "cuts" in what:
        source = tables.provenance("cut_resources.py")
        tables.write("audit-cuts", f"{cuts(JUMPS)}\n\n{source}", PAGE)


if __name__ == "__main__":
    main()
