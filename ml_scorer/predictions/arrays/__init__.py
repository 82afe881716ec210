"""Predictions in arrays, which have no image names: their order is said."""
