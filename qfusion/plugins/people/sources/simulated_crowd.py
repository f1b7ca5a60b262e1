"""A simulated crowd: votes of people who hear a voice, see a face, or both, drawn from known probabilities.

Clips are of five kinds, by what the two modalities do together:

    alike            voice and face both point to the emotion
    face alone       the face points to it, the voice to nothing
    voice alone      the voice points to it, the face to nothing
    only together    the voice leaves two emotions open, the face two others, and one is in both pairs
    third            voice and face point to different emotions, and both together are taken for a third, as in the
                     effect of McGurk and MacDonald (1976)

Except in the last kind, people who hear and see pool both as Bayes' rule says: they add the log-probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from qfusion._checks import check

PLAYERS = ("voice", "face")
CLASSES = ("anger", "fear", "happy", "neutral", "sad")
KINDS = ("alike", "face alone", "voice alone", "only together", "third")
SHARES = (0.35, 0.2, 0.1, 0.25, 0.1)  # of clips of each kind
ACTORS = 40
RATERS = (8, 12)  # of a clip in a condition: the fewest and the most
CLEAR, OPEN = 2.2, 1.8  # log-probability that a modality adds to its one emotion, or to each of two
CLARITY = 0.4  # relative spread of these over clips


@dataclass(frozen=True, eq=False)
class SimulatedCrowd:
    """Probabilities of votes.

    Attributes:
        probabilities: of every class, (N, 3, K), for voice, face and both.
        explained: the emotion that is acted, (N,). kinds: places in KINDS (N,). actors: their numbers (N,).
    """

    probabilities: np.ndarray
    explained: np.ndarray
    kinds: np.ndarray
    actors: np.ndarray

    def draw_votes(self, rng: np.random.Generator, raters: Sequence[int] = RATERS) -> np.ndarray:
        """Return votes (N, 3, K) of as many raters as are drawn for every clip and condition."""
        fewest, most = raters
        check(2 <= fewest <= most, f"Raters must be two or more, but are {fewest} to {most}.")
        count = rng.integers(fewest, most + 1, self.probabilities.shape[:2])
        return rng.multinomial(count, self.probabilities)


def simulate_crowd(seed: int, clips: int) -> SimulatedCrowd:
    """Return the probabilities of a crowd.

    Args:
        seed: of everything that is drawn. clips: their number N.
    """
    rng = np.random.default_rng(seed)
    K = len(CLASSES)
    kinds = rng.choice(len(KINDS), clips, p=SHARES)
    orders = rng.permuted(np.tile(np.arange(K), (clips, 1)), axis=1)
    explained = orders[:, 0]
    actors = rng.integers(0, ACTORS, clips)
    clarity = (
        1 + CLARITY * rng.normal(size=(clips, 1)) + 0.2 * rng.normal(size=ACTORS)[actors, None]
    )
    clarity = np.clip(clarity, 0.2, 2.0)
    rows = np.arange(clips)
    voice, face = (0.3 * rng.normal(size=(clips, K)) for _ in range(2))

    def point(logits: np.ndarray, kind: str, place: int, strength: float) -> None:
        own = rows[kinds == KINDS.index(kind)]
        logits[own, orders[own, place]] += strength * clarity[own, 0]

    for kind, heard, seen in (
        ("alike", (0,), (0,)),
        ("face alone", (), (0,)),
        ("voice alone", (0,), ()),
        ("only together", (0, 1), (0, 2)),
        ("third", (1,), (2,)),
    ):
        for logits, places in ((voice, heard), (face, seen)):
            for place in places:
                point(logits, kind, place, CLEAR if len(places) == 1 else OPEN)
    both = voice + face
    third = kinds == KINDS.index("third")
    both[third] = 0.3 * rng.normal(size=(int(third.sum()), K))
    point(both, "third", 0, CLEAR)
    logits = np.stack([voice, face, both], 1)
    return SimulatedCrowd(softmax(logits, -1), explained, kinds, actors)
