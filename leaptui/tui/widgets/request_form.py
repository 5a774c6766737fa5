"""RequestForm: a form made from a Request, as the command line is.

Every label, choice, range and help text comes from the Request's fields; nothing of them is repeated here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch

from leaptui.errors import UsageError
from leaptui.ops.requests import RequestField, range_text, request_fields
from leaptui.tui.form_values import label, parse, shown
from leaptui.tui.widgets.path_input import PathInput
from leaptui.words import visible

_LEFT_OUT = "(left out)"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@dataclass(frozen=True)
class Reading:
    """What a form says.

    Args:
        values: by field, those that are right and those that the form does not show.
        errors: what is wrong, by field.
    """

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


class FieldRow(Vertical):
    """One field: its name, its control, what it is, and what is wrong with it.

    Args:
        field: the field of the Request.
        value: to begin with.
    """

    def __init__(self, field: RequestField, value: Any) -> None:
        super().__init__(id=f"row-{field.name}", classes="field")
        self.field = field
        self._value = value

    def compose(self) -> ComposeResult:
        with Horizontal(classes="line"):
            star = " *" if self.field.required else ""
            yield Static(Content(label(self.field) + star), classes="label")
            yield self._control()
            if self.field.kind is bool and not self.field.optional:
                yield Static(_yes(bool(self._value)), classes="answer")
            yield Static(Content(visible(self._help())), classes="help beside")
        yield Static(Content(visible(self._help())), classes="help below")
        yield Static("", classes="problem", markup=False)

    def _help(self) -> str:
        told = self.field.option
        allowed = range_text(told)
        return told.help + (f" ({allowed})" if allowed else "")

    def _control(self) -> Widget:
        name, told, value = f"field-{self.field.name}", self.field.option, self._value
        if self.field.kind is bool and self.field.optional:
            answers = [(Content("yes"), True), (Content("no"), False)]
            return Select(
                answers, prompt=_LEFT_OUT, value=Select.NULL if value is None else value, id=name, compact=True
            )
        if self.field.kind is bool:
            return Switch(bool(value), id=name)
        if told.choices and not self.field.many:
            options = [(Content(choice), choice) for choice in told.choices]
            if self.field.optional:
                chosen = Select.NULL if value is None else value
                return Select(options, prompt=_LEFT_OUT, value=chosen, id=name, compact=True)
            return Select(options, allow_blank=False, value=value, id=name, compact=True)
        text = shown(self.field, value) if value is not None else ""
        hint = _LEFT_OUT if self.field.optional else (told.metavar or "")
        if self.field.kind is Path:
            return PathInput(text, many=self.field.many, placeholder=hint, id=name, compact=True)
        kind = {int: "integer", float: "number"}.get(self.field.kind)
        restrict = r"[-+0-9_]*" if kind == "integer" and not self.field.many else None
        return Input(text, placeholder=hint, restrict=restrict, id=name, compact=True)

    @property
    def control(self) -> Widget:
        """The widget that holds the value."""
        return self.query_one(f"#field-{self.field.name}")

    def show_answer(self) -> None:
        """Say in a word what a switch stands at; its colours alone do not in a terminal with few of them."""
        control = self.control
        if isinstance(control, Switch):
            self.query_one(".answer", Static).update(_yes(control.value))

    def read(self) -> Any:
        """The value.

        Raises:
            UsageError: what is wrong with it.
        """
        control = self.control
        if isinstance(control, Switch):
            return control.value
        if isinstance(control, Select):
            return None if control.is_blank() else control.value
        assert isinstance(control, Input)
        return parse(self.field, control.value)

    def show_problem(self, words: str) -> None:
        """Say what is wrong; nothing, with an empty text."""
        problem = self.query_one(".problem", Static)
        problem.update(Content(visible(words)))
        problem.display = bool(words)
        self.set_class(bool(words), "-wrong")


class RequestForm(VerticalScroll, can_focus=False):
    """A form for a Request class: what is needed first, what few people change folded away.

    Args:
        request: the Request class.
        given: values to begin with, instead of the defaults.
        hidden: fields not shown; they keep their given value.
        id: of the widget.
    """

    class Edited(Message):
        """Something was changed."""

    class Submitted(Message):
        """Enter was pressed in a field."""

    def __init__(
        self,
        request: type,
        *,
        given: Mapping[str, Any] | None = None,
        hidden: Collection[str] = (),
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.request = request
        self._given = dict(given or {})
        self._fields = request_fields(request)
        self._hidden = set(hidden)

    def compose(self) -> ComposeResult:
        fields = [field for field in self._fields if field.name not in self._hidden]
        plain = [field for field in fields if not field.option.advanced]
        advanced = [field for field in fields if field.option.advanced]
        for each in sorted(plain, key=lambda f: not f.required):
            yield FieldRow(each, self._initial(each))
        if advanced:
            with Vertical(id="advanced"):
                yield Static("All settings", classes="heading")
                for each in advanced:
                    yield FieldRow(each, self._initial(each))

    def on_mount(self) -> None:
        if self.has_advanced:
            self.query_one("#advanced").display = any(
                f.option.advanced and f.name in self._given for f in self._fields if f.name not in self._hidden
            )

    def _initial(self, each: RequestField) -> Any:
        if each.name in self._given:
            return self._given[each.name]
        return None if each.required else each.default

    @property
    def has_advanced(self) -> bool:
        """There are folded fields."""
        return any(f.option.advanced and f.name not in self._hidden for f in self._fields)

    def toggle_advanced(self) -> None:
        """Unfold or fold the rest."""
        if self.has_advanced:
            folded = self.query_one("#advanced")
            folded.display = not folded.display
            if folded.display:
                self.call_after_refresh(self._bring_up, folded)

    def _bring_up(self, widget: Widget) -> None:
        self.scroll_to_widget(widget, top=True, animate=False)
        widget.query(FieldRow).first().control.focus(scroll_visible=False)

    def read(self, *, show: bool = False) -> Reading:
        """What the form says now.

        Args:
            show: say beside each field what is wrong with it, and go to the first such field.
        """
        reading = Reading({name: value for name, value in self._given.items() if name in self._hidden})
        wrong: list[FieldRow] = []
        for row in self.query(FieldRow):
            problem = ""
            try:
                reading.values[row.field.name] = row.read()
            except UsageError as error:
                problem = reading.errors[row.field.name] = error.what
                wrong.append(row)
            if show:
                row.show_problem(problem)
        if show and wrong:
            if wrong[0].field.option.advanced:
                self.query_one("#advanced").display = True
            wrong[0].control.focus()
        return reading

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Switch.Changed)
    def _edited(self, event: Input.Changed | Select.Changed | Switch.Changed) -> None:
        event.stop()
        for row in self.query(FieldRow):
            if row.control is event.control:
                row.show_answer()
                self._check(row)
        self.post_message(self.Edited())

    def _check(self, row: FieldRow) -> None:
        """Say at once what is wrong, but do not ask for what is still to be typed."""
        control = row.control
        empty = isinstance(control, Input) and not control.value.strip()
        try:
            row.read()
        except UsageError as error:
            row.show_problem("" if empty else error.what)
        else:
            row.show_problem("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())
