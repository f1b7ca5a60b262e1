"""`generator`: what a model's Lindblad generator does beyond its gap."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer
from rich.console import RenderableType

import qfusion
from qfusion.commands.common import Data, Model
from qfusion.commands.printing import Json, print_result, table
from qfusion.errors import InvalidInput

ABSENT = {"conditions", "high", "dominance", "orthogonal_rate"}  # whose -1 says that there is none


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
    """Explain a Lindblad generator: whether its gap misleads and why, how far it is from normal, its symmetries, how
    many jump operators it needs, and what the nearest local and Hamiltonian generators cost. All modes of a system of
    dimension 64 take two minutes, unless the model ships with them; of larger ones, they are left out.
    """
    from qfusion.plugins.generator import summary, words

    study = qfusion.study.open_study(model, data)
    row = study.dataset.row(sample) if sample else None
    record: dict[str, Any] = {"model": study.name, "tweak": tweak}
    shown: list[RenderableType | str] = []

    sentences: list[str] = []
    spectrum = shares = None
    try:
        spectrum = summary.describe_spectrum(study, tweak)
        shares = summary.share_modes(study, tweak)
    except InvalidInput as error:
        sentences.append(str(error))
    record["spectrum"], record["shares"] = _plain(spectrum), _plain(shares)
    if shares is not None:
        sentences += words.describe_shares(shares)
        shown.append(_bands_table(shares))
    if spectrum is not None:
        sentences += words.describe_spectrum(spectrum)
    simpler = summary.simplify(study, tweak)
    if spectrum is None:
        sentences.append(f"{words.describe_strong_symmetries(simpler)}.")
    sentences += words.describe_simplifications(simpler)
    record["strong_symmetries"] = simpler.symmetries
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
        if spectrum is not None:
            sentences += _describe_sample(study, row, tweak, record)
    record["says"] = sentences
    print_result(record, as_json, *sentences, *shown)


def _describe_sample(study: Any, row: int, tweak: str, record: dict[str, Any]) -> list[str]:
    """Return sentences on the shares of modes in one sample, and write the numbers into a record."""
    from qfusion.plugins.generator import summary, words

    try:
        own = summary.share_modes_of(study, np.array([row]), tweak)
    except InvalidInput as error:
        return [f"This sample alone has no shares of modes. {error}"]
    record["sample_shares"] = _plain(own)
    return [
        f"This sample alone: {words.describe_gap(own)[0].lower()}{words.describe_gap(own)[1:]}."
    ]


def _plain(result: Any) -> dict[str, Any] | None:
    """Return the fields of a result as numbers and lists, and what is infinite or does not exist, -1, as None."""
    if result is None:
        return None
    fields = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(result).items()
    }
    for name in ABSENT & fields.keys():
        value = fields[name]
        fields[name] = (
            [_or_none(one) for one in value] if isinstance(value, list) else _or_none(value)
        )
    return fields


def _or_none(value: float) -> float | None:
    return None if value == -1 else value


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
    at_end = shares.shares_at_end
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
                f"{at_end[i]:+.4f}",
                f"{shares.parts[i]:+.3g}",
            ]
        )
    return table(
        [
            "Decay rates",
            "Modes",
            "Share at 0",
            f"Share at t = {shares.duration:.4g}",
            "Part of the rate",
        ],
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
            "Distance / norm",
            "Change of output",
            _metric_title(simpler.metric),
            "Loss (95% CI)",
        ],
        rows,
        f"Simpler generators on {simpler.rows:,} test rows",
    )
