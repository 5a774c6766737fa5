"""Measured figures: the app's own screens and another package's, on a scripted terminal.

- `command`: `leaptui bench`. `canvas`: what is measured, and the report; start here.
- `standard`: the scene. `canvas_app`, `textual_image_app`: the two programs that show it.
- `drive`: keys pressed and bytes counted. `updates`: what of the bytes was a new picture. `encoders`: the encoders
  alone. `goals`: what is wanted.
- `fake_terminal` with `delay_line`: the terminal; `sixel_decoder`: what a sixel picture shows.
"""
