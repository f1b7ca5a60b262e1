"""Options of a training: rows, loss, optimiser, schedule, precision, and number of processes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from qfusion._checks import check, choose, require_number
from qfusion.data import DataSet

CHOICES = {
    "loss": ("l1", "mse", "huber", "cross_entropy"),
    "schedule": ("cosine", "constant", "onecycle"),
    "class_weights": ("none", "balanced"),
    "precision": ("single", "mixed", "double"),
}
RANGES = {
    "epochs": (1, 100_000),
    "batch": (1, 1_000_000),
    "rate": (1e-8, 10),
    "weight_decay": (0, 100),
    "encoder_decay": (0, 100),
    "coupling_decay": (0, 100),
    "noise": (0, 100),
    "clip": (1e-6, 1e6),
    "patience": (0, 100_000),
    "average": (0, 0.99999),
    "unimodal": (0, 100),
    "shift": (0, 256),
    "delay": (0, 256),
    "turn": (0, 180),
    "stretch": (0, 0.9),
}


@dataclass(frozen=True)
class Options:
    """How a model is trained.

    Attributes:
        epochs: most passes over the training rows.
        batch: samples per step.
        rate: AdamW's highest learning rate.
        schedule: what becomes of it: "cosine" lets it fall to zero along a cosine, "constant" leaves it, "onecycle"
            lets it rise from a 25th for three tenths of the steps and fall to almost nothing (Smith 2018, arXiv
            1803.09820).
        weight_decay: AdamW's weight decay, on the matrices of encoders, head, H and L_k.
        encoder_decay: what encoder matrices have of it in addition.
        coupling_decay: decay, of the same kind, of what couples the modalities (H and L_k; a circuit's truth tables and
            angles) towards the values at which it does nothing. Weak couplings answer their parameters almost linearly,
            so slopes and knock-outs agree.
        noise: Gaussian noise added to every input while training, in standard deviations of that feature over the
            training rows; for small noise it is Tikhonov regularisation (Bishop 1995, Neural Computation 7, 108).
        shift: pixels by which every picture (features of shape (h, w) or (h, w, 3)) is moved at random while training,
            at most, along both sides; what comes in at an edge repeats it. Recordings' spectrograms are pictures too.
        delay: frames by which every recording's spectrogram is moved in time, the second side of its shape, at random
            while training, at most and beside `shift`.
        turn: degrees by which every picture is turned about its middle at random while training, at most; spectrograms
            are not.
        stretch: share by which every picture is made larger or smaller along each side at random, at most; spectrograms
            are not.
        clip: largest gradient norm.
        patience: epochs without a better validation loss before training stops; 0 never stops early and keeps the last
            weights.
        average: decay per step of the running average of the weights, which is what is validated and kept; 0 keeps the
            weights.
        loss: "l1", "mse", "huber" (regression) or "cross_entropy" (classes).
        class_weights: of the cross entropy: "none", or "balanced", N / (C n_c) for a class with n_c of the N training
            rows, so that every class counts alike (King and Zeng 2001); in the validation loss as well.
        precision: "single"; "mixed", which calculates the encoders in bfloat16 while training, everything else in
            single; or "double". The model is kept in single precision.
        unimodal: weight of the loss of every modality's own targets, where the data have them, each predicted by a
            linear head on the modality's encoder while training (after Yu and others 2020, "CH-SIMS", ACL); 0 trains no
            heads.
        refit: train on the validation rows too, once settings are chosen; needs patience 0, as nothing is left to stop
            by.
    """

    epochs: int = 60
    batch: int = 64
    rate: float = 2e-3
    weight_decay: float = 1e-3
    encoder_decay: float = 0.0
    coupling_decay: float = 0.0
    noise: float = 0.0
    clip: float = 5.0
    patience: int = 15
    average: float = 0.99
    loss: str = "l1"
    refit: bool = False
    schedule: str = "cosine"
    class_weights: str = "none"
    precision: str = "single"
    unimodal: float = 0.0
    shift: int = 0
    delay: int = 0
    turn: float = 0.0
    stretch: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            require_number(name, getattr(self, name), low, high)
        for name, words in CHOICES.items():
            choose(name.replace("_", " ").capitalize(), getattr(self, name), words)
        check(
            self.class_weights == "none" or self.loss == "cross_entropy",
            "Argument `class_weights` must be 'none' unless classes are trained with cross_entropy, but is "
            f"{self.class_weights!r} and `loss` is {self.loss!r}.",
        )
        for name in ("batch", "epochs", "patience", "shift", "delay"):
            number = getattr(self, name)
            check(
                number == int(number),
                f"Argument `{name}` must be a whole number, but is {number!r}.",
            )
        check(
            not (self.refit and self.patience),
            "Argument `patience` must be 0 with `refit`: no rows are left to stop by.",
        )

    @property
    def split(self) -> str:
        """The rows that are trained on."""
        return "train+valid" if self.refit else "train"

    @staticmethod
    def names() -> list[str]:
        """Return the names of all options."""
        return [f.name for f in fields(Options)]


def default_options(dataset: DataSet) -> Options:
    """Return the options that fit a data set's target."""
    return Options(loss="cross_entropy" if dataset.target.kind == "classification" else "l1")


def card_options(card: Mapping[str, Any], dataset: DataSet) -> Options:
    """Return the options that a model was trained with, by its card; what the card leaves out is the default."""
    training = card.get("training", {})
    chosen = {name: training[name] for name in Options.names() if name in training}
    return complete_options(dataset, chosen)


def complete_options(
    dataset: DataSet, options: Options | Mapping[str, Any] | None = None
) -> Options:
    """Return options as they were given, or those of a data set where they say nothing.

    Args:
        dataset: what is to be trained on.
        options: all of them, or by name those that differ from `default_options`.

    Raises:
        NotFound: when there is no such option.
        InvalidInput: when one has an impossible value.
    """
    if isinstance(options, Options):
        return options
    return replace(
        default_options(dataset),
        **{
            choose("Option", name, Options.names()): value
            for name, value in (options or {}).items()
        },
    )
