"""Views: one question each, from the numbers of a sample or study to a figure with its words.

    from qfusion.views import decision

    picture = decision.decision_over_time(sample, above="entanglement", t=0.5)
    picture.figure.show()

A view is a function of a sample or study whose keyword arguments are its choices. A page draws their controls, a link
and the command line check them, and what every figure needs beside it (table, alternative text, theme, files) follows
from what the view returns. The words of a view are in its module, those of several in `words`; `pages` lists the views
of each page of the dashboard.
"""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
