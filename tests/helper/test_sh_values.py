"""Whatever a name or a content holds reaches the node as it is, and comes back so."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hivectl.helper.node.paths import parse_mode
from hivectl.helper.operations import (
    Attributes,
    Content,
    Directory,
    Edit,
    Link,
    Operation,
    Package,
    Pip,
    Read,
    Remove,
    Run,
    Stat,
    Write,
)
from tests.support.helper import carry_out, carry_out_one, wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Sequence

HOSTILE = [
    "-rf",
    "a b",
    "*",
    "[x]",
    "$(id)",
    "`id`",
    "'",
    '"',
    "\\",
    "\n",
    "a\nb\n",
    "~",
    "$HOME",
    "\udcff",
    "%s",
    "{}",
    "\x81",
]
NAMES = (
    st.binary(min_size=1, max_size=40)
    .map(lambda data: os.fsdecode(data.replace(b"/", b"_").replace(b"\0", b"_")))
    .filter(lambda name: name not in {".", ".."} and not name.startswith("~") and "$" not in name)
)
TEXTS = st.binary(max_size=60).map(lambda data: os.fsdecode(data.replace(b"\0", b"")))
RARELY = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["dash", "ash"], autouse=True)
def shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two shells."""
    if request.param == "dash":
        monkeypatch.setenv("HIVECTL_TEST_SHELL", "/bin/dash")
        return
    tools: Path = request.getfixturevalue("busybox")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HIVECTL_TEST_SHELL", str(tools / "ash"))


def results(operations: Sequence[Operation]) -> list[dict[str, object]]:
    """Carry out a batch of which nothing may fail."""
    made = [item.result for item in carry_out(*operations)]
    assert not [result for result in made if result.get("failed")]
    assert len(made) == len(operations)
    return made


@RARELY
@given(
    st.lists(
        st.tuples(NAMES, st.binary(max_size=300)), min_size=1, max_size=6, unique_by=lambda pair: pair[0]
    )
)
@example([(name, b"\0" + os.fsencode(name)) for name in HOSTILE if not name.startswith(("~", "$"))])
@example(
    [
        ("large", bytes(range(256)) * 100),
        ("larger", bytes(range(256)) * 500),
        ("ends", b"x\n\n"),
        ("end", b""),
    ]
)
def test_names_and_contents(pairs: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / name / "f" for name, _ in pairs]
        made = [Directory(path=str(file.parent)) for file in files]
        writes = [
            Write(path=str(file), content=Content.of(data))
            for file, (_, data) in zip(files, pairs, strict=True)
        ]
        links = [Link(path=f"{file.parent}/l", source=str(file)) for file in files]
        first = results([*made, *writes, *links])
        assert all(result["changed"] for result in first)
        assert [file.read_bytes() for file in files] == [data for _, data in pairs]
        assert not any(result["changed"] for result in results([*made, *writes, *links]))
        looks = carry_out(
            *(Read(path=str(file)) for file in files), *(Stat(path=f"{file.parent}/l") for file in files)
        )
        assert [look.content for look in looks[: len(pairs)]] == [data for _, data in pairs]
        assert [look.result["stat"]["lnk_target"] for look in looks[len(pairs) :]] == [
            str(file) for file in files
        ]
        edits = [
            Edit(path=str(file), edit="line", arguments={"line": name.replace("\n", "")})
            for file, (name, _) in zip(files, pairs, strict=True)
        ]
        results(edits)
        for file, (last, data) in zip(files, pairs, strict=True):
            line = os.fsencode(last.replace("\n", "") + "\n")
            assert file.read_bytes() in {data + line, data + b"\n" + line, data}
        results([Remove(path=str(file.parent)) for file in files])
        assert not list(folder.iterdir())


@RARELY
@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(HOSTILE)
@example(["", "\n", "x\n"])
def test_arguments_environment_and_input(texts: list[str]) -> None:
    # every value twice its bytes, so that nothing in front of or behind it is lost
    shown = Run(argv=("printf", "<%s>", *texts), strip=False)
    fed = [Run(argv=("cat",), stdin=text, strip=False) for text in texts]
    set_ = [Run(script='printf "<%s>" "$VALUE"', environment={"VALUE": text}, strip=False) for text in texts]
    made = results([shown, *fed, *set_])
    assert made[0]["stdout"] == "".join(f"<{text}>" for text in texts)
    assert [result["stdout"] for result in made[1 : len(texts) + 1]] == texts
    assert [result["stdout"] for result in made[len(texts) + 1 :]] == [f"<{text}>" for text in texts]


def test_an_input_with_nul_arrives() -> None:
    (result,) = results([Run(argv=("od", "-An", "-c"), stdin="a\0b")])
    assert str(result["stdout"]).split() == ["a", "\\0", "b"]


MODES = st.lists(
    st.builds(
        lambda who, act, bits: f"{who}{act}{bits}",
        st.sampled_from(["u", "g", "o", "a", "ug", "go", "ugo"]),
        st.sampled_from("+-="),
        st.text("rwxXst", max_size=4) | st.sampled_from("ugo"),
    ),
    min_size=1,
    max_size=3,
).map(",".join)


@RARELY
@given(st.lists(st.tuples(st.integers(0, 0o7777), MODES), min_size=8, max_size=8))
def test_symbolic_modes(cases: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        operations: list[Operation] = []
        for number, (before, mode) in enumerate(cases):
            file = Path(name, str(number))
            file.touch()
            file.chmod(before)
            operations.append(Stat(path=str(file)))
            operations.append(
                Write(path=str(file), content=Content.of(b""), attributes=Attributes(mode=mode))
            )
        carry_out(*operations)
        for number, (before, mode) in enumerate(cases):
            wanted = parse_mode(mode, before, directory=False)
            assert Path(name, str(number)).stat().st_mode & 0o7777 == wanted, (oct(before), mode)


def test_what_sh_cannot_do_is_said() -> None:
    made = carry_out(
        Run(argv=("true",), environment={"a.b": "x"}),
    )
    assert "sh cannot set a variable that is called a.b" in made[0].result["msg"]


@pytest.mark.usefixtures("few_tools")
def test_few_tools_are_enough(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old\n")
    (tmp_path / "link").symlink_to("target")
    operations = (
        Directory(path=f"{tmp_path}/d", attributes=Attributes(mode="0750")),
        Write(path=f"{tmp_path}/d/f", content=Content.of(b"x\0y"), attributes=Attributes(mode="u=rw,go=")),
        Write(path=f"{tmp_path}/link", content=Content.of(b"new\n"), follow=True),
        Edit(path=f"{tmp_path}/link", edit="line", arguments={"line": "b"}),
        Link(path=f"{tmp_path}/l", source="d/f"),
    )
    assert all(result["changed"] for result in results(operations))
    again = [operation for operation in operations if not isinstance(operation, Write)]
    assert not any(result["changed"] for result in results([*again, operations[1]]))
    assert (tmp_path / "target").read_text() == "new\nb\n"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "d/f").stat().st_mode & 0o777 == 0o600
    late = carry_out(Run(script="sleep 60 & echo $!; wait", timeout=0.3))[0].result
    assert late["timed_out"] is True
    wait_until_gone(int(late["stdout"]))
    (failed,) = carry_out(Stat(path=f"{tmp_path}/target"))
    assert "neither sha1sum, shasum nor openssl" in failed.result["msg"]


def test_an_endless_output_does_not_fill_the_node() -> None:
    script = "head -c 60000000 /dev/zero; sleep 2; wc -c </proc/$$/fd/1 >&2"

    (result,) = results([Run(script=script)])

    assert int(str(result["stderr"])) < 25_000_000
    assert len(str(result["stdout"])) == 16 << 20
    assert "was cut there" in str(result["warnings"])


def test_what_a_node_without_python_cannot_do_is_named() -> None:
    pip = carry_out_one(Pip(packages=("lamp",)))
    package = carry_out_one(Package(packages=("lamp",), environment={"no good": "x"}))

    assert pip["failed"]
    assert "no Python" in pip["msg"]
    assert package["failed"]
    assert "no good" in package["msg"]
