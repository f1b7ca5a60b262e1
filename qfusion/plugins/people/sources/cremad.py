"""CREMA-D's crowd ratings (Cao and others 2014): people name the emotion of a clip, by voice, face, or both.

91 actors say twelve sentences with six emotions, some at three levels; about ten people rated each of 7,442 clips in
each condition. The set is a measured game: its model are the people. Clips themselves are not part of it.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from qfusion.data.data_set import DataSet
from qfusion.data.game_set import GameTable, game_dataset
from qfusion.data.sources import PinnedFile, Source
from qfusion.plugins.people import ratings

_REPOSITORY = "https://raw.githubusercontent.com/CheyneyComputerScience/CREMA-D"
VOTES = PinnedFile(
    "tabulatedVotes.csv",
    "774d9d759cb5caf2542758a39eca8c0f1d2777f9987ff5d5adf8066d192f377b",
    4_057_953,
    f"{_REPOSITORY}/63f0471e4a7db8cec2b1aae42e732fe2792e978c/processedResults/tabulatedVotes.csv",
)
ACTORS = PinnedFile(
    "VideoDemographics.csv",
    "e33ddc8b60bedf98541735801127cbb67098b5957271adbdd5dea8a44294eec3",
    4_033,
    f"{_REPOSITORY}/98df52c29f4fc2a3cc6d2536b96112d013ba5290/VideoDemographics.csv",
)
EMOTIONS = {
    "A": "anger",
    "D": "disgust",
    "F": "fear",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
}
ACTED = {"ANG": "A", "DIS": "D", "FEA": "F", "HAP": "H", "NEU": "N", "SAD": "S"}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high", "XX": "not given"}
CONDITIONS = {"1": "voice", "2": "face", "3": "voice+face"}  # first digits of the row ids
SENTENCES = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}
LICENCE = "Open Database License 1.0, contents under the Database Contents License 1.0"
CITATION = (
    "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma, CREMA-D: Crowd-sourced Emotional "
    "Multimodal Actors Dataset, IEEE Transactions on Affective Computing 5(4), 377-390 (2014)"
)


def read_votes(folder: Path) -> pd.DataFrame:
    """Return the table of votes of the files in a folder, a row for each clip and condition, as `read_ratings` takes.

    The name of a clip says its actor, sentence, acted emotion and level: 1001_IEO_HAP_LO.
    """
    votes = pd.read_csv(folder / VOTES.path, dtype={0: str}, usecols=[*range(8)])
    parts = votes["fileName"].str.split("_", expand=True)
    actors = pd.read_csv(folder / ACTORS.path, dtype=str).set_index("ActorID")
    actor = parts[0]
    return pd.DataFrame(
        {
            "clip": votes["fileName"],
            "condition": votes.iloc[:, 0].str[0].map(CONDITIONS),
            **{name: votes[letter] for letter, name in EMOTIONS.items()},
            "acted emotion": parts[2].map(ACTED).map(EMOTIONS),
            "level": parts[3].map(LEVELS),
            "sentence": parts[1].map(SENTENCES),
            "actor": actor,
            "actor's sex": actor.map(actors["Sex"].str.lower()),
            "actor's age": actor.map(actors["Age"]).astype(int),
        }
    )


def read_crowd() -> ratings.Ratings:
    """Return the ratings of the files in the data folder.

    Raises:
        DataUnavailable: when a file is missing. IntegrityError: when it is another one.
    """
    return ratings.read_ratings(
        read_votes(SOURCE.verify()),
        classes=tuple(EMOTIONS.values()),
        intended="acted emotion",
        group="actor",
    )


def read_game() -> GameTable:
    """Return the game of the ratings; errors as of `read_crowd`."""
    return replace(read_crowd().game(), source="CREMA-D's crowd ratings")


def load() -> DataSet:
    """Return the clips of the game; errors as of `read_crowd`."""
    return game_dataset(
        read_game(),
        SOURCE.name,
        SOURCE.title,
        description="7,442 clips of 91 actors who say twelve sentences with six emotions. About ten people named the "
        "emotion of each clip from the voice alone, as many others from the face alone, and as many from both. The "
        "value of a coalition is the share of votes for the acted emotion, and that of the empty coalition its share "
        f"of all votes. {CITATION}.",
        source="the CREMA-D repository, processedResults/tabulatedVotes.csv and VideoDemographics.csv",
        licence=LICENCE,
    )


SOURCE = Source(
    "cremad",
    "CREMA-D: what people hear and see",
    load,
    place=60,
    files=(VOTES, ACTORS),
    game=read_game,
)
