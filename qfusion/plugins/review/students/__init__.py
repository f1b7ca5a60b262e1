"""Students: small models that learn to predict a model from explanations of it, and what these
are worth to them."""
