from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from hivectl.model.errors import Complaints
from hivectl.model.inventory import Inventory, connection_attributes, load_inventory, node_layers
from hivectl.model.parameters import parameter
from hivectl.model.schema import check, inventory_schema, plain
from hivectl.model.secret import Secret
from hivectl.model.selectors import select
from hivectl.model.yaml import load_text

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    host: str | None = parameter("Address.", default=None)
    port: int | None = parameter("Port.", default=None)
    user: str | None = parameter("Login.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRepl:
    host: str = parameter("Address.")
    password: Secret | None = parameter("Never shown.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    serial_number: str | None = parameter("Of the board.", default=None)


DRIVERS: dict[str, type[Any]] = {"ssh": Ssh, "webrepl": WebRepl, "serial": Serial}
SURFACE = """
version: 1
vars: {site: basel, ice_serials: [a7, b8]}
defaults:
  ssh: {user: pi}
nodes:
  m[1:4]:
    driver: ssh
    host: "{{ name }}.lab.example"
    shell: trappyscope
    labels: {kind: microscope, rack: 3, usb: yes}
    vars: {pump: peristaltic}
  pico1:
    board: pico-w
    connections:
      wifi: {driver: webrepl, host: 10.0.0.21, password: !env PICO_PASSWORD}
      usb: {driver: serial, serial_number: E6614104, on: bench1}
  ice[1:2]:
    driver: serial
    board: pico2-ice
    serial_number: "{{ ice_serials[index - 1] }}"
    on: bench1
  demo1: {driver: webrepl, virtual: pico-w}
hives:
  hive1: {nodes: [m1, m2, m3, m4, pico1], vars: {objective: 20x}}
  fpga: {select: "board=pico2-ice"}
  both: {nodes: [fpga, "m[4:4]"], select: "hive1:&kind=microscope:!m1"}
reservations:
  nightly: {select: fpga, count: 2, for: 2h, at: "0 2 * * mon-fri", reason: regression}
limits: {usb-hub: 1}
store: lab.db
"""


def load(folder: Path, *texts: str) -> Inventory:
    for number, text in enumerate(texts):
        (folder / f"{number}.yml").write_text(text)
    return load_inventory([folder], DRIVERS.get, lambda: DRIVERS)


def complaints(folder: Path, *texts: str) -> list[str]:
    with pytest.raises(Complaints) as caught:
        load(folder, *texts)
    return [str(error).replace(f"{folder}/", "") for error in caught.value.errors]


def test_the_example_of_the_surface(tmp_path: Path) -> None:
    lab = load(tmp_path, SURFACE)
    assert list(lab.nodes) == ["m1", "m2", "m3", "m4", "pico1", "ice1", "ice2", "demo1"]
    m2 = lab.nodes["m2"]
    assert (m2.index, m2.driver, m2.shell, m2.board) == (2, "ssh", "trappyscope", None)
    assert m2.labels == {"kind": "microscope", "rack": "3", "usb": "true"}
    assert m2.variables == {"pump": "peristaltic"}
    assert m2.hives == ("hive1", "both")
    assert m2.connections[0].attributes == {"user": "pi", "host": "{{ name }}.lab.example"}
    pico = lab.nodes["pico1"]
    assert [(entry.name, entry.driver, entry.on) for entry in pico.connections] == [
        ("wifi", "webrepl", None),
        ("usb", "serial", "bench1"),
    ]
    assert lab.nodes["demo1"].connections[0].virtual == "pico-w"
    assert lab.hives["fpga"].nodes == ("ice1", "ice2")
    assert lab.hives["both"].nodes == ("ice1", "ice2", "m4", "m2", "m3")
    nightly = lab.reservations["nightly"]
    assert (nightly.count, nightly.duration, nightly.timezone, nightly.priority) == (2, 7200.0, "UTC", 5)
    assert lab.limits == {"usb-hub": 1}
    assert lab.store == str(tmp_path / "lab.db")
    assert select("driver=serial:&board=pico-w", lab) == ("pico1",)
    assert [name for name, _ in node_layers(lab, m2)] == [
        "inventory",
        "hive hive1",
        "hive both",
        "node m2",
        "node",
    ]


def test_secrets_of_an_inventory_are_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PICO_PASSWORD", raising=False)
    lab = load(tmp_path, SURFACE)
    assert isinstance(lab.nodes["pico1"].connections[0].attributes["password"], Secret)


def test_attributes_are_rendered_and_converted_when_needed(tmp_path: Path) -> None:
    lab = load(tmp_path, SURFACE)
    m2, ice2 = lab.nodes["m2"], lab.nodes["ice2"]
    assert connection_attributes(lab, m2, m2.connections[0], Ssh) == Ssh(host="m2.lab.example", user="pi")
    assert connection_attributes(lab, ice2, ice2.connections[0], Serial) == Serial(serial_number="b8")


def test_attributes_without_templates_need_no_engine(tmp_path: Path) -> None:
    lab = load(
        tmp_path, "nodes: {a: {driver: ssh, host: x, port: '22'}, d: {driver: webrepl, virtual: pico}}"
    )
    a, d = lab.nodes["a"], lab.nodes["d"]
    assert connection_attributes(lab, a, a.connections[0], Ssh) == Ssh(host="x", port=22)
    made = connection_attributes(lab, d, d.connections[0], WebRepl, overrides={"host": "127.0.0.1"})
    assert made.host == "127.0.0.1"
    over = connection_attributes(lab, a, a.connections[0], Ssh, overrides={"host": "y"})
    assert over == Ssh(host="y", port=22)


def test_labels_and_hubs_may_be_templates(tmp_path: Path) -> None:
    text = "vars: {r: 10}\nnodes:\n  b[1:2]: {driver: serial, on: 'hub{{ index }}', labels: {rack: '{{ r + index }}'}}\n"
    lab = load(tmp_path, text)
    assert [lab.nodes[name].labels["rack"] for name in ("b1", "b2")] == ["11", "12"]
    assert lab.nodes["b2"].connections[0].on == "hub2"
    assert select("rack=12", lab) == ("b2",)


def test_later_files_win(tmp_path: Path) -> None:
    first = """
vars: {a: 1, b: 1}
defaults: {ssh: {user: pi, port: 22}}
nodes:
  m[1:2]: {driver: ssh, host: x, vars: {a: 1, c: 1}, labels: {k: v}}
  p: {driver: ssh, host: x, board: q, vars: {a: 1}}
hives: {h: {nodes: [m1], vars: {z: 1}}}
limits: {u: 1}
"""
    second = """
vars: {b: 2}
defaults: {ssh: {user: root}}
nodes:
  m2: {host: y, vars: {a: 2}, labels: {l: w}}
  p: {connections: {usb: {driver: serial}}}
  n: {driver: ssh}
hives: {h: {nodes: [m2]}}
limits: {u: 2, t: 1}
"""
    (tmp_path / ".hidden.yml").write_text("nonsense: [")
    (tmp_path / "notes.txt").write_text("nonsense: [")
    lab = load(tmp_path, first, second)
    assert lab.variables == {"a": 1, "b": 2}
    assert list(lab.nodes) == ["m1", "m2", "p", "n"]
    assert lab.nodes["m1"].connections[0].attributes == {"user": "root", "port": 22, "host": "x"}
    assert lab.nodes["m2"].connections[0].attributes["host"] == "y"
    assert lab.nodes["m2"].index == 2
    assert lab.nodes["m2"].variables == {"a": 2, "c": 1}
    assert lab.nodes["m2"].labels == {"k": "v", "l": "w"}
    assert lab.nodes["p"].driver == "serial"
    assert lab.nodes["p"].board == "q"
    assert lab.hives["h"].nodes == ("m2",)
    assert lab.hives["h"].variables == {"z": 1}
    assert lab.limits == {"u": 2, "t": 1}
    assert [path.name for path in lab.paths] == ["0.yml", "1.yml"]


def test_every_fault_at_once(tmp_path: Path) -> None:
    text = """\
version: 2
vars: [1]
defaults:
  shh: {user: pi}
  ssh: {usr: pi}
nodes:
  m[4:1]: {driver: ssh}
  a[1:2]:
    driver: ssh
    prot: 22
    port: many
    labels: {driver: x, k: [1]}
  a2: {driver: ssh}
  b: {driver: shs}
  c:
  all: {driver: ssh}
  f: {driver: webrepl}
  g:
    host: x
    connections:
      w: {drvr: ssh}
  h: driver:ssh
  x y: {driver: ssh}
hives:
  f: {nodes: [a1]}
  h1: {nodes: [aa1, h2]}
  h2: {select: h1}
  h4: {select: "bord=x"}
  h5: {nods: [a1]}
reservations:
  n: {select: "a[1:2]", count: 3, for: 1h, at: "61 * * * *", timezone: Mars/X}
  o: {for: soon}
limits: {a: 0}
stroe: x
"""
    expected = """\
0.yml:1:10: version: expected 1, the version of this format, not the number 2
0.yml:2:7: vars: expected variables
0.yml:4:8: there is no driver "shh" (did you mean "ssh"?)
0.yml:5:9: defaults.ssh: there is no key "usr" (did you mean "user"?)
0.yml:7:3: "[4:1]" in "m[4:1]" ends before it begins
0.yml:10:5: nodes.a1: there is no key "prot" (did you mean "port"?)
0.yml:11:11: nodes.a1: port: expected a whole number, not "many"
0.yml:12:22: nodes.a[1:2].labels.driver: expected another key
0.yml:12:28: nodes.a[1:2].labels.k: expected a text or a number, not a list
0.yml:13:3: the node "a2" is written twice; the first one is at 0.yml:8:3
0.yml:14:15: there is no driver "shs" (did you mean "ssh"?)
0.yml:15:3: the node "c" has no driver
0.yml:16:3: a node cannot be named "all"
0.yml:17:6: nodes.f: the driver webrepl needs "host"
0.yml:19:5: nodes.g: "host" cannot stand beside `connections:`
0.yml:21:10: nodes.g.connections.w: "driver" is missing
0.yml:22:6: nodes.h: expected a node
0.yml:23:3: nodes: "x y" is not a name here
0.yml:25:3: the hive "f" has the name of the node at 0.yml:17:3
0.yml:26:3: hives name each other in a circle: h1 -> h2 -> h1
0.yml:26:16: there is no node or hive "aa1" (did you mean "a1"?)
0.yml:28:16: no node has a label "bord" (did you mean "board"?)
0.yml:29:8: hives.h5: there is no key "nods" (did you mean "nodes"?)
0.yml:31:32: the reservation "n" asks for 3 nodes
reservations.n.at: "61" is no minute of a cron time
there is no time zone "Mars/X"
reservations.o: "select" is missing
reservations.o.for: expected a duration such as 2h or 90m, not "soon"
0.yml:33:13: limits.a: expected a whole number of at least 1, not the number 0
0.yml:34:1: there is no key "stroe" (did you mean "store"?)"""
    found = complaints(tmp_path, text)
    for line, wanted in zip(found, expected.splitlines(), strict=False):
        assert line.startswith(wanted) or wanted in line, f"{line}\nis not\n{wanted}"
    assert len(found) >= len(expected.splitlines())


def test_hives_that_contradict_each_other(tmp_path: Path) -> None:
    nodes = "nodes: {a: {driver: ssh}, b: {driver: ssh, vars: {x: 3}}, c: {driver: ssh}}\n"
    conflict = (
        nodes
        + "hives:\n  h: {nodes: [a, b], vars: {x: 1, y: 1}}\n  i: {nodes: [a, b, c], vars: {x: true, y: 1}}\n"
    )
    assert complaints(tmp_path, conflict) == [
        '0.yml:4:35: the hives "h" (at 0.yml:3:32) and "i" give a different values of "x" (set it on the node, or in one hive only)'
    ]
    assert load(tmp_path, conflict.replace("[a, b]", "[b]")).nodes["b"].hives == ("h", "i")


def test_secrets_of_two_hives_are_not_compared(tmp_path: Path) -> None:
    text = "nodes: {a: {driver: ssh}}\nhives:\n  h: {nodes: [a], vars: {x: !env ABSENT}}\n  i: {nodes: [a], vars: {x: !env ABSENT}}\n"
    assert 'different values of "x"' in complaints(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "expected an inventory"),
        ("nodes: [a, b]\n", "nodes: expected a mapping; each key is a name"),
        ("all:\n  hosts: {a: }\n", "this is an Ansible inventory"),
        ("nodes: {a: {driver: ssh, on: a}}\n", '"a" is plugged into "a"'),
        ("nodes: {a: {driver: serial, on: b}, b: {driver: serial, on: a}}\n", '"a" is plugged into "b"'),
        ("nodes: {a: {driver: ssh}}\nreservations: {a: {select: a, for: 1h}}\n", "the name of the node"),
        ("hives: {free: {nodes: []}}\n", 'a hive cannot be named "free"'),
        ("nodes: {a: {connections: {}}}\n", "has no connection"),
        ("hives: {h: {select: free}}\n", '"free" changes'),
        ("nodes: {a: {driver: ssh, driver: ssh}}\n", '"driver" is written twice'),
        ("vars: {a b: 1}\n", '"a b" is not a name here'),
        ("store: !env X\n", "set HIVECTL_STORE instead"),
        ("a: [\n", "not closed"),
    ],
)
def test_faults_one_by_one(text: str, message: str, tmp_path: Path) -> None:
    assert any(message in line for line in complaints(tmp_path, text))


def test_boards_behind_each_other_may_have_another_way(tmp_path: Path) -> None:
    text = "nodes:\n  a: {connections: {x: {driver: serial, on: b}, y: {driver: ssh}}}\n  b: {driver: serial, on: a}\n"
    assert load(tmp_path, text).nodes["b"].connections[0].on == "a"


def test_missing_files_and_folders_without_any(tmp_path: Path) -> None:
    with pytest.raises(Complaints, match=r"(?s)No such file.*there is no inventory in"):
        load_inventory([tmp_path / "absent.yml", tmp_path], DRIVERS.get, lambda: DRIVERS)


def test_an_empty_file_is_an_empty_lab(tmp_path: Path) -> None:
    assert load(tmp_path, "").nodes == {}
    assert load(tmp_path, "nodes:\nhives:\nvars:\n").nodes == {}


GOOD = [
    SURFACE,
    "",
    "nodes: {a: {driver: ssh, port: '{{ p }}'}}",
    "hives: {h: }",
    "nodes: {a: {connections: {x: {driver: serial}, y: {driver: ssh, on: b}}}, b: {driver: ssh}}",
]
BAD = [
    "nodes: {a: {driver: ssh, prot: 1}}",
    "nodes: {a: {driver: telnet}}",
    "nodes: {a: {host: x}}",
    "nodes: {a: {driver: ssh, port: many}}",
    "nodes: {a: {connections: {x: {driver: serial, host: y}}}}",
    "defaults: {ssh: {usr: x}}",
    "defaults: {shh: {user: x}}",
    "vesrion: 1",
    "limits: {x: y}",
    "hives: {h: {node: [a]}}",
    "nodes: {a: {driver: ssh, labels: {hive: x}}}",
]


@pytest.mark.parametrize(
    ("text", "good"), [*((text, True) for text in GOOD), *((text, False) for text in BAD)]
)
def test_editors_loading_and_both_checkers_agree(text: str, *, good: bool, tmp_path: Path) -> None:
    schema = inventory_schema(DRIVERS, {})
    jsonschema.Draft202012Validator.check_schema(schema)
    document = load_text(text, "f.yml")
    assert jsonschema.Draft202012Validator(schema).is_valid(plain(document)) == good
    faults = check(schema, document)
    assert (not faults) == good
    assert all(fault.origin for fault in faults)
    if good:
        load(tmp_path, text)
    else:
        assert complaints(tmp_path, text)


def test_an_inventory_without_templates_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("nodes: {a: {driver: ssh}}\nhives: {h: {select: all}}\n")
    code = (
        "import sys\nfrom dataclasses import dataclass\nfrom pathlib import Path\n"
        "from hivectl.model.inventory import load_inventory\n"
        "@dataclass\nclass Attributes:\n    host: str = ''\n"
        "load_inventory([Path(sys.argv[1])], lambda name: Attributes, lambda: ['ssh'])\n"
        "heavy = {'jinja2', 'asyncio', 'asyncssh', 'networkx', 'rich', 'jsonschema', 'subprocess', 'difflib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_mistyped_key_of_nodes_is_recognised_beside_the_driver(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("version: 1\nnodes:\n  m1: {driver: ssh, labls: {kind: pump}}\n")
    with pytest.raises(Complaints) as caught:
        load_inventory([tmp_path / "lab.yml"], DRIVERS.get, lambda: DRIVERS)
    assert 'there is no key "labls" (did you mean "labels"?)' in str(caught.value)
