"""`leaptui labels log`: who changed what and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaptui.pose.edits import DeleteInstance, RenameNode, SetPoints
from leaptui.pose.skeleton import make_skeleton
from leaptui.pose.store import LabelStore
from leaptui.project import Project, VideoRecord

EVIL = "pull\x1b[31m\nred\u202e"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with two videos and a few edits, one of them undone."""
    made = Project.create(tmp_path / "flies", skeleton=make_skeleton("s", ["head", "tail", "wing"]))
    for name, path in (("aaaa1111", "fly.mp4"), ("bbbb2222", f"{EVIL}.mp4")):
        made.videos.append(VideoRecord(name, path, name * 4, 100, 64, 64, 1))
    made.save()
    store = LabelStore(made.labels_folder, made.require_skeleton())
    store.stage([SetPoints("aaaa1111", 3, "i", {"head": (1, 2, False)})], "moved head 1 px right")
    store.stage([SetPoints("aaaa1111", 4, "i", {"head": (1, 2, False), "tail": (1, 2, False)})], "accepted all")
    store.undo()
    store.stage([SetPoints("bbbb2222", 3, "j", {"wing": (1, 2, False)})], EVIL)
    store.stage([DeleteInstance("aaaa1111", 3, "i")])
    store.apply([RenameNode("wing", "wings")])
    store.close()
    return made


def words(out: str) -> str:
    return " ".join(out.split())


def test_it_lists_who_what_where_with_the_latest_at_the_end(cli, project: Project):
    done = cli("labels", "log", "flies")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["when", "who", "what", "where"]
    text = words(done.out)
    assert "moved head 1 px right fly.mp4 frame 3" in text
    assert "@" in lines[1]
    assert text.index("accepted all (head, tail)") < text.index("undo: accepted all") < text.index("animal deleted")
    (undone,) = [line for line in lines if line.endswith("undone")]
    assert "accepted all" in undone
    assert text.index("animal deleted") < text.index("node wing renamed to wings every frame")


def test_nothing_in_it_reaches_the_terminal_as_an_escape(cli, project: Project):
    done = cli("labels", "log", "flies")
    assert r"pull\x1b[31m\x0ared\u202e" in done.out
    assert not set(done.out) & {"\x1b", "\u202e", "\r"}


def test_json_is_one_object_with_everything(cli, project: Project):
    changes = cli("labels", "log", "flies", "--json").json["changes"]
    assert [change["counter"] for change in changes] == [1, 2, 3, 4, 5, 6]
    assert [change["undone"] for change in changes] == [False, True, False, False, False, False]
    assert changes[0]["frames"] == [{"video": "aaaa1111", "file": "fly.mp4", "frame": 3}]
    assert changes[1]["nodes"] == ["head", "tail"]
    assert changes[2]["undoes"] == [{"counter": 2, "session": changes[1]["session"]}]
    assert changes[3]["why"] == EVIL
    assert all(change["user"] and change["host"] and change["time"].endswith("+00:00") for change in changes)


@pytest.mark.parametrize(
    ("flags", "counters"),
    [
        (("--last", "2"), [5, 6]),
        (("--last", "0"), [1, 2, 3, 4, 5, 6]),
        (("--frame", "3"), [1, 4, 5]),
        (("--frame", "3", "--video", "fly.mp4"), [1, 5]),
        (("--frame", "3", "--video", "fly.mp4", "--last", "1"), [5]),
        (("--video", "bbbb2222"), [4]),
        (("--frame", "99"), []),
    ],
)
def test_it_can_be_narrowed(cli, project: Project, flags: tuple[str, ...], counters: list[int]):
    changes = cli("labels", "log", "flies", *flags, "--json").json["changes"]
    assert [change["counter"] for change in changes] == counters


def test_damage_is_said_on_stderr_and_the_rest_listed(cli, project: Project):
    path = next((project.labels_folder / "journal").iterdir())
    path.write_bytes(path.read_bytes() + b"damage\n")
    done = cli("labels", "log", "flies")
    assert done.code == 0
    assert "line 8: the line is damaged" in words(done.err)
    assert "accepted all" in done.out
    assert cli("labels", "log", "flies", "--json").json["problems"][0]["line"] == 8


def test_what_it_does_not_know_is_refused(cli, project: Project):
    assert cli("labels").code == 2
    assert cli("labels", "blame", "flies").code == 2
    assert cli("labels", "log", "nowhere").code == 3
    assert cli("labels", "log", "flies", "--last", "-1").code == 2
    assert cli("labels", "log", "flies", "--video", "no").code == 2
    helped = cli("labels", "--help")
    assert (helped.code, "labels log" in helped.out) == (0, True)


def test_an_empty_log_says_so(cli, tmp_path: Path):
    Project.create(tmp_path / "new", skeleton=make_skeleton("s", ["head"]))
    done = cli("labels", "log", "new")
    assert (done.code, done.out) == (0, "")
    assert "no changes yet" in done.err
    assert not (tmp_path / "new" / "labels").exists()
