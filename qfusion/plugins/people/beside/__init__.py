"""A model beside people who rated the same clips."""
