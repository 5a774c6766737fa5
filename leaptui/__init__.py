"""leaptui: LEAP in the terminal.

Animal pose estimation over SSH: label, train, predict, evaluate. `leaptui/docs/ARCHITECTURE.md` is the map.
"""

__version__ = "0.1.0"
