"""A cursor over the epochs of a training."""

import streamlit as st

from qfusion.training import checkpoint_cards
from qfusion.ui import state
from qfusion.views.pages import address

EPOCH, _LAST = "_epoch", "end"


def draw_replay(model: str) -> None:
    """Draw a cursor over the epochs after which the model was saved, if there are any."""
    name, _, epoch = model.partition(checkpoint_cards.AFTER)
    if epochs := checkpoint_cards.saved_epochs(model):
        state.put(EPOCH, epoch or _LAST)
        st.select_slider(
            "After epoch",
            [*map(str, epochs), _LAST],
            key=EPOCH,
            on_change=_epoch_changed,
            args=(name,),
            width=190,
            help="All pages show the model after this epoch of its training.",
        )


def _epoch_changed(name: str) -> None:
    epoch = state.get(EPOCH)
    there = name if epoch == _LAST else f"{name}{checkpoint_cards.AFTER}{epoch}"
    if there in address.models():
        state.put(address.MODEL.key, there)
