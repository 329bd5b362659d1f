"""`template`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path
SOURCES = {
    "templates/page.j2": "{% if tens %}\n{{ tens }} for {{ who }}\n{% endif %}\n  {% for n in [1, 2] %}\n{{ n }}\n  {% endfor %}\nend\n",
    "templates/sealed.j2": "$ANSIBLE_VAULT;1.1;AES256\n3361\n",
    "templates/headed.j2": "#jinja2: lstrip_blocks: True, trim_blocks: False\n\n  {% if tens %}\n  {{ tens }}\n  {% endif %}\n\n",
    "templates/marked.j2": "#jinja2:variable_start_string:'[%', variable_end_string:'%]',line_statement_prefix:'%%', newline_sequence: '\\r\\n'\n  {%- if tens %}\n[% tens %]{% endif %}\n%% for n in [1, 2]\n{{ [% n %] }}\n%% endfor\n",
    "templates/bare.j2": "#jinja2: keep_trailing_newline: False\n{{ tens }}\n",
    "templates/misread.j2": "#jinja2: trim_block: True\n{{ tens }}\n",
    "templates/odd.j2": "[% if tens %]{{ literal }} << who >>[% endif %]\nend",
}
VARIABLES = {"tens": 10, "who": "hive"}
CASES = [
    case("template", {"src": "page.j2", "dest": "{tree}/page", "mode": "0644"}, "checksum", "md5sum", "dest"),
    case(
        "template_syntax",
        {
            "src": "odd.j2",
            "dest": "{tree}/page",
            "block_start_string": "[%",
            "block_end_string": "%]",
            "variable_start_string": "<<",
            "variable_end_string": ">>",
            "newline_sequence": "\\r\\n",
        },
    ),
    case("template_headed", {"src": "headed.j2", "dest": "{tree}/page"}, "checksum"),
    case("template_marked", {"src": "marked.j2", "dest": "{tree}/page"}, "checksum"),
    case("template_bare", {"src": "bare.j2", "dest": "{tree}/page"}, "checksum"),
    case("template_in_yaml", {"src": "headed.j2", "dest": "{tree}/page", "trim_blocks": True}, "checksum"),
    fails("template_misread", {"src": "misread.j2", "dest": "{tree}/page"}),
    fails("template_sealed", {"src": "sealed.j2", "dest": "{tree}/page"}),
    fails(
        "template_lstrip",
        {"src": "page.j2", "dest": "{tree}/dir/", "lstrip_blocks": True, "trim_blocks": False},
    ),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("template", CASES, tmp_path, sources=SOURCES, variables=VARIABLES)
