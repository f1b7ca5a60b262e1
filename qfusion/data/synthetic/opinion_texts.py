"""Short opinions from a grammar, and their valence, which depends on the order of the words.

`valence` is the meaning of a sentence, by rule. An opinion word counts with its own value, times the last intensifier
or downtoner before it ("extremely good"), times -0.6 after a negation in the same clause ("not good" is mildly bad, and
so is "do not think it was good"). After "but" a new clause begins that counts three times as much as the first ("good
but boring" is bad, "boring but good" is good); after "and" both count the same. All other words are filler.

`sentence` finds words for a wanted valence; the latent of a sample is the exact valence of its words.
"""

from bisect import bisect_left
from operator import itemgetter

import numpy as np

OPINIONS = {
    "superb": 0.70,
    "wonderful": 0.66,
    "brilliant": 0.62,
    "excellent": 0.58,
    "great": 0.54,
    "lovely": 0.50,
    "charming": 0.46,
    "good": 0.42,
    "funny": 0.38,
    "pleasant": 0.34,
    "clever": 0.30,
    "decent": 0.24,
    "fine": 0.18,
    "okay": 0.10,
    "plain": -0.10,
    "dated": -0.18,
    "odd": -0.24,
    "slow": -0.30,
    "dull": -0.34,
    "weak": -0.38,
    "bad": -0.42,
    "boring": -0.46,
    "annoying": -0.50,
    "ugly": -0.54,
    "poor": -0.58,
    "awful": -0.62,
    "terrible": -0.66,
    "dreadful": -0.70,
    "loved": 0.64,
    "enjoyed": 0.52,
    "liked": 0.40,
    "disliked": -0.40,
    "regretted": -0.52,
    "hated": -0.64,
    "love": 0.64,
    "enjoy": 0.52,
    "like": 0.40,
    "dislike": -0.40,
    "regret": -0.52,
    "hate": -0.64,
}
INTENSIFIERS = {
    "slightly": 0.5,
    "somewhat": 0.65,
    "fairly": 0.8,
    "rather": 0.9,
    "really": 1.15,
    "very": 1.25,
    "truly": 1.3,
    "extremely": 1.4,
}
NEGATIONS = ("not", "never")
FILLERS = ("um", "well", "honestly", "anyway", "actually", "basically", "erm", "yeah")
TOPICS = (
    "movie",
    "plot",
    "acting",
    "music",
    "concert",
    "book",
    "story",
    "game",
    "talk",
    "course",
    "food",
    "service",
    "hotel",
    "room",
    "phone",
    "camera",
    "battery",
    "screen",
    "coffee",
    "trip",
)
FUNCTION = ("the", "was", "i", "it", "did", "do", "think", "thought", "found")
JOINS = ("and", "but")
VOCABULARY = (*OPINIONS, *INTENSIFIERS, *NEGATIONS, *JOINS, *FILLERS, *TOPICS, *FUNCTION)

NEGATED = -0.6
AFTER_BUT = 0.75  # the share of the clause after "but"
MAX_WORDS = 24

WORD_FEATURES = (
    "opinion value",
    "is opinion",
    "strength",
    "is intensifier",
    "is negation",
    "is 'and'",
    "is 'but'",
    "is filler",
    "is topic",
    "is function word",
)

_PAST = {
    "love": "loved",
    "enjoy": "enjoyed",
    "like": "liked",
    "dislike": "disliked",
    "regret": "regretted",
    "hate": "hated",
}
_VERB_STRENGTHS = ("slightly", "somewhat", "rather", "really", "truly")


def valence(words: tuple[str, ...]) -> float:
    """Return the valence of the words, in [-1, 1], by the rule above.

    >>> round(valence(("the", "plot", "was", "not", "really", "good")), 4)
    -0.2898
    """
    clauses, negated, strength, value, last_join = [], False, 1.0, 0.0, "and"
    for word in (*words, "end"):
        if word in OPINIONS:
            value = OPINIONS[word] * strength * (NEGATED if negated else 1)
        elif word in INTENSIFIERS:
            strength = INTENSIFIERS[word]
        elif word in NEGATIONS:
            negated = True
        elif word in JOINS or word == "end":
            clauses.append(value)
            negated, strength, value = False, 1.0, 0.0
            last_join = word if word in JOINS else last_join
    if len(clauses) == 1:
        return clauses[0]
    share = AFTER_BUT if last_join == "but" else 0.5
    return (1 - share) * clauses[0] + share * clauses[1]


_STRENGTHS = {"": 1.0, **INTENSIFIERS}
# Every opinion word with every intensifier; of verbs only some go with one.
_OPINIONS = [
    (word, intensifier)
    for word in OPINIONS
    for intensifier in (("", *_VERB_STRENGTHS) if word in _PAST else _STRENGTHS)
    if word not in _PAST.values()
]
# By whether they are negated: their values, words and intensifiers, in order.
_PHRASES = {
    negated: sorted((factor * OPINIONS[w] * _STRENGTHS[i], w, i) for w, i in _OPINIONS)
    for negated, factor in ((False, 1.0), (True, NEGATED))
}


def _clause(wanted: float, rng: np.random.Generator) -> list[str]:
    # A negated phrase reaches 0.59 at most, so strong opinions are said without negation.
    negated = bool(abs(wanted) < 0.55 and rng.random() < 0.4)
    phrases = _PHRASES[negated]
    at = bisect_left(phrases, wanted, key=itemgetter(0)) + int(rng.integers(-3, 4))
    _, word, intensifier = phrases[min(max(at, 0), len(phrases) - 1)]
    phrase = [intensifier, word] if intensifier else [word]
    the = ["the", TOPICS[rng.integers(len(TOPICS))]]
    form = int(rng.integers(3))
    if word in _PAST:
        if not negated:
            return ["i", *phrase[:-1], _PAST[word], *the]
        return [
            "i",
            *(["did", "not"], ["never"], ["did", "not"])[form],
            *phrase[:-1],
            _PAST[word] if form == 1 else word,
            *the,
        ]
    if negated:
        return [
            [*the, "was", "not", *phrase],
            ["i", "do", "not", "think", *the, "was", *phrase],
            ["i", "never", "thought", *the, "was", *phrase],
        ][form]
    return [
        [*the, "was", *phrase],
        ["i", "found", *the, *phrase],
        ["i", "think", "it", "was", *phrase],
    ][form]


def sentence(wanted: float, rng: np.random.Generator) -> tuple[str, ...]:
    """Return the words of a sentence whose valence is close to `wanted`, in [-1, 1]. It differs by about 0.02."""
    kind = rng.random()
    words: list[str] = []
    if kind < 0.5:
        other = (
            float(rng.uniform(-0.9, 0.9)) if kind < 0.28 else wanted + float(rng.uniform(-0.4, 0.4))
        )
        share = AFTER_BUT if kind < 0.28 else 0.5
        rest = (wanted - (1 - share) * other) / share
        if max(abs(other), abs(rest)) < 0.9:
            first = _clause(other, rng)
            # The second clause makes up for what the first one missed.
            rest = (wanted - (1 - share) * valence(tuple(first))) / share
            words = [*first, "but" if kind < 0.28 else "and", *_clause(rest, rng)]
    words = words or _clause(wanted, rng)
    for _ in range(int(rng.integers(0, 3))):
        words.insert(int(rng.integers(0, len(words))), FILLERS[rng.integers(len(FILLERS))])
    return tuple(words)


def vectors() -> dict[str, np.ndarray]:
    """Return each word's vector (10,), float32: its opinion value, its strength, and indicators of the kind of word."""
    return {
        word: np.array(
            [
                OPINIONS.get(word, 0.0),
                word in OPINIONS,
                INTENSIFIERS.get(word, 1.0) - 1,
                word in INTENSIFIERS,
                word in NEGATIONS,
                word == "and",
                word == "but",
                word in FILLERS,
                word in TOPICS,
                word in FUNCTION,
            ],
            np.float32,
        )
        for word in VOCABULARY
    }


def word_features(sentences: list[tuple[str, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the word vectors (N, MAX_WORDS, 10), zero-padded, and the numbers of words (N,)."""
    table = vectors()
    values = np.zeros((len(sentences), MAX_WORDS, len(WORD_FEATURES)), dtype=np.float32)
    for row, words in enumerate(sentences):
        values[row, : len(words)] = [table[word] for word in words]
    return values, np.array([len(words) for words in sentences])
