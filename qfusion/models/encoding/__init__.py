"""Encoders: from the features of a modality to the numbers of a state or of angles."""
