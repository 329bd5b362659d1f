"""`pip`: as ansible-core does it, in real virtual environments, with wheels of our own and no index."""

from __future__ import annotations

import base64
import compileall
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.worlds import act, assert_same_in_worlds, ours_in_world

if TYPE_CHECKING:
    from tests.support.worlds import Act

# a made environment is copied: making one takes seconds
PREPARE = f"""
cp -a "$WHEELS" /mnt/wheels
cp -a "$EMPTY" /mnt/v
cat > /mnt/requirements.txt <<'END'
lamp==1.0
shade
END
export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=/mnt/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
python={sys.executable}
"""
STATE = """
for one in /mnt/v /mnt/w; do
  [ ! -d $one ] || { cd $one/lib/python*/site-packages; ls | grep dist-info | grep -v -e '^pip-' -e '^setuptools-'; }
done
ls /mnt | grep '^v\\|^w'
true
"""
TOLD = ("state", "virtualenv", "version", "requirements")


def pip(name: str, arguments: dict[str, Any], **more: Any) -> Act:
    return act(name, "pip", {"virtualenv": "/mnt/v", **arguments}, *TOLD, **more)


ACTS = [
    pip("check", {"name": "lamp"}, check=True),
    pip("present", {"name": "lamp==1.0"}),
    pip("present again", {"name": "lamp"}),
    pip("present, check", {"name": "Lamp>=1.0"}, check=True),
    pip("another version", {"name": "lamp>1.0,<2.0"}),
    pip("a version", {"name": "lamp", "version": "2.0"}),
    pip("latest of several", {"name": ["lamp", "shade"], "state": "latest"}),
    pip("absent, check", {"name": "shade", "state": "absent"}, check=True),
    pip("absent", {"name": "shade", "state": "absent"}),
    pip("absent again", {"name": "shade", "state": "absent"}),
    pip("requirements", {"requirements": "/mnt/requirements.txt"}),
    pip("no such package", {"name": "nothing-of-the-kind"}),
    pip("no such version", {"name": "lamp==9"}),
    pip("version twice", {"name": "lamp==1.0", "version": "2.0"}),
    pip("version of two", {"name": ["lamp", "shade"], "version": "2.0"}),
    pip("version and latest", {"name": "lamp", "version": "2.0", "state": "latest"}),
    pip("nothing", {}),
    pip("both", {"name": "lamp", "requirements": "/mnt/requirements.txt"}),
    pip("two pips", {"name": "lamp", "executable": "pip3"}),
    act("by its path", "pip", {"name": "shade", "state": "absent", "executable": "/mnt/v/bin/pip"}, "state"),
    pip("an environment to be made, check", {"name": "lamp", "virtualenv": "/mnt/w"}, check=True),
    pip(
        "venv takes no interpreter",
        {
            "name": "lamp",
            "virtualenv": "/mnt/x",
            "virtualenv_python": "python3",
            "virtualenv_command": f"{sys.executable} -m venv",
        },
    ),
]


@pytest.fixture
def supplies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wheels, and an empty environment."""
    import venv

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, version, needs in (
        ("lamp", "1.0", ""),
        ("lamp", "1.5", ""),
        ("lamp", "2.0", ""),
        ("shade", "1.0", "lamp"),
    ):
        make_wheel(wheels, name, version, needs)
    venv.create(tmp_path / "empty", symlinks=True)
    make_pip(tmp_path / "empty")
    monkeypatch.setenv("WHEELS", str(wheels))
    monkeypatch.setenv("EMPTY", str(tmp_path / "empty"))


def make_pip(environment: Path) -> None:
    """Put pip into an environment that will be /mnt/v, as ensurepip would, which takes ten times as long."""
    import ensurepip

    # Debian keeps it elsewhere
    folders = (Path(ensurepip.__file__).parent / "_bundled", Path("/usr/share/python-wheels"))
    wheel = next(found for folder in folders for found in folder.glob("pip-*.whl"))
    [packages] = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    for name in ("pip", "pip3"):
        script = environment / "bin" / name
        script.write_text(
            "#!/mnt/v/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
    # what is compiled once is copied into each world
    compileall.compile_dir(packages, quiet=2, workers=1)


def make_wheel(folder: Path, name: str, version: str, needs: str) -> None:
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


@pytest.mark.usefixtures("supplies")
def test_as_ansible(tmp_path: Path) -> None:
    assert_same_in_worlds(ACTS, tmp_path, prepare=PREPARE, state=STATE)


@pytest.mark.usefixtures("supplies")
def test_makes_an_environment_without_virtualenv_and_names_a_wrong_one(tmp_path: Path) -> None:
    table = [
        pip("made", {"name": "shade", "virtualenv": "/mnt/w"}),
        pip("made already", {"name": "shade", "virtualenv": "w", "chdir": "/mnt"}),
        pip("no environment", {"name": "shade", "virtualenv": "/mnt/wheels/x"}, before="touch /mnt/wheels/x"),
        pip("no pip in it", {"name": "shade", "virtualenv": "/mnt/w"}, before="rm /mnt/w/bin/pip*"),
    ]

    made, again, wrong, without = ours_in_world(table, tmp_path, prepare=PREPARE, state=STATE)

    assert made["result"]["changed"] is True
    assert "shade-1.0.dist-info\nlamp" in made["state"] or "lamp-2.0.dist-info\nshade" in made["state"]
    assert again["result"]["changed"] is False
    assert wrong["result"]["msg"].startswith("the virtual environment /mnt/wheels/x cannot be made")
    assert without["result"]["msg"] == "the virtual environment /mnt/w has no pip"
