"""Games that were measured: their tables, and how they are kept."""
