"""The domain: skeletons, instances, labels and the store that keeps them.

- `skeleton`: Skeleton with its Nodes, Edges and Symmetries; `builtin` has ready ones, `skeleton_edits` changes them.
- `instance`: Instance, PredictedInstance, LabeledFrame.
- `labels`: Labels, the merged view of every labelled frame.
- `store`: LabelStore, what the rest of leaptui uses; it stands on
  - `edits`, `transactions`: edits as values, made together, and their lines in a journal,
  - `stamps`, `registers`, `renames`, `merge`: how edits of several sessions become one state,
  - `journal`, `journal_reader`, `snapshot`: the files,
  - `history`, `undoing`: undo and redo,
  - `log`: who changed what and when.

Points are (x, y) in pixels of the source frame, the centre of the top-left pixel is (0, 0), missing is NaN.
"""
