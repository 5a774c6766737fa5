"""Run directories (layout, events, control, launch) and companion processes. Standard library and psutil only."""
