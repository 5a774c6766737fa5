"""Figures from arrays: pure functions, no files, no screens.

- `metrics`: how far predictions are from the truth.
- `matching`: which predicted animal is which true one.
"""
