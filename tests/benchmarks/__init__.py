"""Measurements, run by hand (`make bench`): figures as JSON, ratios taken in one run. Not part of the tests."""
