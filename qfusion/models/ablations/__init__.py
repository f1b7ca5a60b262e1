"""Kinds of models that lack a part of the two systems, and twins that lack one quantum resource."""
