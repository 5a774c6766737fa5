"""Labelling without a screen: the cursor, what each command does to the labels, and the ways to place a point.

A script can do here everything the labelling screen does.
"""
