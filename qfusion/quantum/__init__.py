"""Numbers from arrays alone: states, operators, evolution, circuits and their measures, with gradients. No model,
no data, no sample.
"""
