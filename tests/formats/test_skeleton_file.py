from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from format_files import deepposekit_set, dlc_project, leap_labels, random_points, write_mat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaptui.errors import UnusableInput
from leaptui.formats.skeleton_file import read_skeleton, write_skeleton
from leaptui.pose.builtin import fly32, mouse
from leaptui.pose.skeleton import make_skeleton


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_toml_round_trip(tmp_path: Path, data: st.DataObject) -> None:
    text = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(str.strip)
    names = data.draw(st.lists(text, min_size=2, max_size=8, unique=True))
    edges = data.draw(st.lists(st.sampled_from(list(pairwise(names))), max_size=5))
    axis = data.draw(st.none() | st.just((names[0], names[1])))
    skeleton = make_skeleton(data.draw(text), names, edges, [(names[0], names[1])], axis)
    path = tmp_path / "s.toml"
    write_skeleton(skeleton, path)
    assert read_skeleton(path) == (skeleton, ())


def test_a_table_named_skeleton_and_a_default_name(tmp_path: Path) -> None:
    path = tmp_path / "worm.toml"
    path.write_text('[skeleton]\nnodes = ["a", "b"]\nedges = [["a", "b"]]\n')
    assert read_skeleton(path)[0] == make_skeleton("worm", ["a", "b"], [("a", "b")])


def csv_file(folder: Path, *rows: str) -> Path:
    path = folder / "s.csv"
    path.write_text("\n".join(rows))
    return path


def test_csv_rows_in_any_order_of_columns(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "name,swap,parent", "head,,", "eyeL,eyeR,head", "", "eyeR,eyeL,head", "abdomen,,head")
    skeleton, notes = read_skeleton(path)
    assert notes == ()
    assert skeleton.parents == (-1, 0, 0, 0)
    assert skeleton.swap == (0, 2, 1, 3)
    assert skeleton.body_axis == ("head", "abdomen")


def test_a_wrong_swap_is_repaired_by_name_and_said(tmp_path: Path) -> None:
    rows = ["name,parent,swap", "aL,,aR", "aR,,aL", "bL,,bR", "bR,,aL"]
    skeleton, notes = read_skeleton(csv_file(tmp_path, *rows))
    assert skeleton.swap == (1, 0, 3, 2)
    assert notes == ("line 5: bR names aL as its swap, taken as bL",)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["name,parent,swap", "a,,b", "b,,c", "c,,"], ["line 2", "a swaps with b"]),
        (["name,parent,swap", "a,,b"], ["line 2", "swap b is no node"]),
        (["name,parent,swap", "a,z,"], ["line 2", "parent z is no node"]),
        (["name,parent,swap", "a,a,"], ["line 2", "its own parent"]),
        (["name,parent,swap", "a,,", "a,,"], ["line 2", "twice"]),
        (["name,parent,swap", "a,,", ",a,"], ["line 3 has no name"]),
        (["name,parent,colour", "a,,"], ["columns"]),
        (["name,parent,swap"], ["no nodes"]),
    ],
)
def test_malformed_csv(tmp_path: Path, rows: list[str], words: list[str]) -> None:
    with pytest.raises(UnusableInput) as caught:
        read_skeleton(csv_file(tmp_path, *rows))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("text", ["nodes = [", "nodes = 3", "skeleton = 1", "name = 'x'", "nodes = []", "\udcff"])
def test_malformed_toml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UnusableInput):
        read_skeleton(path)


def test_from_labels_of_other_tools_without_their_frames(tmp_path: Path) -> None:
    dpk = deepposekit_set(tmp_path / "set.h5", random_points(1))
    assert read_skeleton(dpk)[0].swap == (0, 1, 3, 2, 5, 4)
    labels = write_mat(tmp_path / "x.labels.mat", "v7.3", leap_labels(random_points(2), "/gone/box.h5"))
    assert read_skeleton(labels)[0].edge_indices == ((0, 1), (1, 2), (1, 3))
    template = leap_labels(random_points(2), "")["skeleton"]
    assert read_skeleton(write_mat(tmp_path / "skeleton.mat", "v7", template))[0].edge_indices == (
        (0, 1),
        (1, 2),
        (1, 3),
    )
    project = dlc_project(tmp_path / "p", {"cam": random_points(1, 4)}, ["snout", "leftear", "rightear", "tailbase"])
    (project / "labeled-data" / "cam" / "img0.png").unlink()
    assert read_skeleton(project)[0].swap == mouse().swap


def test_what_is_no_skeleton(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    with pytest.raises(UnusableInput, match="no such file"):
        read_skeleton(path)
    write_mat(path, "v7", {"a": np.ones((2, 2))})
    with pytest.raises(UnusableInput, match=r"skeleton\.nodes"):
        read_skeleton(path)


def test_the_real_fly(real_data: Path) -> None:
    skeleton, notes = read_skeleton(real_data / "fly" / "skeleton.csv")
    fly = fly32()
    assert (skeleton.node_names, skeleton.parents, skeleton.swap) == (fly.node_names, fly.parents, fly.swap)
    assert notes == ("line 14: midlegR3 names midlegL2 as its swap, taken as midlegL3",)
