"""Figures from arrays: pure functions, no files, no screens.

- `metrics`: how far predictions are from the truth.
- `matching`: which predicted animal is which true one.
- `misses`: points that miss, by kind.
- `reliability`: whether scores mean what they say.
"""
