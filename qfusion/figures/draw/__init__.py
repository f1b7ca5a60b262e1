"""Arrays in, plotly figure out: one module a subject."""
