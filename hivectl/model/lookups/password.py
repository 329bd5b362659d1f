"""The lookup `password`: random passwords that are made once and kept in files of the controller.

What it gives is a secret: no output, journal or log shows it.
"""

from __future__ import annotations

import os
import random
import string
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hivectl.model.filters import crypt
from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.lookups.inline import with_inline_options
from hivectl.model.parameters import parameter
from hivectl.model.paths import user_path
from hivectl.model.permissions import Permission
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_width

NOWHERE = "/dev/null"
SALT = " salt="
CHARACTERS = ["ascii_letters", "digits", ".,:-_"]
SETS = frozenset(
    {
        *("ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits", "octdigits"),
        *("printable", "punctuation", "whitespace"),
    }
)


@record(kw_only=True)
class Options:
    """Options of `password`."""

    length: int = parameter("How many characters a new one has.", default=20)
    chars: Any = parameter(
        "Names of sets (ascii_letters, digits, punctuation …) and characters themselves.",
        default=CHARACTERS,
        kind="raw",
    )
    seed: str | None = parameter("Makes the same password each time.", default=None)
    encrypt: str | None = parameter("Give its hash: sha512_crypt or sha256_crypt.", default=None)
    ident: str | None = parameter("Of bcrypt, which is not supported.", default=None)


def _passwords(request: Request) -> list[Any]:
    return [Secret(_password(request, term)) for term in request.texts()]


def _password(request: Request, term: str) -> str:
    from hivectl.model.lookups.calls import options_of

    name, more = with_inline_options(term, Options)
    options = options_of(Options, {**asdict(request.options), **more}, "the lookup password")
    if options.ident is not None:
        raise TemplateValueError(
            "`ident` goes with bcrypt, which is not supported", hint="encrypt=sha512_crypt"
        )
    scheme = None if options.encrypt is None else crypt.scheme_of(options.encrypt)
    path = request.host.folder / user_path(name)
    word, salt = _kept(path, scheme, options)
    if scheme is None:
        return word
    assert salt is not None
    return crypt.hashed(word, scheme, salt, crypt.SCHEMES[scheme][2])


def _kept(path: Path, scheme: str | None, options: Options) -> tuple[str, str | None]:
    """Return the password and the salt of a file, which is made or added to where something is missing."""
    if str(path) == NOWHERE:
        return _made(options), _salt(scheme)
    try:
        if not path.exists():
            word, salt = _made(options), _salt(scheme)
            if _written(path, _line(word, salt), replace=False):
                return word, salt
        word, salt = _parsed(path.read_text("utf-8").rstrip())
        if scheme is not None and salt is None:
            salt = _salt(scheme)
            _written(path, _line(word, salt), replace=True)
    except UnicodeDecodeError:
        raise TemplateValueError(f"{path} is no text in UTF-8") from None
    except OSError as error:
        raise TemplateValueError(f"the password file {path} cannot be used: {error.strerror}") from None
    return word, salt


def _salt(scheme: str | None) -> str | None:
    return None if scheme is None else crypt.random_salt()


def _line(word: str, salt: str | None) -> str:
    return f"{word}{SALT}{salt}\n" if salt else f"{word}\n"


def _parsed(text: str) -> tuple[str, str | None]:
    word, mark, salt = text.rpartition(SALT)
    return (word, salt.partition(" ident=")[0]) if mark else (text, None)


def _written(path: Path, text: str, *, replace: bool) -> bool:
    """Write a whole file of mode 0600 at once; without `replace` say no where another process was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes files of mode 0600
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(temporary).replace(path)
            return True
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        return True
    finally:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()


def _made(options: Options) -> str:
    characters = _characters(options.chars)
    check_width(options.length)
    source = random.SystemRandom() if options.seed is None else random.Random(options.seed)  # noqa: S311  # the same for the same seed
    return "".join(source.choice(characters) for _ in range(options.length))


def _characters(chars: Any) -> str:
    if isinstance(chars, str):
        parts = [part for part in chars.replace(",,", ",").split(",") if part]
        chars = [",", *parts] if ",," in chars else parts
    if not isinstance(chars, list | tuple):
        raise TemplateValueError(
            "`chars` is a list of names of sets and of characters", hint="[ascii_letters, digits]"
        )
    known = "".join(getattr(string, part) if part in SETS else part for part in map(str, chars))
    characters = known.replace('"', "").replace("'", "")
    if not characters:
        raise TemplateValueError("`chars` names no characters")
    return characters


LOOKUPS = (
    Lookup(
        name="password",
        summary="random passwords, made once and kept in files of the controller",
        find=_passwords,
        options=Options,
        needs=Permission.LOOK | Permission.WRITE,
    ),
)
