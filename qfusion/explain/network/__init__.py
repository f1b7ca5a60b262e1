"""Reading the fusion network: its evidence, entropies and decision operators."""
