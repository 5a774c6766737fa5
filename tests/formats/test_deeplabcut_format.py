from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from format_files import dlc_project, dlc_rows, frames_with_bright_points, random_points, write_images, write_rows
from PIL import Image

from leaptui.errors import UnusableInput
from leaptui.formats import deeplabcut
from leaptui.formats.natural import folder_images
from leaptui.media.video import VideoSource

NAMES = ["snout", "leftear", "rightear", "tailbase"]


def points_of(count: int, seed: int = 0) -> np.ndarray:
    return random_points(count, len(NAMES), seed)


def pixel(video: VideoSource, frame: int, x: float, y: float) -> int:
    with Image.open(folder_images(video.path)[frame]) as image:
        return int(np.asarray(image)[int(y), int(x)])


def test_frames_are_counted_in_natural_order_of_all_images(tmp_path: Path) -> None:
    points = points_of(12)
    points[4] = np.nan
    points[5, 1] = np.nan
    root = dlc_project(tmp_path / "project", {"cam": points}, NAMES)
    # An image that nobody labelled shifts those behind it.
    write_images(root / "labeled-data" / "cam", np.zeros((1, 20, 33, 1), np.uint8), ["img1b.png"])

    imported = deeplabcut.read([root])

    assert [frame.frame for frame in imported.frames] == [0, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12]
    labelled = np.delete(points, 4, axis=0)
    for frame, expected in zip(imported.frames, labelled, strict=True):
        (instance,) = frame.instances
        np.testing.assert_array_equal(instance.points, expected)
        assert all(pixel(imported.videos[0], frame.frame, x, y) == 255 for x, y in instance.points[instance.placed])
    assert any(note.startswith("1 image without") for note in imported.notes)


def test_the_natural_order_is_that_of_image_folder_videos(tmp_path: Path) -> None:
    from leaptui.media.images import ImageFolder

    names = ["img10.png", "img2.png", "img02.png", "Img3.png", "a1b10.png", "a1b9.png", "10.png", "9.png", "x.JPG"]
    write_images(tmp_path / "f", np.zeros((len(names), 20, 33, 1), np.uint8), names)
    (tmp_path / "f" / ".hidden.png").write_bytes(b"")
    (tmp_path / "f" / "notes.txt").write_text("no image")
    assert [path.name for path in folder_images(tmp_path / "f")] == list(ImageFolder(VideoSource(tmp_path / "f")).names)


def test_one_csv_is_enough(tmp_path: Path) -> None:
    points = points_of(3)
    root = dlc_project(tmp_path / "p", {"cam": points}, NAMES)
    (root / "config.yaml").unlink()
    imported = deeplabcut.read([root / "labeled-data" / "cam" / "CollectedData_Ana.csv"])
    assert imported.skeleton.node_names == tuple(NAMES)
    assert imported.videos == (VideoSource(root / "labeled-data" / "cam"),)
    np.testing.assert_array_equal([frame.instances[0].points for frame in imported.frames], points)


@pytest.mark.parametrize("index", ["{0}", "labeled-data\\cam\\{0}", "three", "beside"])
def test_forms_of_the_row_index(tmp_path: Path, index: str) -> None:
    points = points_of(3)
    root = dlc_project(tmp_path / "p", {"cam": points}, NAMES)
    files = [f"img{i}.png" for i in range(3)]
    rows = [["labeled-data", "cam", name] if index == "three" else [index.format(name)] for name in files]
    if index == "beside":
        rows = [[f"cam/{name}"] for name in files]
    table = write_rows(root / "labeled-data" / "cam" / "CollectedData_Ana.csv", dlc_rows(points, NAMES, rows))
    for path in (root, table):
        np.testing.assert_array_equal([frame.instances[0].points for frame in deeplabcut.read([path]).frames], points)


def test_a_table_at_the_top_of_its_project_covers_several_videos(tmp_path: Path) -> None:
    one, two = points_of(2, seed=1), points_of(3, seed=2)
    root = tmp_path / "lp"
    index = []
    for video, points in (("a", one), ("b", two)):
        names = [f"img{i}.png" for i in range(len(points))]
        write_images(root / "labeled-data" / video, frames_with_bright_points(points), names)
        index += [[f"labeled-data/{video}/{name}"] for name in names]
    table = write_rows(root / "CollectedData.csv", dlc_rows(np.concatenate([one, two]), NAMES, index))
    imported = deeplabcut.read([table])
    assert [video.path.name for video in imported.videos] == ["a", "b"]
    assert [(frame.video, frame.frame) for frame in imported.frames] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_several_videos_of_a_project(tmp_path: Path) -> None:
    root = dlc_project(tmp_path / "p", {"b": points_of(2, 1), "a": points_of(1, 2)}, NAMES)
    (root / "labeled-data" / "unlabelled").mkdir()
    only_h5 = root / "labeled-data" / "z"
    only_h5.mkdir()
    (only_h5 / "CollectedData_Ana.h5").write_bytes(b"")
    imported = deeplabcut.read([root])
    assert [video.path.name for video in imported.videos] == ["a", "b"]
    assert any(note.startswith("z has its labels only as .h5") for note in imported.notes)


def test_config_gives_name_links_and_node_order(tmp_path: Path) -> None:
    links = [["tailbase", "snout"], ["snout", "leftear", "rightear"], ["snout", "tailbase"], ["snout", "wing"]]
    root = dlc_project(tmp_path / "p", {"cam": points_of(1)}, NAMES, skeleton=links)
    config = (
        (root / "config.yaml").read_text().replace("bodyparts:\n- snout\n- leftear", "bodyparts:\n- leftear\n- snout")
    )
    (root / "config.yaml").write_text(config)
    imported = deeplabcut.read([root / "config.yaml"])
    skeleton = imported.skeleton
    assert skeleton.name == "reach"
    assert skeleton.node_names == ("leftear", "snout", "rightear", "tailbase")
    assert [(e.parent, e.child) for e in skeleton.edges] == [
        ("tailbase", "snout"),
        ("snout", "leftear"),
        ("leftear", "rightear"),
    ]
    assert skeleton.swap == (2, 1, 0, 3)
    assert skeleton.body_axis == ("snout", "tailbase")
    assert any("snout - wing" in note for note in imported.notes)
    np.testing.assert_array_equal(imported.frames[0].instances[0].points, points_of(1)[0][[1, 0, 2, 3]])


def test_parts_that_only_one_side_lists(tmp_path: Path) -> None:
    root = dlc_project(tmp_path / "p", {"cam": points_of(1)}, NAMES, bodyparts=["paw", *NAMES[:3]])
    imported = deeplabcut.read([root])
    assert imported.skeleton.node_names == ("paw", *NAMES)
    assert np.isnan(imported.frames[0].instances[0].points[0]).all()
    assert any("tailbase" in note for note in imported.notes)


def multi_animal(root: Path) -> Path:
    header = [
        ["scorer", *["Ana"] * 10],
        ["individuals", *["m1"] * 4, *["m2"] * 4, "single", "single"],
        ["bodyparts", *["nose", "nose", "tail", "tail"] * 2, "corner", "corner"],
        ["coords", *["x", "y"] * 5],
    ]
    body = [
        ["labeled-data/cam/img0.png", "1", "2", "3", "4", "21", "2", "23", "4", "30", "19"],
        ["labeled-data/cam/img1.png", "", "", "", "", "5", "6", "", "", "", ""],
    ]
    write_images(root / "labeled-data" / "cam", np.zeros((2, 20, 33, 1), np.uint8), ["img0.png", "img1.png"])
    return write_rows(root / "labeled-data" / "cam" / "CollectedData_Ana.csv", header + body)


def test_several_animals_are_instances_with_tracks(tmp_path: Path) -> None:
    imported = deeplabcut.read([multi_animal(tmp_path)])
    assert imported.skeleton.node_names == ("nose", "tail", "corner")
    first, second = imported.frames
    assert [instance.track for instance in first.instances] == ["m1", "m2", "single"]
    np.testing.assert_array_equal(first.instances[1].points, [[21, 2], [23, 4], [np.nan, np.nan]])
    np.testing.assert_array_equal(first.instances[2].points[2], [30, 19])
    assert [instance.track for instance in second.instances] == ["m2"]


def test_visibility_column(tmp_path: Path) -> None:
    rows = [
        ["scorer", *["s"] * 9],
        ["bodyparts", *["a"] * 3, *["b"] * 3, *["c"] * 3],
        ["coords", *["x", "y", "visible"] * 3],
        ["img0.png", "1", "2", "2", "3", "4", "1", "5", "6", "0"],
    ]
    write_images(tmp_path, np.zeros((1, 20, 33, 1), np.uint8), ["img0.png"])
    (instance,) = deeplabcut.read([write_rows(tmp_path / "c.csv", rows)]).frames[0].instances
    np.testing.assert_array_equal(instance.points, [[1, 2], [3, 4], [np.nan, np.nan]])
    assert instance.occluded.tolist() == [False, True, False]


def test_bom_index_name_line_and_half_points(tmp_path: Path) -> None:
    rows = dlc_rows(points_of(2), NAMES, [["img0.png"], ["img1.png"]])
    rows.insert(3, ["image", *[""] * 8])
    rows[4][1] = ""
    rows[5][3] = "NaN"
    write_images(tmp_path, np.zeros((2, 20, 33, 1), np.uint8), ["img0.png", "img1.png"])
    imported = deeplabcut.read([write_rows(tmp_path / "c.csv", rows, "utf-8-sig")])
    assert np.isnan(imported.frames[0].instances[0].points[0]).all()
    assert any(note.startswith("2 points") and "one coordinate" in note for note in imported.notes)


def test_missing_images_are_named_never_passed_over(tmp_path: Path) -> None:
    root = dlc_project(tmp_path / "p", {"cam": points_of(12)}, NAMES)
    for i in range(1, 9):
        (root / "labeled-data" / "cam" / f"img{i}.png").unlink()
    with pytest.raises(UnusableInput) as caught:
        deeplabcut.read([root])
    text = str(caught.value)
    assert "8 of its 12 labelled images are missing" in text
    assert "labeled-data/cam/img1.png" in text
    assert "and 5 more" in text


def test_images_outside_the_project_are_never_opened(tmp_path: Path) -> None:
    write_images(tmp_path, np.zeros((1, 20, 33, 1), np.uint8), ["secret.png"])
    for index in (str(tmp_path / "secret.png"), "../secret.png", "../../secret.png"):
        table = write_rows(tmp_path / "p" / "c.csv", dlc_rows(points_of(1), NAMES, [[index]]))
        with pytest.raises(UnusableInput, match="missing"):
            deeplabcut.read([table])


def test_an_image_that_is_none(tmp_path: Path) -> None:
    root = dlc_project(tmp_path / "p", {"cam": points_of(2)}, NAMES)
    (root / "labeled-data" / "cam" / "img1.png").write_text("no picture")
    with pytest.raises(UnusableInput, match=r"img1\.png: the image cannot be read"):
        deeplabcut.read([root])


def test_two_scorers_need_a_choice(tmp_path: Path) -> None:
    root = dlc_project(tmp_path / "p", {"cam": points_of(2)}, NAMES)
    folder = root / "labeled-data" / "cam"
    index = [["labeled-data/cam/img0.png"], ["labeled-data/cam/img1.png"]]
    write_rows(folder / "CollectedData_Bo.csv", dlc_rows(points_of(2, 5), NAMES, index, "Bo"))
    np.testing.assert_array_equal(deeplabcut.read([root]).frames[0].instances[0].points, points_of(2)[0])
    (root / "config.yaml").write_text((root / "config.yaml").read_text().replace("scorer: Ana", "scorer: Cy"))
    with pytest.raises(UnusableInput, match="several people"):
        deeplabcut.read([root])


def change(rows: list[list[str]], row: int, column: int, value: str) -> list[list[str]]:
    rows = [list(cells) for cells in rows]
    rows[row][column] = value
    return rows


BASE = dlc_rows(points_of(2), NAMES, [["img0.png"], ["img1.png"]])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (change(BASE, 3, 0, "0"), ["frame numbers", "predictions"]),
        (change(change(BASE, 2, 1, "likelihood"), 2, 2, "x"), ["likelihood", "predictions"]),
        (change(BASE, 3, 1, "abc"), ["line 4, column 2", "'abc'"]),
        (change(BASE, 3, 1, "inf"), ["line 4, column 2"]),
        (change(BASE, 4, 0, "img0.png"), ["line 5", "again"]),
        (change(BASE, 4, 0, "img1.txt"), ["line 5", "no image"]),
        (change(BASE, 2, 1, "z"), ["x, y and visible, not z"]),
        (change(BASE, 2, 1, "y"), ["repeats", "snout"]),
        (change(BASE, 1, 1, "other"), ["lacks its x or y"]),
        (BASE[:3], ["no rows"]),
        (BASE[:2] + BASE[3:], ["first lines"]),
        (BASE[2:], ["first lines"]),
        ([["scorer"], ["bodyparts"], ["coords"], ["img0.png"]], ["no columns"]),
        ([[*row[:1], "", *row[1:]] for row in BASE], ["one column or by three"]),
        ([BASE[0][:3], *BASE[1:]], ["'scorer' has 3 cells"]),
        ([*BASE[:3], ["img0.png"]], ["no image has a label"]),
    ],
)
def test_malformed_tables_give_one_clear_error(tmp_path: Path, rows: list[list[str]], words: list[str]) -> None:
    write_images(tmp_path, np.zeros((2, 20, 33, 1), np.uint8), ["img0.png", "img1.png"])
    path = write_rows(tmp_path / "bad.csv", rows)
    with pytest.raises(UnusableInput) as caught:
        deeplabcut.read([path])
    assert "bad.csv" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1, 2",
        "just text",
        "- a\n- b",
        "skeleton: 7\nbodyparts: [a]",
        "bodyparts: !!python/object/apply:os.getcwd []",
    ],
)
def test_malformed_config(tmp_path: Path, content: str) -> None:
    root = dlc_project(tmp_path / "p", {"cam": points_of(1)}, NAMES)
    (root / "config.yaml").write_text(content)
    with pytest.raises(UnusableInput, match=r"config\.yaml"):
        deeplabcut.read([root])


@pytest.mark.parametrize("content", [b"\xff\xfe\x00scorer", b"scorer\0,a\nbodyparts,b\ncoords,x\n", b""])
def test_files_that_are_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableInput):
        deeplabcut.read([path])


def test_folders_that_are_no_project(tmp_path: Path) -> None:
    assert not deeplabcut.sniff(tmp_path)
    with pytest.raises(UnusableInput, match=r"has no config\.yaml"):
        deeplabcut.read([tmp_path])
    (tmp_path / "config.yaml").write_text("Task: x")
    with pytest.raises(UnusableInput, match="labeled-data"):
        deeplabcut.read([tmp_path])
    (tmp_path / "labeled-data").mkdir()
    assert deeplabcut.sniff(tmp_path)
    with pytest.raises(UnusableInput, match="CollectedData"):
        deeplabcut.read([tmp_path])


def test_the_real_open_field(real_data: Path) -> None:
    folder = real_data / "openfield"
    for path in (folder, folder / "labeled-data" / "m4s1" / "CollectedData_Pranav.csv"):
        imported = deeplabcut.read([path])
        assert len(imported.frames) == 48
        assert imported.skeleton.node_names == ("snout", "leftear", "rightear", "tailbase")
        assert imported.skeleton.body_axis == ("snout", "tailbase")
        assert imported.skeleton.swap == (0, 2, 1, 3)
        assert imported.videos[0].path.name == "m4s1"
        assert imported.notes == ()
        np.testing.assert_allclose(imported.frames[0].instances[0].points[0], [10.248, 288.487])
