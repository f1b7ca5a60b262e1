"""Forms in which a reader brings data and samples, and trains models."""
