"""What the decision owes to the physics, and what changes would turn it."""
