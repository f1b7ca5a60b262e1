"""Panels: figures with their words and tables, each a function of a sample and of what the reader chose, without streamlit.

    from qfusion.analysis.sample import open_sample
    from qfusion.panels import dynamics

    picture = dynamics.decision_over_time(open_sample("qj-planted", "p2924"), above="entanglement", t=0.5)
    picture.figure.show()
    picture.table()
"""
