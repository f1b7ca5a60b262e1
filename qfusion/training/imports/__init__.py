"""Taking a program in: a first guess of its card, checks on the data, tracing of a factory's model, keeping it among
the models."""
