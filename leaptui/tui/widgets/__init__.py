"""Widgets that screens are made of; they hold view state only."""
