"""Project: project.toml that people may edit, paths that survive a move."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leaptui.errors import UnusableInput, UsageError
from leaptui.pose.builtin import mouse
from leaptui.project import Project, VideoRecord, short_id


def record(path: str, name: str = "v1") -> VideoRecord:
    return VideoRecord(name, path, "abcdef0123456789", 10, 48, 64, 1, problems=("a: b",))


def test_what_is_saved_is_opened(tmp_path: Path):
    project = Project.create(tmp_path / "mice", skeleton=mouse())
    project.videos.append(record("a.mp4"))
    project.save()
    opened = Project.open(tmp_path / "mice" / "project.toml")
    assert opened == project


def test_comments_and_other_keys_stay(tmp_path: Path):
    project = Project.create(tmp_path / "mice", skeleton=mouse())
    project.videos.append(record("a.mp4"))
    project.save()
    text = project.manifest.read_text()
    text = text.replace('name = "mouse"', '# measured from above\nname = "mouse"')
    text = text.replace('path = "a.mp4"', 'path = "a.mp4"  # the long one\nrig = 3')
    project.manifest.write_text(text + '\n[mine]\nroom = "2.14"\n')
    opened = Project.open(project.folder)
    opened.videos.append(record("b.mp4", "v2"))
    opened.save()
    kept = project.manifest.read_text()
    assert all(part in kept for part in ("# measured from above", "# the long one", "rig = 3", 'room = "2.14"'))
    assert [v.id for v in Project.open(project.folder).videos] == ["v1", "v2"]


def test_a_folder_with_videos_and_project_moves_as_one(tmp_path: Path):
    old = tmp_path / "old"
    old.mkdir()
    (old / "a.mp4").write_bytes(b"x")
    project = Project.create(old / "project")
    project.videos.append(record(project.stored_path(old / "a.mp4")))
    project.save()
    shutil.move(old, tmp_path / "new")
    moved = Project.open(tmp_path / "new" / "project")
    assert moved.video_path(moved.videos[0]) == tmp_path / "new" / "a.mp4"
    assert moved.missing_videos() == []
    (tmp_path / "new" / "a.mp4").unlink()
    assert moved.missing_videos() == moved.videos


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no leaptui project"),
        ("schema = ", "cannot be read"),
        ("name = 'x'", "'schema' is missing"),
        ("schema = 99", "newer leaptui"),
        ("schema = 1\nvideo = 3", "'video' must be"),
        ("schema = 1\n[[video]]\nid = 'a'", r"\[\[video\]\] entry"),
        ("schema = 1\n[skeleton]\nname = 'x'", "'nodes' must be"),
    ],
)
def test_what_is_no_project_is_refused_in_words(tmp_path: Path, content: str | None, said: str):
    if content is not None:
        (tmp_path / "project.toml").write_text(content)
    with pytest.raises(UnusableInput, match=said):
        Project.open(tmp_path)


def test_a_project_is_not_made_over_other_files(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(UnusableInput, match="not empty"):
        Project.create(tmp_path)
    Project.create(tmp_path / "new")
    with pytest.raises(UnusableInput, match="project already"):
        Project.create(tmp_path / "new")
    with pytest.raises(UnusableInput, match="in the way"):
        Project.create(tmp_path / "thesis.tex")


def test_videos_are_found_by_id_path_and_file_name(tmp_path: Path):
    project = Project(tmp_path, "p", None, [record("x/a.mp4", "v1"), record("y/a.mp4", "v2"), record("b.mp4", "v3")])
    assert project.video("v2").path == "y/a.mp4"
    assert project.video("x/a.mp4").id == "v1"
    assert project.video("b.mp4").id == "v3"
    with pytest.raises(UsageError, match="several videos"):
        project.video("a.mp4")
    with pytest.raises(UsageError, match="no video"):
        project.video("c.mp4")


def test_ids_grow_only_where_contents_begin_alike():
    assert short_id("abcdefgh1", []) == "abcdefgh"
    assert short_id("abcdefgh1", ["abcdefgh"]) == "abcdefgh1"
