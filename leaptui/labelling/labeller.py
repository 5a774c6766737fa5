"""Labeller: everything the labelling screen does to labels, without a screen.

The commands are methods, kept by theme in the classes it is made from:

- `state.LabellerState`: what is open and selected (`key`, `video`, `frame`, `instance`, `node`, `animal`,
  `point`, `instances()`), `flush`, `saved`, `refresh`/`take_refreshed`, `set_predictions`;
- `points.PointCommands`: `next_node`, `previous_node`, `select_node`, `select_point`, `find_nodes`,
  `nearest_node`, `next_doubtful_node`, `next_open_node`; `place`, `place_expected`, `move`, `snap`,
  `delete_point`, `set_occluded`, `accept`, `reset_to_prediction`, `mirror`;
- `animal_commands.AnimalCommands`: `move_instance`, `rotate`, `copy_from`, `interpolate`; `add_instance`,
  `delete_instance`, `select_instance`, `next_instance`, `previous_instance`, `tracks`, `assign_track`;
- `frames.FrameCommands`: `go`, `step`, `next_unlabelled`, `next_labelled`, `suggestions`, `next_suggestion`,
  `next_video`, `back`, `forward`, `timeline`, `counts`, `status`;
- `history.HistoryCommands`: `undo`, `redo`, `undo_words`, `redo_words`.

Every command answers `Done`: words for the status line, whether anything shown changed, whether there is
something to flush. An ordinary mistake (nothing selected, no such frame) is words, never an exception. All of it
runs on one thread, but for `flush` and `refresh`, which are made for another.

What is a label and what is a guess: labels are what a person has placed or accepted, and only they are stored. A
model's points and the reference pose of a new animal are guesses (`PointState.PREDICTED`) until they are moved,
placed or accepted. Deleting a point says that there is none: the node is EMPTY and `absent`, also where a guess is and
after a restart, nothing asks for it any more, and a frame is complete without it. Resetting makes the node as if nobody
had touched it. A predicted animal that was deleted stays away for the session.

Adding a new command: a method that answers `Done` in the class of its theme; it changes labels through `_set` or
`_change` only, so that it can be undone.
"""

from __future__ import annotations

from leaptui.labelling.history import HistoryCommands


class Labeller(HistoryCommands):
    """A person's place among the frames, and what the keys do there."""
