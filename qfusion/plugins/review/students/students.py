"""Students: small networks of one size that learn a model's decisions, many at once, with a fixed budget.

A student has one hidden layer, a head that predicts the decision, and an auxiliary head that predicts what a teacher
says of the same sample, such as contributions. The auxiliary head is used while a student learns and never when it is
asked: its loss is added to that of the decision with a weight (multi-task learning; Pruthi et al. 2022, Evaluating
Explanations: How Much Do Explanations from the Teacher Aid Students?, section 3). Students of one draw of samples see
the same inputs, so the first layers of all arms and weights are one matrix product.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

HIDDEN = 32  # units of the hidden layer
STEPS = 200  # of Adam
BATCH = 64  # samples of a step, at most
RATE = 0.01  # of Adam
DECAY = 1.0  # decoupled weight decay, of the weights of all layers
BETAS = 0.9, 0.999
EPSILON = 1e-8


@dataclass(frozen=True, eq=False)
class Lesson:
    """What students learn from, for R draws of n samples and G students of each.

    Attributes:
        inputs: (R, n, F). decisions: class numbers (R, n). classes: their number.
        targets: of the auxiliary head, (R, n, G, K), zero where a student has fewer.
        weights: of the auxiliary loss, (R, G).
        seeds: of the first weights of the students of each draw, (R,).
    """

    inputs: Tensor
    decisions: Tensor
    classes: int
    targets: Tensor
    weights: Tensor
    seeds: Sequence[int]


@dataclass(frozen=True, eq=False)
class Students:
    """Trained students without their auxiliary heads.

    Attributes:
        first, first_bias: of the hidden layer, (R, F, G H) and (R, 1, G H).
        last, last_bias: of the decision, (R, G, H, C) and (R, G, 1, C).
    """

    first: Tensor
    first_bias: Tensor
    last: Tensor
    last_bias: Tensor

    @torch.no_grad()
    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of decisions, (R, G, n, C), of inputs (R, n, F), or (n, F) for all draws."""
        hidden = _hidden(inputs, self.first, self.first_bias, self.last.shape[1])
        return hidden @ self.last + self.last_bias


def train_students(lesson: Lesson) -> Students:
    """Return students that were trained on a lesson; those of one draw begin with the same weights."""
    R, n, F = lesson.inputs.shape
    G, K = lesson.targets.shape[2:]
    first, last, auxiliary = _first_weights(F, lesson.classes, K, lesson.seeds)
    parameters = [
        first.repeat(1, 1, G),
        torch.zeros(R, 1, G * HIDDEN),
        last[:, None].repeat(1, G, 1, 1),
        torch.zeros(R, G, 1, lesson.classes),
        auxiliary[:, None].repeat(1, G, 1, 1),
        torch.zeros(R, G, 1, K),
    ]
    decays = [DECAY, 0.0, DECAY, 0.0, DECAY, 0.0]
    batches = _batches(n, int(lesson.seeds[0]))
    means = [torch.zeros_like(parameter) for parameter in parameters]
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    for step in range(1, STEPS + 1):
        gradients = _gradients(lesson, parameters, next(batches))
        for parameter, gradient, mean, square, decay in zip(
            parameters, gradients, means, squares, decays, strict=True
        ):
            _take_step(parameter, gradient, mean, square, decay, step)
    return Students(*parameters[:4])


def _hidden(inputs: Tensor, first: Tensor, bias: Tensor, G: int) -> Tensor:
    """Return the hidden units, (R, G, n, H)."""
    hidden = functional.relu(inputs @ first + bias)
    R, n = hidden.shape[:2]
    return hidden.view(R, n, G, HIDDEN).transpose(1, 2)


def _first_weights(F: int, C: int, K: int, seeds: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first weights of one student of each draw: (R, F, H), (R, H, C) and (R, H, K)."""
    drawn = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(int(seed))
        first = torch.randn(F, HIDDEN, generator=generator) / np.sqrt(F)
        last = torch.randn(HIDDEN, C, generator=generator) / np.sqrt(HIDDEN)
        auxiliary = torch.randn(HIDDEN, K, generator=generator) / np.sqrt(HIDDEN)
        drawn.append((first, last, auxiliary))
    firsts, lasts, auxiliaries = zip(*drawn, strict=True)
    return torch.stack(firsts), torch.stack(lasts), torch.stack(auxiliaries)


def _batches(n: int, seed: int) -> Iterator[Tensor]:
    """Yield places of samples without end, `BATCH` at a time where there are more, in a new order after each pass."""
    generator = torch.Generator().manual_seed(seed)
    size = min(n, BATCH)
    while True:
        order = torch.randperm(n, generator=generator)
        for begin in range(0, n - size + 1, size):
            yield order[begin : begin + size]


def _gradients(lesson: Lesson, parameters: list[Tensor], places: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients of the sum over students of their mean losses on some samples."""
    leaves = [parameter.requires_grad_(True) for parameter in parameters]
    first, first_bias, last, last_bias, auxiliary, auxiliary_bias = leaves
    hidden = _hidden(lesson.inputs[:, places], first, first_bias, last.shape[1])
    logits = hidden @ last + last_bias
    labels = lesson.decisions[:, None, places].expand(logits.shape[:-1])
    decision_loss = functional.cross_entropy(
        logits.flatten(0, 2), labels.reshape(-1), reduction="sum"
    )
    targets = lesson.targets[:, places].transpose(1, 2)
    errors = hidden @ auxiliary + auxiliary_bias - targets
    target_loss = (lesson.weights * errors.square().sum((2, 3))).sum()
    gradients = torch.autograd.grad((decision_loss + target_loss) / len(places), leaves)
    for leaf in leaves:
        leaf.requires_grad_(False)
    return gradients


def _take_step(
    parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, decay: float, step: int
) -> None:
    """Change a parameter in place by a step of Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    mean.lerp_(gradient, 1 - BETAS[0])
    square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
    scale = (square / (1 - BETAS[1] ** step)).sqrt_().add_(EPSILON)
    parameter.mul_(1 - RATE * decay).addcdiv_(mean, scale, value=-RATE / (1 - BETAS[0] ** step))
