"""Frames with points as terminal bytes or cells. Pure: arrays in, bytes out; numpy only, nothing of leaptui.

- `scene`: what is shown; `geometry`: which part of it, where.
- `painter`: the protocol of painters; `painters`: which one for a terminal; `burst`: their output as one write.
- `raster`, `tone`, `palette`, `overlay`, `font`: pixels, for every painter.
- `sixel`, `kitty`, `iterm2`, `cells`: the painters.
- `terminal`, `probe`, `tmux`, `replies`, `pace`: what the terminal can do, and how fast the link is.
"""
