"""Run directories: layout, events, control, launch. Standard library and psutil only."""
