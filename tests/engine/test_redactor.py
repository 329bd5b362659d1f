"""Secrets in what nodes say, however `slurp` and `base64` encode it."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from hivectl.engine.redactor import Redactor
from hivectl.model.secret import MASK, Secret


def redactor(text: str) -> Redactor:
    secret = Secret(lambda: text)
    secret.reveal()
    return Redactor([secret])


@given(st.text(st.characters(codec="ascii"), max_size=9), st.text(max_size=9))
def test_a_secret_in_a_file_that_slurp_returns_is_masked(before: str, behind: str) -> None:
    content = b64encode(f"{before}hunter2secret{behind}".encode("utf-8", "surrogatepass")).decode()
    shown, found = redactor("hunter2secret").redact({"content": content})
    assert found
    assert MASK in shown["content"]
    # at most a letter at either end is left of it
    assert b64encode(b"hunter2secret").decode()[4:12] not in shown["content"]


def test_what_only_looks_like_base64_stays() -> None:
    text = {"checksum": "3f786850e387550fdab836ed7e6dc881de23001b", "path": "/home/pi/microscope"}
    assert redactor("hunter2secret").redact(text) == (text, False)
    # so short that it is in ordinary words, too
    assert redactor("abc").redact("YWJjabcd") == ("YWJj" + MASK + "d", True)
