"""Measured figures: screens on a scripted terminal, next to another package's, and networks, next to LEAP's own.

`command`: `leaptui bench`.

Screens:

- `canvas`: what is measured, and the report; start here.
- `standard`: the scene. `canvas_app`, `textual_image_app`: the two programs that show it.
- `drive`: keys pressed and bytes counted. `updates`: what of the bytes was a new picture. `encoders`: the encoders
  alone. `goals`: what is wanted.
- `fake_terminal` with `delay_line`: the terminal; `sixel_decoder`: what a sixel picture shows.

Networks:

- `network_commands`: the flags of `bench predict` and `bench train`, and their tables; start here.
- `predict`: ways to predict, in turn (`rates`). `stages`: from file to file, and what bounds it. `machine`: the most the
  machine can do. `untrained`: models with random weights, and what networks cost.
- `train`: ways to train; `timeline`: what a step spends its time on. `curve`: error against seconds; `holdout`: networks
  that have seen one side of the labels.
"""
