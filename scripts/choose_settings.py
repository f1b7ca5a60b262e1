"""Chooses the settings of every model on the leaderboard on validation rows: ours, our neighbours' and the baselines',
with one budget.

    QFUSION_DATA=FOLDER python scripts/choose_settings.py [planted digits avdigits parity avletters] [--models KIND ...]

On a data set every model has TRIALS trainings by Optuna (Akiba and others 2019): the first with the values of our
recipe for that set, four drawn at random, then by the tree-structured Parzen estimator (Bergstra and others 2011).
Searched are learning rate, weight decay and dropout (SPACE), of letters the noise in training too; the kind of encoder,
its width, the schedule and the number of epochs are the recipe's. From the fourth on, a trial whose validation loss is
above the median of those before it is stopped early. The lowest validation loss wins; all trials have the first seed.
Ablations have their system's settings.

What was tried goes to scripts/board_settings.json, best first, from which benchmarks/leaderboard.py takes the first;
what stands there is not repeated. Where modalities decide only together, scripts/choose_parity.py does the same by a
grid of four. On MOSI nothing can be chosen so: its validation rows belong to the features' own training set.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "scripts")]

import leaderboard_terms as terms  # noqa: E402

from qfusion._files import atomic  # noqa: E402
from qfusion.training import Options, prepare  # noqa: E402

TRIALS, RANDOM, UNPRUNED, WARM_UP = 8, 5, 3, 10
SPACE: dict[str, dict[str, Any]] = {
    "rate": dict(low=5e-4, high=1e-2, log=True),
    "weight_decay": dict(low=1e-4, high=1.0, log=True),
    "dropout": dict(low=0.0, high=0.5),
}
MORE: dict[str, dict[str, dict[str, Any]]] = {"avletters": {"noise": dict(low=0.0, high=0.8)}}


def tries(name: str, model: str) -> list[dict[str, Any]]:
    """Returns what came out of all trials of a model on a data set, best first, those that were stopped early last."""
    place, contender = terms.PLACES[name], terms.CONTENDERS[model]
    settings = terms.settings_of(place, contender)
    options = replace(place, chosen={}).options_of(model).replace(refit=False)
    known = {**settings, **{key: getattr(options, key) for key in Options.model_fields}}
    space = SPACE | MORE.get(name, {})
    fixed = terms.OF_NETWORKS if contender.kind == "linear" else ()
    searched = [key for key in space if key in known and key not in fixed]
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=RANDOM),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=WARM_UP),
    )
    study.enqueue_trial({key: known[key] for key in searched})

    def objective(trial: optuna.Trial) -> float:
        tried = {key: trial.suggest_float(key, **space[key]) for key in searched}
        trial.set_user_attr("tried", tried)
        fit = prepare(
            contender.kind,
            place.dataset,
            {**settings, **{key: value for key, value in tried.items() if key in settings}},
            options.replace(
                **{key: value for key, value in tried.items() if key in Options.model_fields}
            ),
            0,
        )
        while not fit.done:
            progress = fit.epoch()
            if progress is not None:
                trial.report(progress.valid_loss, progress.epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return fit.history[fit.best_epoch - 1].valid_loss

    study.optimize(objective, n_trials=TRIALS)
    found = [
        {
            **{key: float(f"{value:.4g}") for key, value in trial.user_attrs["tried"].items()},
            "loss": float(f"{trial.value:.5g}"),
            "stopped": trial.state == optuna.trial.TrialState.PRUNED,
        }
        for trial in study.trials
        if trial.value is not None
    ]
    return sorted(found, key=lambda tried: (tried["stopped"], tried["loss"]))


def missing(name: str, models: Sequence[str], kept: dict[str, Any]) -> list[str]:
    """Returns the models of a data set that have not been tried; ablations never are."""
    return [
        model
        for model in terms.to_search(terms.PLACES[name])
        if model in (models or terms.CONTENDERS) and model not in kept.get(name, {})
    ]


def main() -> None:
    """Tries what has not been tried, and keeps it after every model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(terms.SEARCHED)}; default all")
    parser.add_argument("--models", nargs="*", default=(), help="default all but ablations")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in arguments.names or terms.SEARCHED:
        for model in missing(name, arguments.models, terms.read_settings()):
            start = time.process_time()
            found = tries(name, model)
            kept = terms.read_settings()  # another process may have kept some meanwhile
            kept.setdefault(name, {})[model] = found
            with atomic(terms.SETTINGS) as part:
                part.write_text(json.dumps(kept, indent=1) + "\n")
            print(f"{name} {model}: {found[0]}, {time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
