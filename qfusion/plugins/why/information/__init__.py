"""How much the modalities of a data set tell about its target, and whether joint models gain."""
