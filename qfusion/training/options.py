"""Options of a training: rows, loss, optimiser, schedule, precision, and number of processes."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from qfusion._checks import check
from qfusion._settings import Settings
from qfusion.data import DataSet


class Options(Settings):
    """How a model is trained."""

    epochs: int = Field(
        60,
        ge=1,
        le=2000,
        title="Max epochs",
        description="Maximum number of passes over the training rows; training may stop earlier (see patience).",
    )
    batch: int = Field(
        64,
        ge=1,
        le=1_000_000,
        title="Batch size",
        description="Training rows per step; smaller batches give more and noisier steps.",
    )
    rate: float = Field(
        2e-3,
        ge=1e-8,
        le=10,
        title="Learning rate",
        description="Maximum step size; the schedule determines how it changes over the epochs.",
    )
    # On the matrices of encoders, head, H and L_k, by AdamW.
    weight_decay: float = Field(
        1e-3,
        ge=0,
        le=100,
        title="Weight decay",
        description="Shrinks all matrices towards zero, which reduces overfitting.",
    )
    encoder_decay: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Encoder decay",
        description="Additional weight decay of the encoders.",
    )
    # Of H and L_k, or a circuit's truth tables and angles, towards the values at which they do nothing. Weak couplings
    # answer their parameters almost linearly, so slopes and knock-outs agree.
    coupling_decay: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Coupling decay",
        description="Shrinks the couplings between modalities, so that only useful ones remain.",
    )
    # For small noise it is Tikhonov regularisation (Bishop 1995, Neural Computation 7, 108).
    noise: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Input noise",
        description="Noise added to every feature during training, in standard deviations of that feature.",
    )
    clip: float = Field(
        5.0,
        ge=1e-6,
        le=1e6,
        title="Gradient clip",
        description="Maximum gradient norm of a step; larger gradients are scaled down to it.",
    )
    patience: int = Field(
        15,
        ge=0,
        le=2000,
        title="Patience (epochs)",
        description="Stops when the validation loss has not improved for this many epochs; 0 never stops early and "
        "keeps the last weights.",
    )
    average: float = Field(
        0.99,
        ge=0,
        le=0.99999,
        title="Weight average",
        description="Decay of the running average of the weights, which is validated and saved; 0 uses the weights "
        "themselves.",
    )
    loss: Literal["l1", "mse", "huber", "cross_entropy"] = Field(
        "l1",
        title="Loss function",
        description="The loss function: l1, mse or huber for a number, cross_entropy for classes.",
    )
    refit: bool = Field(
        False,
        title="Train on the validation rows too",
        description="For a final training after all settings are chosen; it needs patience 0, because no rows remain "
        "for early stopping.",
    )
    # "onecycle" rises from a 25th for three tenths of the steps and falls to almost nothing (Smith 2018, arXiv
    # 1803.09820).
    schedule: Literal["cosine", "constant", "onecycle"] = Field(
        "cosine",
        title="Learning rate schedule",
        description="cosine decays to zero, constant does not change, onecycle first rises and then falls.",
    )
    # Of the cross entropy, in the validation loss as well: N / (C n_c) for a class with n_c of the N training rows
    # (King and Zeng 2001).
    class_weights: Literal["none", "balanced"] = Field(
        "none",
        title="Class weights",
        description="balanced gives every class the same total weight; none gives every row the same weight.",
    )
    # "mixed" is bfloat16 for the encoders, while training. The model is kept in single precision.
    precision: Literal["single", "mixed", "double"] = Field(
        "single",
        title="Precision",
        description="single is the default; mixed computes the encoders in lower precision; double is slower and "
        "rarely needed.",
    )
    # Each is predicted by a linear head on the modality's encoder while training (after Yu and others 2020, "CH-SIMS",
    # ACL).
    unimodal: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Weight of unimodal labels",
        description="Weight of the loss on the labels of single modalities, where the data set has them; 0 ignores "
        "them.",
    )
    # Pictures are features of shape (h, w) or (h, w, 3), also spectrograms; what comes in at an edge repeats it.
    shift: int = Field(
        0,
        ge=0,
        le=256,
        title="Picture shift",
        description="Moves every picture at random by up to this many pixels in each direction during training, so "
        "that its position is not learned.",
    )
    delay: int = Field(
        0,
        ge=0,
        le=256,
        title="Recording delay",
        description="Moves every recording's spectrogram in time at random by up to this many frames during training, "
        "in addition to the shift.",
    )
    turn: float = Field(
        0.0,
        ge=0,
        le=180,
        title="Picture rotation",
        description="Rotates every picture at random by up to this many degrees during training; spectrograms are not "
        "rotated.",
    )
    stretch: float = Field(
        0.0,
        ge=0,
        le=0.9,
        title="Picture scaling",
        description="Scales every picture at random along each side by up to this fraction; spectrograms are not "
        "scaled.",
    )

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        check(
            self.class_weights == "none" or self.loss == "cross_entropy",
            "Argument `class_weights` must be 'none' unless classes are trained with cross_entropy, but is "
            f"{self.class_weights!r} and `loss` is {self.loss!r}.",
        )
        check(
            not (self.refit and self.patience),
            "Argument `patience` must be 0 with `refit`: no rows are left to stop by.",
        )
        return self

    @property
    def split(self) -> str:
        """The rows that are trained on."""
        return "train+valid" if self.refit else "train"


def default_options(dataset: DataSet) -> Options:
    """Return the options that fit a data set's target."""
    return Options(loss="cross_entropy" if dataset.target.kind == "classification" else "l1")


def card_options(card: Mapping[str, Any], dataset: DataSet) -> Options:
    """Return the options that a model was trained with, by its card; what the card leaves out is the default."""
    training = card.get("training", {})
    return complete_options(
        dataset, {name: training[name] for name in Options.model_fields if name in training}
    )


def complete_options(
    dataset: DataSet, options: Options | Mapping[str, Any] | None = None
) -> Options:
    """Return options as they were given, or those of a data set where they say nothing.

    Args:
        dataset: what is to be trained on.
        options: all of them, or by name those that differ from `default_options`.

    Raises:
        NotFound: when there is no such option.
        InvalidInput: when one has an impossible value, also for this target.
    """
    if not isinstance(options, Options):
        options = default_options(dataset).replace(**(options or {}))
    classes = dataset.target.kind == "classification"
    check(
        (options.loss == "cross_entropy") == classes,
        f"Argument `loss` must be {'cross_entropy' if classes else 'l1, mse or huber'} for a {dataset.target.kind} "
        f"target, but is {options.loss!r}.",
    )
    return options
