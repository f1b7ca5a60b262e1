"""The bar that stays in view on top of a page: model, data, sample, background, pins, notes."""
