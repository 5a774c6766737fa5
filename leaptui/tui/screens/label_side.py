"""What stands beside the picture: nodes with their states, the pose, the timeline, the title."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from textual import on
from textual.content import Content
from textual.widgets import Static

from leaptui.graphics.scene import OVERLAY
from leaptui.labelling.scene_of import node_colours
from leaptui.pose.instance import PredictedInstance
from leaptui.tui.screens.label_base import LabelBase
from leaptui.tui.widgets.node_list import NodeList, NodeRow
from leaptui.tui.widgets.skeleton_thumbnail import SkeletonThumbnail
from leaptui.tui.widgets.timeline_bar import TimelineBar
from leaptui.tui.widgets.title_bar import TitleBar
from leaptui.words import visible


class LabelSide(LabelBase):
    """Shows, and takes clicks on the timeline."""

    _reference_of: tuple[object, np.ndarray] | None = None

    def show_side(self, found: Sequence[int] | None = None) -> None:
        """Show everything beside the picture.

        Args:
            found: nodes to list, while one is searched for.
        """
        self._show_nodes(found)
        self._show_title()
        self._show_timeline()

    def _show_nodes(self, found: Sequence[int] | None) -> None:
        labeller = self.labeller
        animal = labeller.animal
        colours = node_colours(labeller.skeleton)
        rows = [
            NodeRow(
                name,
                animal.states[i].value,
                "#{:02x}{:02x}{:02x}".format(*OVERLAY[colours[i]]),
                float(animal.scores[i]) if np.isfinite(animal.scores[i]) else None,
            )
            for i, name in enumerate(labeller.skeleton.node_names)
        ]
        self.query_one(NodeList).show(rows, labeller.node, found)
        placed, count = int(animal.placed.sum()), len(rows)
        animals = labeller.instances()
        which = f"animal {labeller.instance + 1} of {len(animals)}" if len(animals) > 1 else "animal"
        track = f" {visible(animal.track)}" if animal.track else ""
        self.query_one("#animal", Static).update(Content(f"{which}{track}: {placed} of {count} placed"))
        self.query_one(SkeletonThumbnail).show(self._reference(), labeller.skeleton.edge_indices, labeller.node)

    def _reference(self) -> np.ndarray:
        """The reference pose, upright as it is kept; made once a skeleton and a while."""
        name = (self.labeller.skeleton, self.labeller.counts().frames)
        if self._reference_of is None or self._reference_of[0] != name:
            self._reference_of = (name, self.labeller.reference())
        return self._reference_of[1]

    def _show_title(self) -> None:
        labeller = self.labeller
        name = PurePath(labeller.video.path).name
        bar = self.query_one(TitleBar)
        bar.show_crumbs(self.desk.project.name, name, f"frame {labeller.frame:,} of {labeller.video.frames:,}")
        bar.show_note(labeller.counts().words)

    def _show_timeline(self) -> None:
        bar = self.query_one(TimelineBar)
        width = bar.size.width
        if not width:
            return
        line = self.labeller.timeline(self.labeller.key.video, width)
        bar.show([int(state) for state in line.states], line.column_of(self.labeller.frame))

    @on(TimelineBar.Chosen)
    def _timeline_chosen(self, message: TimelineBar.Chosen) -> None:
        message.stop()
        line = self.labeller.timeline(self.labeller.key.video, self.query_one(TimelineBar).size.width)
        self.done(self.labeller.go(line.frame_of(message.column)))

    def _compared(self) -> Sequence[PredictedInstance]:
        """Animals of the predictions shown beside."""
        predictions, chosen = self.desk.predictions, self.look.compared
        if predictions is None or chosen is None:
            return ()
        files = predictions.files(self.labeller.key.video)
        return predictions.instances(self.labeller.key, files[chosen].path) if chosen < len(files) else ()
