"""Regular expressions that wait do what others do, once they are used."""

from __future__ import annotations

import re
import subprocess
import sys

from hivectl.model.lazy_patterns import LazyPattern


def test_a_pattern_that_waited_finds_what_it_should() -> None:
    pattern = LazyPattern(r"^b+", re.MULTILINE)
    assert [found.group() for found in pattern.finditer("a\nbb\nb")] == ["bb", "b"]
    assert pattern.flags & re.MULTILINE


def test_templates_and_yaml_know_all_letters_after_a_lazy_import() -> None:
    """In a process of its own, where neither Jinja2 nor PyYAML is imported yet."""
    program = (
        "from pathlib import Path\n"
        "from hivectl.model.templates import Templates\n"
        "from hivectl.model.yaml import load_text\n"
        "import re; make = re.compile\n"
        "assert load_text('größe: [1, yes, 2020-01-01]', Path('x.yml'))['größe'][0] == 1\n"
        "assert Templates().render('{{ größe + 1 }} {{ a·b }}', {'größe': 1, 'a·b': 2}) == '2 2'\n"
        "assert re.compile is make\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
