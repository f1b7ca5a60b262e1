"""Train: new models on any data set, watched while they learn; they go on when the page is closed."""

from qfusion.ui import train_view
from qfusion.ui.shell import frame, guard

theme = frame("Train", "How does a model learn, when does it start to use each modality, and which settings are better?",
              train_view.allowed)
with guard():
    train_view.page(theme)
