"""Undo and redo."""

from __future__ import annotations

from dataclasses import replace

from leaptui.labelling.done import Done, nothing
from leaptui.labelling.frames import FrameCommands
from leaptui.labelling.memory import Step
from leaptui.pose.edits import Restore
from leaptui.pose.labels import FrameKey
from leaptui.pose.transactions import Transaction, nodes_of


class HistoryCommands(FrameCommands):
    """Taking steps back and doing them again: this session's, and those of sessions before in the store."""

    @property
    def undo_words(self) -> str | None:
        """What `undo` would take back."""
        return self._past[-1].words if self._past else self.store.undo_words

    @property
    def redo_words(self) -> str | None:
        """What `redo` would do again."""
        return self._future[-1].words if self._future else self.store.redo_words

    def undo(self) -> Done:
        """Take the last step back and show where it was."""
        step = self._past.pop() if self._past else None
        if step is not None and not step.stored:
            self._memory = step.before
            self._future.append(step)
            return self._shown(f"undone: {step.words}", None, step)
        words = self.store.undo_words
        transaction = self.store.undo()
        if transaction is None:
            return nothing("there is nothing to undo")
        if step is not None:
            self._memory = step.before
            self._future.append(step)
            words = step.words
        return self._shown(f"undone: {words}", transaction, step)

    def redo(self) -> Done:
        """Do the step again that was undone last and show where it is."""
        step = self._future.pop() if self._future else None
        if step is not None and not step.stored:
            self._memory = step.after
            self._past.append(step)
            return self._shown(f"done again: {step.words}", None, step)
        words = self.store.redo_words
        transaction = self.store.redo()
        if transaction is None:
            return nothing("there is nothing to redo")
        if step is not None:
            self._memory = step.after
            self._past.append(step)
            words = step.words
        return self._shown(f"done again: {words}", transaction, step)

    def _shown(self, words: str, transaction: Transaction | None, step: Step | None) -> Done:
        """Go to the frame, the animal and the node of a step."""
        keys = () if transaction is None else transaction.keys
        self._repeat = None
        self._took(keys)
        key = step.key if step is not None else next(iter(keys), self.key)
        if key != self.key and key.video in self._by_id and key.frame < self._by_id[key.video].frames:
            words = f"{words} ({self._arrive(key).words})"
        self._cursor = replace(self._cursor, instance=self.instance)
        if transaction is not None and key == self.key:
            self._select_restored(transaction)
        if transaction is not None and transaction.left:
            words += f"; changed since, so kept: {', '.join(transaction.left)}"
        return Done(words, edited=bool(transaction is not None and transaction.edits))

    def _select_restored(self, transaction: Transaction) -> None:
        here = [e for e in transaction.edits if isinstance(e, Restore) and FrameKey(e.video, e.frame) == self.key]
        if here and here[0].registers:
            self._select_animal(here[0].registers[0].instance)
        nodes = [node for node in nodes_of(here) if node in self.skeleton]
        if len(nodes) == 1:
            self._cursor = replace(self._cursor, node=self.skeleton.index(nodes[0]))
