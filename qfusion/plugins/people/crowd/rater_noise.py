"""How often the majority that is shown everything would say what no single modality says, if nobody fused: by the
sampling of raters alone."""

import numpy as np

from qfusion.explain import bootstrap
from qfusion.plugins.people.crowd.vote_means import agreement
from qfusion.plugins.people.votes import Votes

DRAWS = 100
STEPS = 30  # of the fit of weights
FLOOR = 1e-3  # a share that nobody voted for is not 0


def neither_by_chance(votes: Votes, draws: int = DRAWS, seed: int = 0) -> bootstrap.Interval:
    """Return the number of clips on which the majority that is shown everything says what no single modality says, if
    each of its raters voted as a rater of one of them; its interval holds 95% of the simulations.

    On every clip the votes of those who are shown everything are a mixture of the shares of votes by single modalities,
    with the weights under which their votes are most likely. Votes of these conditions are drawn anew from it, as many
    as there are.

    Args:
        votes: of people who were shown at least one modality.
        draws: number of simulations. seed: of these.
    """
    M = len(votes.players)
    single = votes.shares[:, :M]
    together = np.einsum("nm,nmk->nk", _mixture_weights(votes), single)
    shares = np.concatenate([single, together[:, None]], 1)
    raters = np.concatenate([votes.raters[:, :M], votes.raters[:, -1:]], 1)
    rng = np.random.default_rng(seed)
    counts = votes.counts.copy()
    drawn = []
    for _ in range(draws):
        anew = rng.multinomial(raters, shares)
        counts[:, :M], counts[:, -1] = anew[:, :M], anew[:, -1]
        drawn.append(
            agreement(Votes(votes.players, votes.classes, counts, votes.explained)).neither
        )
    low, high = np.quantile(drawn, bootstrap.EDGES)
    return bootstrap.Interval(float(np.mean(drawn)), float(low), float(high), len(votes), draws)


def _mixture_weights(votes: Votes) -> np.ndarray:
    """Return the weights (N, M) of single modalities under which the votes of those who are shown everything are most
    likely, by expectation and maximisation."""
    M = len(votes.players)
    single = np.maximum(votes.shares[:, :M], FLOOR)
    together = votes.shares[:, -1]
    weights = np.full((len(votes), M), 1 / M)
    for _ in range(STEPS):
        joint = weights[..., None] * single
        weights = (joint / joint.sum(1, keepdims=True) * together[:, None]).sum(-1)
    return weights
