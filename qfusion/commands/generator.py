"""`generator`: what a model's Lindblad generator does beyond its gap."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.common import Data, Model
from qfusion.commands.printing import Json, print_result, table
from qfusion.errors import QFusionError


def generator(
    model: Model,
    data: Data = None,
    sample: Annotated[
        str,
        typer.Option(
            "--sample",
            metavar="ID",
            help="Also for one sample: its share of slow modes, and the entropy that it produces.",
        ),
    ] = "",
    tweak: Annotated[
        str,
        typer.Option(
            "--tweak",
            metavar="KEY=NUMBER,...",
            help="A change of couplings, dissipation or duration first, such as H.text=0.5,T=2.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Explain a Lindblad generator: why its gap misleads, how far it is from normal, its symmetries, how many jump
    operators it needs, and what the nearest local and Hamiltonian generators cost. All modes of a system of dimension
    64 take two minutes, unless the model ships with them.
    """
    from qfusion.analysis import generator_summary as summary
    from qfusion.wording import generator_modes as words

    study = qfusion.analysis.open_study(model, data)
    row = study.dataset.row(sample) if sample else None
    record: dict[str, Any] = {"model": study.name, "tweak": tweak}
    shown: list[RenderableType | str] = []

    spectrum = summary.describe_spectrum(study, tweak)
    sentences = words.describe_spectrum(spectrum)
    record["spectrum"] = _plain(spectrum)
    try:
        shares = summary.share_modes(study, tweak)
    except QFusionError as error:
        record["shares"] = None
        sentences = [str(error), *sentences]
    else:
        record["shares"] = _plain(shares)
        sentences = [*words.describe_shares(shares), *sentences]
        shown.append(_bands_table(shares))
    simpler = summary.simplify(study, tweak)
    sentences += words.describe_simplifications(simpler)
    record["generators"] = [_plain(one) for one in simpler.generators]
    record["jump_operators"] = {
        "given": simpler.given,
        "needed": simpler.ranks.needed,
        "rates": simpler.ranks.rates.tolist(),
    }
    shown.append(_generators_table(simpler))
    if row is not None:
        entropy = summary.produce_entropy(study, row, tweak)
        sentences.append(f"{words.describe_entropy(entropy)}.")
        record["entropy"] = _entropy_record(entropy)
        if record["shares"] is not None:
            own = summary.share_modes_of(study, np.array([row]), tweak)
            record["sample_shares"] = _plain(own)
            sentences.append(f"Of this sample alone: {words.describe_gap(own)}.")
    record["says"] = sentences
    print_result(record, as_json, *sentences, *shown)


def _plain(result: Any) -> dict[str, Any]:
    """Return the fields of a result as numbers and lists."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(result).items()
    }


def _entropy_record(entropy: Any) -> dict[str, Any]:
    if entropy.production is None:
        return {"reason": entropy.reason}
    production = entropy.production
    rates = [rate if np.isfinite(rate) else None for rate in production.rates[0].tolist()]
    return {
        "reason": "",
        "times": production.times.tolist(),
        "rates": rates,
        "produced": production.produced[0].tolist(),
        "total": float(production.total[0]),
        "integral": entropy.integral,
        "closed": entropy.closed,
    }


def _bands_table(shares: Any) -> RenderableType:
    last = int(np.searchsorted(shares.times, shares.duration))
    rows = []
    for i, (low, high) in enumerate(zip(shares.low, shares.high, strict=True)):
        ends = f"{low:.4g}"
        if high < 0:
            ends = f"from {low:.4g}"
        elif high > low:
            ends = f"{low:.4g} to {high:.4g}"
        rows.append(
            [
                ends,
                f"{int(shares.counts[i]):,}",
                f"{shares.shares[0, i]:+.4f}",
                f"{shares.shares[last, i]:+.4f}",
                f"{shares.parts[i]:+.3g}",
            ]
        )
    return table(
        ["Decay rates", "Modes", "Share at 0", "Share at T", "Part of the rate"],
        rows,
        f"Trace distance to the steady state by modes, mean over {shares.samples} samples "
        f"(rate {shares.rate:.4g}, error of the parts below {max(shares.error, 1e-12):.0e})",
    )


def _metric_title(metric: str) -> str:
    return qfusion.training.metrics.LABELS[metric].short if metric else "Metric"


def _generators_table(simpler: Any) -> RenderableType:
    rows = []
    for one in simpler.generators:
        metric = f"{one.metric[0]:.3f}" if one.metric else ""
        loss = f"{one.loss[0]:+.3f} ({one.loss[1]:+.3f} to {one.loss[2]:+.3f})" if one.loss else ""
        rows.append([one.name, f"{one.distance:.3f}", f"{one.change:.3g}", metric, loss])
    return table(
        [
            "Generator",
            "Distance",
            "Change of output",
            _metric_title(simpler.metric),
            "Loss (95% CI)",
        ],
        rows,
        f"Simpler generators on {simpler.rows:,} test rows",
    )
