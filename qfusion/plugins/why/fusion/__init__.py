"""Whether a model fuses: loss without joint terms, ranking of coalitions, synergy, training seeds."""
