from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.virtual.tree import Tree

PARTS = st.sampled_from(["..", ".", "", "a", "b", "up", "away", "loop", "home", "deep", "link"])
PATHS = st.tuples(st.booleans(), st.lists(PARTS, max_size=9)).map(
    lambda p: ("/" if p[0] else "") + "/".join(p[1])
)


def make(folder: Path) -> Path:
    """Make a tree with every kind of link that would lead out, were it followed by the system."""
    (folder / "secret").write_text("outside")
    root = folder / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "home").mkdir()
    (root / "secret").write_text("inside")
    (root / "up").symlink_to("../../../../..")
    (root / "away").symlink_to("/")
    (root / "loop").symlink_to("loop")
    (root / "a/deep").symlink_to("../../../secret")
    (root / "a/b/link").symlink_to(folder)
    return root


@settings(deadline=None)
@given(path=PATHS)
def test_no_path_leads_out(path: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = make(Path(name))
        tree = Tree(root, home="/home")
        for follow in (True, False):
            with contextlib.suppress(OSError), tree.place(path.encode(), follow=follow) as place:
                here = Path(f"/proc/self/fd/{place.folder}").resolve()
                assert here == root or root in here.parents
                assert b"/" not in place.name
                assert place.name != b".."


@pytest.mark.parametrize(
    "path", ["../secret", "/../secret", "/up/secret", "/away/secret", "/a/deep", "/up/../away/secret"]
)
def test_what_would_be_outside_is_the_trees_own(tmp_path: Path, path: str) -> None:
    tree = Tree(make(tmp_path), home="/home")
    with tree.place(path.encode()) as place:
        assert place.path == b"/secret"
        opened = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=place.folder)
        assert os.read(opened, 10) == b"inside"
        os.close(opened)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Too many levels"), Tree(make(tmp_path)).place(b"/loop"):
        pass


def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    """Somebody swaps a folder and a link to the outside as fast as he can."""
    root = make(tmp_path)
    (root / "door").mkdir()
    (root / "door/secret").write_text("inside")
    (root / "trap").symlink_to(tmp_path)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "door").rename(root / "spare")
            (root / "trap").rename(root / "door")
            (root / "door").rename(root / "trap")
            (root / "spare").rename(root / "door")

    thread = threading.Thread(target=swap)
    thread.start()
    tree = Tree(root)
    try:
        for _ in range(3000):
            with contextlib.suppress(OSError), tree.place(b"/door/secret") as place:
                opened = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=place.folder)
                assert os.read(opened, 10) == b"inside"
                os.close(opened)
    finally:
        stop.set()
        thread.join()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    tree = Tree(make(tmp_path))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (b"/a/b", b"/loop", b"/none/none", b"/up/a/../a/b/link/secret"):
        with contextlib.suppress(OSError), tree.place(path):
            pass
    assert len(list(Path("/proc/self/fd").iterdir())) == before
