"""Attribution of a term of the decision to words, frames, pixels or features of one modality: integrated gradients
through its encoder.

The term (a Harsanyi dividend, or the whole score) as a function of one modality's features, all other modalities and
the background as they are, is its exact form in the modality's state (see `forms`) behind the encoder. Integrated
gradients (Sundararajan, Taly, Yan 2017, equation 1; by Gauss and Legendre's rule, as captum has them) share out the
difference between the sample's features and a baseline's; they add up to it but for the error of the numerical
integral, which is measured, and the steps doubled until it is small. For many rows the midpoint rule serves. Gradient
x input is grad . (x - baseline) at x, one step: what it misses of the difference is measured too. Methods stand in
`METHODS`, for every page, link and figure that offers one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data.coalition_terms import coalition_names, split_term
from qfusion.explain import backgrounds, counterfactual
from qfusion.models import FusionModel, base, evaluation
from qfusion.models.inputs import Features, values_and_mask

SCORE = "score"
BASELINES = ("mean", "zero", "sample")  # where integrated gradients start
WANTED, MAX_STEPS = 0.01, 2048
_FEW = 16  # steps of the integral where only the order of features is wanted
_BATCH = 256  # steps at once
TermAt = Callable[[Tensor], Tensor]  # features (B, ...) -> the term for each row, (B,)


class Method(NamedTuple):
    """A way to share out the difference between features and a baseline's.

    Attributes:
        title: what it is called, in options, links and sentences.
        run: from the term, the baseline's features, the samples' (B, ...) and the term's change between them to what
            each feature added, (B, ...), and the steps that it took. It asks the term about whole batches of rows as
            they stand.
        rank: the same for many rows, without the change, where their order is all that is wanted; `run` itself unless
            given.
    """

    title: str
    run: Callable[[TermAt, Tensor, Tensor, float], tuple[Tensor, int]]
    rank: Callable[[TermAt, Tensor, Tensor], Tensor] | None = None


def _gradient(term_at: TermAt, start: Tensor, x: Tensor, _: float) -> tuple[Tensor, int]:
    return _slope(term_at, x) * (x - start), 1


def _integrate_gradients(
    term_at: TermAt, start: Tensor, x: Tensor, change: float
) -> tuple[Tensor, int]:
    steps = 32
    while True:
        slopes = torch.zeros_like(x)
        for places, weights in _gauss_legendre(steps):
            path = start + places.view(-1, *[1] * x.ndim) * (x - start)
            slope = _slope(term_at, path.flatten(0, 1)).view(path.shape)
            slopes += torch.tensordot(weights, slope, 1)
        values = slopes * (x - start)
        # no slope anywhere: a step function, such as of token numbers, which more steps do not help
        if steps >= MAX_STEPS or _adds_up(values, change) or not bool(slopes.any()):
            return values, steps
        steps *= 2


@memo(8)
def _gauss_legendre(steps: int) -> list[tuple[Tensor, Tensor]]:
    """Places in [0, 1] and weights of the rule, so many at a time as states of a modality are held."""
    places, weights = (torch.from_numpy(part) for part in scipy.special.roots_legendre(steps))
    return list(zip(((1 + places) / 2).split(_BATCH), (weights / 2).split(_BATCH), strict=True))


def _midpoints(term_at: TermAt, start: Tensor, x: Tensor) -> Tensor:
    places = [start + (i + 0.5) / _FEW * (x - start) for i in range(_FEW)]
    slopes = sum((_slope(term_at, place) for place in places), torch.zeros_like(x))
    return slopes / _FEW * (x - start)


def _slope(term_at: TermAt, x: Tensor) -> Tensor:
    at = x.detach().clone().requires_grad_(True)
    return torch.autograd.grad(term_at(at).sum(), at)[0]


def _adds_up(values: Tensor, change: float) -> bool:
    error = abs(float(values.sum()) - change)
    return error <= WANTED * abs(change) or error < 1e-12


GRADIENT, INTEGRATED = "gradient-x-input", "integrated-gradients"
METHODS = {
    GRADIENT: Method("gradient x input", _gradient),
    INTEGRATED: Method("integrated gradients", _integrate_gradients, _midpoints),
}


def methods_by_title() -> dict[str, Method]:
    """Return the methods by the names that options and links use."""
    return {method.title: method for method in METHODS.values()}


def method_name(title: str) -> str:
    """Return the name of a method by its title.

    Raises:
        NotFound: when there is no such method.
    """
    choose("Attribution method", title, methods_by_title())
    return next(name for name, method in METHODS.items() if method.title == title)


@dataclass(frozen=True, eq=False)
class Attribution:
    """Contribution of every feature of one modality to a term of the score, from a baseline to the sample.

    Attributes:
        modality, term: whose features; which dividend, or "score".
        output: number of the score.
        values: in units of the score, (F,), or (T, F) for the T real steps of a sequence.
        baseline: of `BASELINES`.
        start, end: the term at the baseline and at the sample.
        error: |sum of values - (end - start)| in units of the score: the convergence error.
        steps: of the integral.
        converged: whether the error is below 1% of the difference.
        method: of `METHODS`.
    """

    modality: str
    term: str
    output: int
    values: np.ndarray
    baseline: str
    start: float
    end: float
    error: float
    steps: int
    converged: bool
    method: str = INTEGRATED

    @property
    def units(self) -> np.ndarray:
        """Sums over the features of each step of a sequence (T,); the values themselves (F,) of a vector."""
        return self.values.sum(-1) if self.values.ndim == 2 else self.values

    @property
    def features(self) -> np.ndarray:
        """Sums over the steps (F,); the values themselves of a vector."""
        return self.values.sum(0) if self.values.ndim == 2 else self.values

    @property
    def relative_error(self) -> float:
        """The error as a share of the difference that is shared out."""
        return self.error / max(abs(self.end - self.start), 1e-12)


def attributable_terms(model: FusionModel, modality: str) -> tuple[str, ...]:
    """Return the terms that can be attributed to a modality's features.

    They are the score and, where dividends are forms of the modality's state, every dividend that it is in.
    """
    choose("Modality", modality, model.modalities)
    if model.algebra.form(modality) is None:
        return (SCORE,)
    return (
        SCORE,
        *(term for term in coalition_names(model.modalities) if modality in split_term(term)),
    )


def attribute(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    modality: str,
    term: str = SCORE,
    output: int = 0,
    baseline: str = "mean",
    other: Features | None = None,
    method: str = INTEGRATED,
) -> Attribution:
    """Return the attribution of a term of one sample's score to the features of one modality.

    Args:
        model: in eval mode.
        inputs: features of one sample.
        background: what stands in for absent modalities in a dividend; the score itself needs none.
        modality: whose features.
        term: "score", or a coalition that the modality is in, such as "text+audio".
        output: number of the score.
        baseline: of `BASELINES`.
        other: for baseline "sample", that sample's features of the modality. Of a sequence, steps that it lacks are the
            training mean.
        method: of `METHODS`.

    Raises:
        NotFound: when modality, term, baseline or method do not exist.
        InvalidInput: when `inputs` is not one sample, or `other` is missing or of another form.
    """
    model, run = base.to_double(model), METHODS[choose("Method", method, METHODS)].run
    choose("Term", term, attributable_terms(model, modality))
    check(
        isinstance(output, int) and 0 <= output < len(model.outputs),
        f"Argument `output` must number one of the {len(model.outputs)} scores from 0, but is {output!r}.",
    )
    x, mask = values_and_mask(inputs[modality])
    check(
        len(x) == 1,
        f"Argument `inputs` must hold one sample, but holds {len(x)}. Attribute them one by one.",
    )
    if mask is not None:  # padding has no influence: leaving it out saves its time
        length = int(mask[0].sum())
        x, mask = x[:, :length], mask[:, :length]
    x = x.detach().double()
    start = _baseline(model, modality, x, baseline, other)
    check(
        not bool((x - start).isnan().any()),
        f"Some features of modality '{modality}' are missing in this sample, so that no path leads from a baseline to "
        "it. Choose another sample.",
    )
    valued = _term_function(model, inputs, background, modality, term, output)

    def term_at(values: Tensor) -> Tensor:
        here: Features = values if mask is None else (values, mask.expand(len(values), -1))
        return valued(model.encode_one({modality: here}, modality))

    with torch.no_grad():
        ends = term_at(torch.cat([start, x])).tolist()
    change = ends[1] - ends[0]
    values, steps = run(term_at, start, x, change)
    return Attribution(
        modality,
        term,
        output,
        values[0].numpy(),
        baseline,
        ends[0],
        ends[1],
        abs(float(values.sum()) - change),
        steps,
        _adds_up(values, change),
        method,
    )


def _term_function(
    model: FusionModel,
    inputs: Mapping[str, Features],
    background: backgrounds.Background,
    modality: str,
    term: str,
    output: int,
) -> Callable[[Any], Tensor]:
    """Return a function from the encoded modality, (B, ...), to the term, (B,)."""
    own = counterfactual.encode_samples(model, inputs)
    space = model.algebra.form(modality)
    if space is None:

        def score(state: Any) -> Tensor:
            others = evaluation.nested_tiled(own, evaluation.nested_length(state))
            return model.scores({**others, modality: state})[:, output]

        return score
    if term == SCORE:
        form = counterfactual.score_form(model, own, modality)[output].detach()
    else:
        forms = counterfactual.dividend_forms(model, inputs, background, modality)
        form = forms[coalition_names(model.modalities).index(term), output].detach()
    return lambda state: space.value(form, state.to(form.dtype))


def _baseline(
    model: FusionModel, modality: str, x: Tensor, baseline: str, other: Features | None
) -> Tensor:
    """The features that stand for "nothing said", of the shape of x."""
    choose("Baseline", baseline, BASELINES)
    encoder: Any = model.encoders[modality]
    mean = encoder.standardise.mean.double().expand_as(x).clone()
    match baseline:
        case "mean":
            return mean
        case "zero":
            return torch.zeros_like(x)
    check(
        other is not None,
        "Argument `other` must hold the features of another sample for baseline 'sample', but is None.",
    )
    values, mask = values_and_mask(other)  # type: ignore[arg-type]
    check(
        values.shape[0] == 1 and values.shape[-1] == x.shape[-1] and values.ndim == x.ndim,
        f"Argument `other` must be one sample with {x.shape[-1]} features, but has shape {tuple(values.shape)}.",
    )
    if mask is None:
        return values.double()
    length = min(int(mask[0].sum()), x.shape[1])
    mean[:, :length] = values[:, :length].double()
    return mean
