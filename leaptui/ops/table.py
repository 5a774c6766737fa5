"""The operations by name.

Adding a new operation: write its Request and Result in a module here, its `run(request, context)` in
`leaptui/runners/`, and list both; the command line and the screens find it by this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from leaptui.registry import resolve


@dataclass(frozen=True)
class Operation:
    """One thing leaptui can do.

    Args:
        name: of the operation, and of its command.
        summary: one line for help texts.
        request: "module:Class" of its Request.
        runner: "module:function" of its `run(request, context) -> Result`.
    """

    name: str
    summary: str
    request: str
    runner: str

    def request_class(self) -> type:
        """The Request class."""
        found: type = resolve(self.request)
        return found


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("new", "make a project", "leaptui.ops.new:NewRequest", "leaptui.runners.new:run"),
        Operation("add", "add videos to a project", "leaptui.ops.add:AddRequest", "leaptui.runners.add:run"),
        Operation(
            "import",
            "bring labels from another tool into a project",
            "leaptui.ops.import_labels:ImportRequest",
            "leaptui.runners.import_labels:run",
        ),
        Operation(
            "export",
            "write labels, predictions or a model for another tool",
            "leaptui.ops.export:ExportRequest",
            "leaptui.runners.export:run",
        ),
        Operation("info", "say what a file or project is", "leaptui.ops.info:InfoRequest", "leaptui.runners.info:run"),
        Operation(
            "train", "train a network on the labels", "leaptui.ops.train:TrainRequest", "leaptui.runners.train:run"
        ),
        Operation(
            "predict",
            "predict points in videos with a model",
            "leaptui.ops.predict:PredictRequest",
            "leaptui.runners.predict:run",
        ),
        Operation(
            "evaluate",
            "compare a model or its predictions with labels",
            "leaptui.ops.evaluate:EvaluateRequest",
            "leaptui.runners.evaluate:run",
        ),
        Operation(
            "demo",
            "the synthetic fly, from nothing to evaluated predictions",
            "leaptui.ops.demo:DemoRequest",
            "leaptui.runners.demo:run",
        ),
    )
}


def operation_of(request: object) -> Operation:
    """The operation a request is for."""
    target = f"{type(request).__module__}:{type(request).__qualname__}"
    for operation in OPERATIONS.values():
        if operation.request == target:
            return operation
    raise LookupError(f"no operation takes a {target}")
