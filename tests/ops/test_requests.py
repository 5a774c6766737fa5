"""Requests: one declaration gives flags, checks and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaptui.cli.build import JSON, parse
from leaptui.errors import UsageError
from leaptui.ops.requests import Request, from_json, option, request_fields, to_json, validate


@dataclass(frozen=True)
class SampleRequest(Request):
    """A request with a field of every kind."""

    place: Path = option("Where.", positional=True)
    files: tuple[Path, ...] = option("What.", default=())
    number: int = option("How many.", default=3, minimum=1, maximum=9)
    share: float | None = option("Which part.", default=None, minimum=0.0, maximum=1.0)
    kind: str = option("Which kind.", default="a", choices=("a", "b"))
    loud: bool = option("Whether.", default=False)
    word: str | None = option("A word.", default=None)


requests = st.builds(
    SampleRequest,
    place=st.just(Path("/x")),
    files=st.lists(st.sampled_from([Path("/a"), Path("/b c")]), max_size=3).map(tuple),
    number=st.integers(1, 9),
    share=st.none() | st.floats(0, 1),
    kind=st.sampled_from(["a", "b"]),
    loud=st.booleans(),
    word=st.none() | st.text(max_size=5),
)


@given(requests)
def test_json_round_trips(request):
    assert from_json(SampleRequest, to_json(request)) == request
    validate(request)


def test_the_command_line_gives_the_same_request():
    args = ["/x", "--files", "/a", "/b c", "--number", "7", "--share", "0.5", "--kind", "b", "--loud", "--json"]
    parsed = parse("sample", SampleRequest, args, (JSON,))
    assert parsed.request == SampleRequest(Path("/x"), (Path("/a"), Path("/b c")), 7, 0.5, "b", True)
    assert parsed.flags == {"json"}
    assert parse("sample", SampleRequest, ["/x"]).request == SampleRequest(Path("/x"))


def test_help_says_what_the_field_says(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        parse("sample", SampleRequest, ["--help"])
    assert stop.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "How many. (between 1 and 9)" in said
    assert "{a,b}" in said
    assert "A request with a field of every kind." in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 0}, "--number 0: it must be between 1 and 9"),
        ({"share": 1.5}, "--share 1.5: it must be between 0 and 1"),
        ({"share": float("nan")}, "--share nan"),
        ({"kind": "c"}, "--kind c: choose one of a, b"),
    ],
)
def test_values_out_of_range_name_flag_value_and_range(change, said):
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        validate(SampleRequest(Path("/x"), **change))


def test_relative_paths_become_absolute_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert to_json(SampleRequest(Path("p")))["place"] == str(tmp_path / "p")


def test_old_and_foreign_json_is_read_as_far_as_it_goes():
    assert from_json(SampleRequest, {"place": "/x", "gone": 1}) == SampleRequest(Path("/x"))
    with pytest.raises(UsageError, match="lacks 'place'"):
        from_json(SampleRequest, {})
    with pytest.raises(UsageError, match="'number'"):
        from_json(SampleRequest, {"place": "/x", "number": "many"})


def test_every_field_is_described():
    fields = {field.name: field for field in request_fields(SampleRequest)}
    assert fields["place"].required
    assert fields["files"].many
    assert fields["share"].optional
    assert fields["share"].kind is float
