"""JUnit's XML as its readers want it: the elements, attributes and figures on which the schemas of Jenkins' xUnit
plugin and of Ant agree, and on which GitLab's parser stands.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

COUNTS = ("tests", "failures", "errors", "skipped")
# element -> attributes that must be there, attributes that may, elements that may be inside
ELEMENTS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"name", "time", *COUNTS}, set(), {"testsuite"}),
    "testsuite": ({"name", "timestamp", "time", *COUNTS}, {"hostname", "id"}, {"testcase"}),
    "testcase": (
        {"name", "classname", "time"},
        set(),
        {"skipped", "failure", "error", "system-out", "system-err"},
    ),
    "failure": ({"message", "type"}, set(), set()),
    "error": ({"message", "type"}, set(), set()),
    "skipped": ({"message"}, set(), set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}
KINDS = {
    **dict.fromkeys(COUNTS, r"\d+"),
    "time": r"\d+\.\d{3}",
    # xs:dateTime without a zone, as Ant has it
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "name": r"(?s:.+)",
    "classname": r"(?s:.+)",
}
CHILD_OF = {"failures": "failure", "errors": "error", "skipped": "skipped", "tests": "testcase"}


def check_junit(text: str) -> ET.Element:
    """Return the root; raises AssertionError where a reader would stumble."""
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ET.fromstring(text.encode())
    assert root.tag == "testsuites"
    for element in root.iter():
        must, may, inside = ELEMENTS[element.tag]
        assert must <= set(element.attrib) <= must | may, (element.tag, element.attrib)
        assert {child.tag for child in element} <= inside, element.tag
        for name, pattern in KINDS.items():
            assert name not in element.attrib or re.fullmatch(pattern, element.attrib[name]), (
                name,
                element.attrib,
            )
        if element.tag in {"testsuite", "testsuites"}:
            for count, child in CHILD_OF.items():
                assert int(element.attrib[count]) == len(list(element.iter(child))), (count, element.attrib)
    for case in root.iter("testcase"):
        assert sum(child.tag in {"skipped", "failure", "error"} for child in case) <= 1
    for suite in root:
        names = [(case.get("classname"), case.get("name")) for case in suite]
        assert len(set(names)) == len(names), "two cases have one name"
    return root
