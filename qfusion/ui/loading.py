"""Data sets and checkpoints by name, shared by all sessions."""

from qfusion import data
from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.analysis import opening
from qfusion.training.checkpoint import Checkpoint
from qfusion.views.pages import address


@memo(
    4,
    task="Loading the data … (the first start generates 3,000 spoken opinions, about ten seconds)",
    stamp=data.stamp,
)
def load_dataset(name: str) -> data.DataSet:
    """A data set by name, never by a path: names come from readers. Loaded anew when it was imported anew.

    Raises:
        NotFound: when there is none of that name.
    """
    return data.load(choose("Data set", name, data.names()))


def load_model(name: str) -> Checkpoint:
    """A checkpoint by name, never by a path.

    Raises:
        NotFound: when there is none of that name.
    """
    return opening.load_checkpoint(choose("Model", name, address.models()))
