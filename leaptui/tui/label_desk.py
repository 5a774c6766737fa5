"""LabelDesk: everything the labelling screen works with: labels, frames, predictions, a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leaptui.errors import OperationFailed, UnusableInput, UsageError
from leaptui.labelling.index import FrameStatus
from leaptui.labelling.labeller import Labeller
from leaptui.labelling.suggestions import SUGGESTIONS_FILE
from leaptui.ops.predictions import FoundPredictions, find_predictions, trained_models
from leaptui.pose.labels import FrameKey
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import Project
from leaptui.tui.companions import Found, FrameSupply, WarmPredictor
from leaptui.tui.predictions import Arrived, ProjectPredictions
from leaptui.tui.services import Services
from leaptui.tui.session import Session


@dataclass
class LabelDesk:
    """What is open while somebody labels.

    Args:
        project: the project.
        store: its labels.
        labeller: the person's place in them.
        services: ways to the processes beside the app.
        found: predictions files that may belong to the project, newest first.
        models: trained models, the best to use first.
    """

    project: Project
    store: LabelStore
    labeller: Labeller
    services: Services
    found: Sequence[FoundPredictions] = ()
    models: Sequence[Path] = ()
    frames: FrameSupply | None = None
    predictions: ProjectPredictions | None = None
    predictor: WarmPredictor | None = None

    @classmethod
    def open(cls, session: Session, services: Services, *, first_node: str | None = None) -> LabelDesk:
        """Read the labels and look for predictions and models; for a thread.

        Args:
            session: the open project.
            services: ways to the processes beside the app.
            first_node: a project without a skeleton gets one with this node.

        Raises:
            UnusableInput: if the project has no skeleton or no video, or its labels cannot be read.
        """
        project = Project.open(session.folder)
        if project.skeleton is None and first_node is not None:
            project.skeleton = make_skeleton(project.name, [first_node])
            project.save()
        skeleton = project.require_skeleton()
        if not project.videos:
            raise UnusableInput(
                "the project has no video to label", where=project.folder, hint="Add one: leaptui add PROJECT VIDEO"
            )
        store = LabelStore(project.labels_folder, skeleton)
        # The first look at the history reads the ends of the journals; later it would be in a person's way.
        _ = store.undo_words
        labeller = Labeller(store, skeleton, project.videos, suggestions=project.labels_folder / SUGGESTIONS_FILE)
        return cls(project, store, labeller, services, find_predictions(project), trained_models(project))

    def begin(self, video: str | None, frame: int | None) -> None:
        """Go to where labelling begins.

        Raises:
            UsageError: if there is no such video or frame.
        """
        if video is None and frame is None:
            if self.labeller.status(self.labeller.key) is FrameStatus.LABELLED:
                self.labeller.next_unlabelled()
            return
        record = self.labeller.video if video is None else self.project.video(video)
        at = frame or 0
        if not 0 <= at < record.frames:
            raise UsageError(
                f"there is no frame {at}", where=record.path, hint=f"It has frames 0 to {record.frames - 1}."
            )
        self.labeller.go(at, record.id)

    def start(self, on_frame: Callable[[Found], None], on_news: Callable[[Arrived], None]) -> None:
        """Start to read frames and predictions; both are called in other threads."""
        reader = self.services.frame_reader(self.project.folder)
        self.frames = FrameSupply(reader, on_frame)
        self.predictions = ProjectPredictions(reader, self.frames, self.store.skeleton, on_news)
        self.predictions.open(found.path for found in self.found)
        self.labeller.set_predictions(self.predictions)

    def predict(self, key: FrameKey, on_change: Callable[[], None]) -> str:
        """Have the newest model predict a frame; says what happens, in words.

        Args:
            key: the frame.
            on_change: called, in another thread, when the model is further.
        """
        if self.predictions is None or not self.models:
            return "there is no trained model yet: train one with t on the project's screen"
        if self.predictor is None:
            self.predictor = WarmPredictor(self.services.predictor(self.models[0], "auto"), on_change)
            self.predictions.use(self.predictor)
        self.predictions.predict(key)
        name = self.models[0].parent.name
        return f"{name} predicts this frame …"

    def skeleton_edited(self, _result: object = None) -> None:
        """The skeleton may be another now."""
        self.labeller.set_skeleton(self.project.require_skeleton())
        if self.predictions is not None:
            self.predictions.skeleton = self.labeller.skeleton
            self.labeller.predictions_changed()

    def close(self) -> None:
        """Let everything go. What cannot be saved is lost: whoever leaves was asked before."""
        if self.frames is not None:
            self.frames.close()
        if self.predictor is not None:
            self.predictor.close()
        with suppress(OperationFailed):
            self.store.close()
