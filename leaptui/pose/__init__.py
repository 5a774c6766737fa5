"""The domain: skeletons, instances, labels and the store that keeps them.

- `skeleton`: Skeleton with its Nodes, Edges and Symmetries; built-in ones and their text forms.
- `instance`: Instance, PredictedInstance, LabeledFrame.
- `labels`: Labels, the merged view of every labelled frame.
- `edits`: edits as values, and their JSON form.
- `store`: LabelStore, the append-only journals and the snapshot on disk.

Points are (x, y) in pixels of the source frame, the centre of the top-left pixel is (0, 0), missing is NaN.
"""
