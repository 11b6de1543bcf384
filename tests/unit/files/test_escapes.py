"""No path leads out of a site's directories, without the help of Landlock."""

import os
import socket
import threading
from contextlib import suppress

import pytest

from nightdrop.syncjs.files import FileProblem, Files, Roots


def read(files, path):
    with files.reading(path) as file:
        return file.read()


def write(files, path):
    with files.replacing(path) as file:
        file.write(b"x")


def append(files, path):
    with files.appending(path) as file:
        file.write(b"x")


STEPS = {
    "read": read,
    "write": write,
    "append": append,
    "delete": lambda files, path: files.delete(path),
    "copy from": lambda files, path: files.copy(path, "copied"),
    "copy to": lambda files, path: files.copy("own", path),
    "move from": lambda files, path: files.move(path, "moved"),
    "move to": lambda files, path: files.move("own", path),
    "make": lambda files, path: files.make_dir(path + "/new"),
    "list": lambda files, path: files.list(path),
    "walk": lambda files, path: list(files.walk(path)),
    "match": lambda files, path: list(files.match(path + "/*")),
    "delete dir": lambda files, path: files.delete_dir(path),
    "delete tree": lambda files, path: files.delete_tree(path),
}
PATHS = [
    "..",
    "../outside/secret",
    "a/../../outside/secret",
    "/OUTSIDE/secret",
    "/OUTSIDE",
    "/proc/self/root/OUTSIDE/secret",
    "/proc/self/cwd",
    "/SITE/../outside/secret",
    "/SITEx",
    "link",
    "link/secret",
    "file-link",
    "in/link/secret",
    "a\0b",
    "\ud800",
    "x/" * 101,
    "x" * 5000,
]


@pytest.fixture
def traps(site, outside):
    (site / "own").write_text("own")
    (site / "in").mkdir()
    (site / "link").symlink_to(outside)
    (site / "in" / "link").symlink_to("../../outside")
    (site / "file-link").symlink_to(outside / "secret")
    (site.parent / "sitex").mkdir()


def tree(folder):
    return sorted((str(path), path.is_file() and path.read_bytes()) for path in folder.rglob("*"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("traps")
def test_no_step_leads_out(files, site, outside, step, path):
    before = tree(outside)
    path = path.replace("/OUTSIDE", str(outside)).replace("/SITE", str(site))
    with pytest.raises(FileProblem):
        STEPS[step](files, path)
    assert tree(outside) == before
    assert sorted(found.name for found in site.iterdir()) == ["file-link", "in", "link", "own"]


@pytest.mark.usefixtures("traps")
def test_links_in_a_tree_are_deleted_not_followed(files, site, outside):
    before = tree(outside)
    files.delete_tree("in")
    assert not (site / "in").exists()
    assert tree(outside) == before
    assert [entry.path for entry in files.walk("")] == ["own"]
    assert [entry.path for entry in files.match("**")] == ["own"]


def test_a_hard_link_is_not_opened(files, site, outside):
    os.link(outside / "secret", site / "linked")
    (site / "own").write_text("own")
    for step in (read, append, lambda files, path: files.copy(path, "copied")):
        with pytest.raises(FileProblem, match="hard link"):
            step(files, "linked")
    # Its name here is the site's: it can be moved away, replaced and deleted.
    files.move("linked", "moved")
    write(files, "moved")
    assert (outside / "secret").read_text() == "secret"
    os.link(outside / "secret", site / "linked")
    files.delete("linked")
    assert (outside / "secret").read_text() == "secret"


@pytest.mark.parametrize("step", ["read", "write", "append", "delete", "copy from", "copy to", "move from", "move to"])
def test_what_is_no_file_is_not_opened_and_nothing_waits(files, site, step):
    (site / "own").write_text("own")
    (site / "dir").mkdir()
    os.mkfifo(site / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(site, os.O_RDONLY)
        # The path of a socket may be short only.
        sock.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
        for path in ("dir", "pipe", "socket"):
            with pytest.raises(FileProblem, match=r"directory|not a regular file"):
                STEPS[step](files, path)
    assert (site / "own").read_text() == "own"


@pytest.mark.parametrize("step", ["read", "write", "append", "list", "delete tree"])
def test_a_directory_that_is_swapped_for_a_link_leads_nowhere(files, site, outside, step):
    place, real, bait = site / "place", site / "real", site / "bait"
    real.mkdir()
    bait.symlink_to(outside)
    before, done = tree(outside), threading.Event()

    def swap():
        while not done.is_set():
            for one in (real, bait):
                # What is swapped may just have been deleted.
                with suppress(FileNotFoundError):
                    one.rename(place)
                    place.rename(one)
            real.mkdir(exist_ok=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(300):
            try:
                answer = STEPS[step](files, "place/secret" if step in {"read", "write", "append"} else "place")
            except FileProblem:
                continue
            assert "secret" not in str(answer)
    finally:
        done.set()
        thread.join()
    assert tree(outside) == before


def test_only_the_directories_that_were_given(site, outside, tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "x").write_text("given")
    files = Files(Roots.open(str(site), [(f"{tmp_path}/given:ro", None), (str(outside), "it is refused")]))
    assert read(files, f"{tmp_path}/given/x") == b"given"
    for step in ("write", "append", "delete", "make", "delete tree", "move from", "copy to"):
        (site / "own").write_text("own")
        with pytest.raises(FileProblem, match="may only read"):
            STEPS[step](files, f"{tmp_path}/given/x")
    with pytest.raises(FileProblem, match="it is refused"):
        read(files, f"{outside}/secret")
    with pytest.raises(FileProblem, match="outside of the site's"):
        read(files, f"{tmp_path}/givenx/x")


def test_the_directory_itself_stays(files, site):
    for path in ("", ".", "/", str(site)):
        for step in (write, append, STEPS["delete"], STEPS["delete dir"], STEPS["delete tree"], STEPS["move from"]):
            with pytest.raises(FileProblem):
                step(files, path)
    assert site.is_dir()
