"""Predictions in tables: image names and labels in columns."""
