"""What can be trained and how, one plain sentence each: for whoever fills in a form or asks for help."""

from __future__ import annotations

from dataclasses import dataclass

from qfusion.models import FUSION, encoders, entangled_qcnn, fusion, quantum_jump, registry
from qfusion.quantum.gates import BLOCKS
from qfusion.training.options import CLASS_WEIGHTS, LOSSES, PRECISIONS, SCHEDULES


@dataclass(frozen=True)
class Kind:
    """A kind of model: what people call it, and a sentence."""

    title: str
    says: str


@dataclass(frozen=True)
class Setting:
    """A setting of a model or of its training.

    Attributes:
        title: what people call it; says: one plain sentence.
        low, high: what a form offers at least and at most; the models themselves may take more.
        choices: the words it may be.
    """

    title: str
    says: str
    low: float = 0
    high: float = 1
    choices: tuple[str, ...] = ()


_KNOWN: dict[str, Kind] = {
    "quantum-jump": Kind("QiNN-QJ (quantum jumps)",
        "Modality states evolve together under a learned Hamiltonian and jump operators; can be explored on every page."),
    "entangled-qcnn": Kind("Entangled fusion + QCNN",
        "Readable truth tables fuse the modalities element by element, a quantum convolutional network reads them; can be "
        "explored."),
    "product-qcnn": Kind("Ablation: QCNN without fusion entanglement",
        "The modalities' angles are added and nothing is entangled before the network; measured, not explored."),
    "late": Kind("Baseline: late fusion",
        "One network a modality, their scores added; measured, not explored."),
    "concatenation": Kind("Baseline: early concatenation",
        "One network on all encoders' outputs side by side; measured, not explored."),
    "tensor": Kind("Baseline: TFN (tensor fusion)",
        "A network on all products of the encoders' outputs; measured, not explored."),
    "low-rank": Kind("Baseline: LMF (low-rank fusion)",
        "Tensor fusion through factors of low rank; measured, not explored."),
    "mult": Kind("Baseline: MulT (cross-modal attention)",
        "Every modality attends to every other one; measured, not explored."),
    "linear": Kind("Baseline: linear",
        "Ridge or logistic regression on the features; measured, not explored."),
}

KINDS = {kind: _KNOWN.get(kind) or Kind(FUSION[kind].title, FUSION[kind].says) for kind in registry.names()}
"""By name; what can be explored may say it itself, in its own file."""

SETTINGS: dict[str, Setting] = {
    # of the training
    "epochs": Setting("Epochs",
        "Most passes over the training rows; it may end earlier, see patience.", 1, 2000),
    "rate": Setting("Learning rate",
        "Highest size of a step; the schedule says how it changes over the epochs.", 1e-6, 1),
    "patience": Setting("Patience (epochs)",
        "Stops when the validation loss has not improved for so many epochs; 0 never stops early and keeps the last weights.", 0, 2000),
    "batch": Setting("Batch",
        "Training rows per step; smaller ones make more, noisier steps.", 1, 65_536),
    "weight_decay": Setting("Weight decay",
        "Pulls all matrices towards zero, which holds overfitting down.", 0, 100),
    "encoder_decay": Setting("Encoder decay",
        "Weight decay that the encoders get on top.", 0, 100),
    "coupling_decay": Setting("Coupling decay",
        "Pulls what couples the modalities towards doing nothing, so that only couplings that help remain.", 0, 100),
    "noise": Setting("Input noise",
        "Noise added to every feature while training, in standard deviations of that feature.", 0, 10),
    "shift": Setting("Shift of pictures",
        "Moves every picture at random by up to so many pixels while training, up, down and to the sides, so that its place is not "
        "learned.", 0, 16),
    "delay": Setting("Delay of recordings",
        "Moves every recording's spectrogram in time at random by up to so many frames while training, beside the shift.", 0, 64),
    "turn": Setting("Turn of pictures",
        "Turns every picture at random by up to so many degrees while training; spectrograms of recordings are not.", 0, 180),
    "stretch": Setting("Stretch of pictures",
        "Makes every picture larger or smaller along each side at random, by up to this share; spectrograms are not.", 0, 0.9),
    "clip": Setting("Gradient clip",
        "Largest gradient norm of a step; larger ones are shortened to it.", 1e-3, 1e6),
    "average": Setting("Weight average",
        "How slowly the running average of the weights follows; that average is validated and kept, 0 keeps the weights "
        "themselves.", 0, 0.9999),
    "loss": Setting("Loss",
        "What is made small: l1, mse or huber for a number, cross_entropy for classes.", choices=LOSSES),
    "refit": Setting("Train on the validation rows too",
        "For a last training once all settings are chosen; it needs patience 0, as no rows are left to stop by."),
    "schedule": Setting("Schedule of the rate",
        "cosine lets it fall to zero, constant leaves it, onecycle lets it rise first and then fall.", choices=SCHEDULES),
    "class_weights": Setting("Class weights",
        "balanced makes every class count alike, however rare it is; none counts every row alike.", choices=CLASS_WEIGHTS),
    "precision": Setting("Precision",
        "single is usual; mixed calculates the encoders with fewer digits; double is slower and seldom needed.", choices=PRECISIONS),
    "unimodal": Setting("Weight of unimodal labels",
        "Trains each modality on its own label too, where the data set has such labels; 0 does not.", 0, 100),
    # of the systems
    "dims": Setting("State dimensions",
        "Levels of each modality's state: one number for all, or one each, such as 4,4,2; time and memory grow with their "
        "product."),
    "jumps": Setting("Jump operators",
        "How many ways there are to lose coherence; 0 leaves unitary evolution.", 0, 256),
    "measurements": Setting("Measurement vectors",
        "With how many learned states each state that is read is compared; the square of a modality's levels can say all.", 1, 4096),
    "readout": Setting("Read-out",
        "local: each modality by itself, joint terms are the evolution's; single: one modality; joint: the joint state, which forms joint "
        "terms by itself.",
        choices=quantum_jump.READOUTS),
    "head_scale": Setting("Weights at the start",
        "Their deviation; 0 starts with scores as small as those of joint measurement vectors.", 0, 1000),
    "read": Setting("Modality that is read",
        "With a single read-out: its name; empty takes the first."),
    "duration": Setting("Duration T",
        "How long the states evolve together, in units of 1 / energy.", 0, 100),
    "evolution": Setting("Evolution",
        "jump: Hamiltonian and jumps; unitary: no jumps; dissipative: no Hamiltonian; none: a product state is "
        "measured.", choices=quantum_jump.EVOLUTIONS),
    "dynamics": Setting("Dynamics in training",
        "master solves the equation of motion; jumps averages sampled trajectories, which is noisier.", choices=quantum_jump.DYNAMICS),
    "coupling": Setting("Coupling",
        "dense acts on all modalities at once; local is a sum of terms on a few each, for many levels.", choices=quantum_jump.COUPLINGS),
    "body": Setting("Modalities per local term",
        "How many modalities each term of a local coupling ties together.", 1, 8),
    "trajectories": Setting("Trajectories",
        "Sampled per row and step when the dynamics are jumps.", 1, 10_000),
    "steps": Setting("Steps of a trajectory",
        "Time steps of each sampled trajectory; more are more exact and slower.", 1, 10_000),
    "elements": Setting("Elements",
        "How many things the modalities vote on, one fused qubit each; 0 takes the number of classes where that is 4 to 10, else "
        "8.", 0, 10),
    "rule": Setting("Fusion rule at the start",
        "The truth table from which every fusion gate starts to learn.", choices=fusion.INITIAL),
    "freeze_rule": Setting("Keep the rule as it is",
        "The truth tables do not learn."),
    "tables": Setting("Truth tables",
        "joint learns an entry for every pattern of the modalities; separate lets each turn the fused qubit on "
        "its own.", choices=fusion.TABLES),
    "block": Setting("Convolution block",
        "The gate that the network's convolutions repeat: freer ones have more parameters.", choices=tuple(BLOCKS)),
    "start": Setting("Start of the readout",
        "classes: element i speaks for class i from the start; it needs as many elements as classes.", choices=entangled_qcnn.STARTS),
    # of the baselines
    "features": Setting("Numbers a modality",
        "How many numbers each encoder hands over.", 1, 64),
    "width": Setting("Hidden layer",
        "Units of the layer before the scores.", 1, 4096),
    "rank": Setting("Rank",
        "How many factors stand for the tensor of all products; of a model linear in states 0 leaves a sum.", 0, 64),
    "heads": Setting("Attention heads",
        "How many patterns of attention are learned side by side; numbers a modality must be a multiple.", 1, 16),
    "tokens": Setting("Tokens",
        "As how many steps a modality without time steps is read.", 1, 64),
    # of the encoders
    "encoder": Setting("Encoder",
        "mlp reads numbers, cnn images; cnn-norm also keeps hidden units' values apart over a batch, so flat starts end sooner; "
        "cnn-pool looks at every pixel.", choices=encoders.KINDS),
    "hidden": Setting("Encoder width",
        "Units of each encoder's hidden layer.", 1, 2048),
    "dropout": Setting("Dropout",
        "Share of encoder units left out at random while training, against overfitting.", 0, 0.95),
    "input_dropout": Setting("Input dropout",
        "Share of features left out at random while training; of QiNN-QJ below 0: as dropout.", -1, 0.95),
    "pooling": Setting("Sequences",
        "How the steps of a sequence become one: gru reads them in order, attention weighs them.", choices=("gru", "attention")),
}

MAIN = {"quantum-jump": ("dims", "jumps", "dropout"), "entangled-qcnn": ("elements", "rule", "dropout")}
"""The settings of a system that a form shows first, after epochs and learning rate; those of the others are all shown last."""
