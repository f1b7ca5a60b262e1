"""Questions about digits seen and heard: is their sum odd, are they the same?

The pictures and recordings are those of `avdigits`, drawn as `data.sources.digit_questions` draws.
"""

from dataclasses import replace
from functools import partial

from qfusion.data.data_set import DataSet
from qfusion.data.sources import Source
from qfusion.data.sources.digit_questions import EVEN_ODD, PARITY, Question, draw_question
from qfusion.data.target_spec import Target
from qfusion.plugins.sets import avdigits

_question = partial(
    Question,
    of=avdigits.SOURCE.name,
    item="picture or recording",
    items="pictures and recordings",
    columns={"speaker": "audio"},
)
AVPARITY = _question(
    "avparity",
    "Seen and heard: odd or even",
    views={"image": "mnist", "audio": "audio"},
    target=PARITY,
    remainders=EVEN_ODD,
    description="A digit that is seen (an MNIST image, 28x28) and one that is heard (log-mel spectrogram, 32 bands x "
    "32 frames): is their sum odd?",
)
AVPARITY3 = _question(
    "avparity3",
    "Two seen, one heard: odd or even",
    views={"mnist": "mnist", "usps": "usps", "audio": "audio"},
    target=PARITY,
    remainders=EVEN_ODD,
    description="Two digits that are seen (MNIST, 28x28, and USPS, 16x16) and one that is heard (log-mel spectrogram, "
    "32 bands x 32 frames): is their sum odd?",
)
AVAGREE = _question(
    "avagree",
    "Seen and heard: same or different",
    views={"image": "mnist", "audio": "audio"},
    target=Target("classification", "agreement", None, ("different", "same")),
    remainders=(tuple(range(1, 10)), (0,)),
    description="A digit that is seen (an MNIST image, 28x28) and one that is heard (log-mel spectrogram, 32 bands x "
    "32 frames): are they the same?",
)
QUESTIONS = (AVPARITY, AVPARITY3, AVAGREE)


def load_question(question: Question) -> DataSet:
    """Return the data set of a question.

    Raises:
        DataUnavailable: when files of `avdigits` are missing.
    """
    _source(question).require()
    return draw_question(question, avdigits.read_avdigits())


def _source(question: Question) -> Source:
    return replace(
        avdigits.SOURCE,
        name=question.name,
        title=question.title,
        load=partial(load_question, question),
        place=59,
        by_hand="It is drawn from the files of 'avdigits', which was put together for qfusion and has no "
        "public copy to download.",
        below=avdigits.SOURCE.name,
    )


PARITY_SOURCE, PARITY3_SOURCE, AGREE_SOURCE = map(_source, QUESTIONS)
