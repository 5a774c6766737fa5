"""SerialKeys: keys take effect one after the other, however fast they come.

Textual looks for the binding of a key after the key has passed its widgets, so the next key may pass them before the
first one's command has run. Here a key can change what the next one means (a question, the hint grid), and a link
that stalls delivers whole words at once. So the screen looks up bindings itself and waits for their actions.
"""

from __future__ import annotations

from textual import events
from textual.screen import Screen

from leaptui.tui.widgets.prompt_line import Prompted, PromptLine


class SerialKeys(Screen[None]):
    """A screen with a `PromptLine` and keys whose order matters."""

    async def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        if self.app.screen is not self:
            # A dialog was opened by the key before; it has not got the focus yet.
            self.app.post_message(events.Key(event.key, event.character))
            return
        prompt = self.query_one(PromptLine)
        if prompt.is_open:
            self._prompted(prompt, prompt.feed(event.key, event.character))
        elif not self.take_key(event.key):
            active = self.active_bindings.get(event.key)
            if active is not None and active.enabled:
                await self.app.run_action(active.binding.action, active.node)

    def on_paste(self, event: events.Paste) -> None:
        prompt = self.query_one(PromptLine)
        if prompt.is_open:
            event.stop()
            self._prompted(prompt, prompt.paste(event.text))

    def take_key(self, key: str) -> bool:
        """A key that may mean something other than its binding now; False if it does not."""
        return False

    def prompt_typed(self, question: str, value: str) -> None:
        """The answer to a question so far."""

    def prompt_answered(self, question: str, value: str) -> None:
        """The answer to a question."""

    def prompt_left(self) -> None:
        """A question was left without an answer."""

    def _prompted(self, prompt: PromptLine, what: Prompted) -> None:
        match what:
            case Prompted.TYPED:
                self.prompt_typed(prompt.question, prompt.value)
            case Prompted.ANSWERED:
                self.prompt_answered(prompt.question, prompt.value)
            case Prompted.LEFT:
                self.prompt_left()
