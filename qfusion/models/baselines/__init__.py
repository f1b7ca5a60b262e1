"""What accuracy and size of the quantum models are compared with."""
