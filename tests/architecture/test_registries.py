"""Every string in a registry leads somewhere."""

from __future__ import annotations

import dataclasses
import importlib
import inspect

import pytest

import leaptui.ops.table
import leaptui.registry
from leaptui.cli.main import COMMANDS
from leaptui.ops.requests import Request, request_fields
from leaptui.ops.table import OPERATIONS, operation_of
from leaptui.registry import ARCHITECTURES, EXPORT_FORMATS, IMPORT_FORMATS, resolve


@pytest.mark.parametrize("name", IMPORT_FORMATS)
def test_import_formats_sniff_and_read(name: str):
    module = importlib.import_module(IMPORT_FORMATS[name].target)
    assert callable(module.sniff)
    assert callable(module.read)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_export_formats_write(name: str):
    assert callable(importlib.import_module(EXPORT_FORMATS[name].target).write)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architectures_are_modules(name: str):
    import torch

    assert issubclass(resolve(ARCHITECTURES[name].target), torch.nn.Module)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_have_a_request_and_a_runner(name: str):
    operation = OPERATIONS[name]
    cls = operation.request_class()
    assert issubclass(cls, Request)
    assert dataclasses.is_dataclass(cls)
    assert cls.__doc__ and "(" not in cls.__doc__.split("\n")[0].split(" ")[0], "the docstring is the help text"
    assert all(field.option.help.endswith(".") for field in request_fields(cls))
    assert list(inspect.signature(resolve(operation.runner)).parameters) == ["request", "context"]


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_resolve(name: str):
    assert callable(resolve(COMMANDS[name].target))


def test_registries_say_how_to_add():
    for module in (leaptui.registry, leaptui.ops.table):
        assert module.__doc__ is not None
        assert "Adding a new" in module.__doc__.strip().split("\n\n")[-1]


def test_an_unknown_request_belongs_to_no_operation():
    with pytest.raises(LookupError):
        operation_of(object())


@pytest.mark.parametrize("target", ["json", ":loads", "json:"])
def test_a_string_of_another_form_is_refused(target: str):
    with pytest.raises(ValueError, match="module:attribute"):
        resolve(target)
