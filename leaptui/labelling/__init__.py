"""Labelling without a screen: the cursor, what each command does to the labels, and the ways to place a point.

A script can do here everything the labelling screen does.

- `labeller`: Labeller, the commands; their themes are in `state`, `points`, `animal_commands`, `frames`, `history`,
  their answers in `done`.
- `animals`, `memory`, `predictions`: what was placed and what was predicted, as one animal.
- `cursor`, `index`, `timeline`, `counter`, `suggestions`: where one is, and what is labelled.
- `hints`, `snap`, `fuzzy`: placing a point and finding a node by few keys.
- `moves`, `reference`: geometry of poses.
- `scene_of`: what is shown, for a painter.
- `skeleton_editor`: SkeletonEditor, the skeleton changed together with its labels.
"""
