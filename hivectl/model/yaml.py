"""YAML to plain values that know where they were written.

Plain YAML 1.1 as Ansible reads it: `yes` and `no` are booleans, 0644 is octal. Three differences: a key is
never a boolean (`on: bench1` is the key "on"), dates stay text, and a key written twice is an error.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.lazy_patterns import import_lazily
from hivectl.model.origin import Origin
from hivectl.model.permissions import EVERYTHING, Permission, lacking
from hivectl.model.secret import Secret
from hivectl.model.secret_tags import from_command, from_environment, from_file
from hivectl.model.suggestions import did_you_mean
from hivectl.model.yaml_faults import (
    TEMPLATE_HINT,
    MalformedYamlError,
    check_characters,
    decode,
    syntax_error,
)
from hivectl.model.yaml_scalars import SCALARS, STANDARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

VAULT = b"$ANSIBLE_VAULT;"  # what files of ansible-vault begin with
LARGEST = 16 * 1024 * 1024  # bytes in a file
DEEPEST = 100  # levels of nesting
MOST_REPEATED = 250_000  # values that aliases may stand for, all together
NOWHERE = Origin("", 1, 1)  # of a container that was made by hand
OUR_TAGS = ("!env", "!file", "!command")
UNSAFE = "write `{% raw %}…{% endraw %}` around the text, and no tag"


class DuplicateKeyError(InputError):
    """A mapping says one key twice."""


class TagError(InputError):
    """A tag is unknown, or its value does not fit."""


class YamlMapping(dict[Any, Any]):
    """A mapping that knows where it, its keys and its values were written."""

    __slots__ = ("key_origins", "origin", "value_origins")

    def __init__(
        self,
        values: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (),
        *,
        origin: Origin = NOWHERE,
        key_origins: dict[Any, Origin] | None = None,
        value_origins: dict[Any, Origin] | None = None,
    ) -> None:
        super().__init__(values)
        self.origin = origin
        self.key_origins = {} if key_origins is None else key_origins
        self.value_origins = {} if value_origins is None else value_origins


class YamlList(list[Any]):
    """A list that knows where it and its items were written."""

    __slots__ = ("item_origins", "origin")

    def __init__(
        self,
        values: Iterable[Any] = (),
        *,
        origin: Origin = NOWHERE,
        item_origins: list[Origin] | None = None,
    ) -> None:
        super().__init__(values)
        self.origin = origin
        self.item_origins = [] if item_origins is None else item_origins


def origin_of(container: Any, key: Any) -> Origin | None:
    """Return where the value of `key` (or the item at that index) was written, if the container knows."""
    if isinstance(container, YamlMapping):
        return container.value_origins.get(key)
    if (
        isinstance(container, YamlList)
        and isinstance(key, int)
        and -len(container) <= key < len(container.item_origins)
    ):
        return container.item_origins[key]
    return None


def load_yaml(path: Path, *, allowed: Permission = EVERYTHING) -> Any:
    """Return what a YAML file holds; None for an empty one.

    Args:
        path: of the file.
        allowed: what its tags may do on the controller; NOTHING for what came over the network.

    Raises:
        InputError: it cannot be read, or it is malformed.
        Complaints: several keys or tags in it are wrong.
    """
    place = Origin(str(path), 1, 1)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise InputError(f"{str(path)!r} is not the name of a file") from None
    if len(content) > LARGEST:
        raise InputError(f"the file is larger than {LARGEST // 1024 // 1024} MiB", origin=place)
    if content.startswith(VAULT):
        hint = "write the secrets as `!command [ansible-vault, view, …]`, `!file` or `!env`"
        raise InputError("this file is encrypted with ansible-vault", origin=place, hint=hint)
    return load_text(decode(content, str(path)), str(path), allowed=allowed)


def load_text(
    text: str,
    path: str,
    *,
    allowed: Permission = EVERYTHING,
    tags: Mapping[str, Callable[[str], Any]] | None = None,
) -> Any:
    """Return what a YAML text holds. Raises as `load_yaml`.

    Args:
        text: what is read.
        path: where it is said to be.
        allowed: as for `load_yaml`.
        tags: other projects' tags, and what makes values of their texts.
    """
    import_lazily("yaml")
    import yaml

    check_characters(text, path)
    composer = _composer_class()(text)
    try:
        node = composer.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise syntax_error(error, path, text.splitlines()) from None
    except _TooDeepError as error:
        where = Origin(path, error.mark.line + 1, error.mark.column + 1)
        raise MalformedYamlError(f"values are nested more than {DEEPEST} levels deep", origin=where) from None
    finally:
        composer.dispose()
    if node is None:
        return None
    builder = _Builder(path, text, allowed)
    builder.tags = tags or {}
    value = builder.build(node)
    if len(builder.faults) == 1:
        raise builder.faults[0]
    if builder.faults:
        raise Complaints(builder.faults)
    return value


class _TooDeepError(HivectlError):
    """Raised inside the parser, never seen outside."""

    def __init__(self, mark: Any) -> None:
        super().__init__("nested too deep")
        self.mark = mark


@cache
def _composer_class(*, native: bool = True) -> Any:
    """Return libyaml's composer, or PyYAML's own where libyaml is missing, with a bound on depth."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if native else yaml.SafeLoader
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    defaults = {yaml.SequenceNode: STANDARD + "seq", yaml.MappingNode: STANDARD + "map"}

    class Composer(base):  # type: ignore[misc]  # the base is chosen as it runs
        depth = 0

        def descend_resolver(self, current_node: Any, _index: Any) -> None:
            self.depth += 1
            if self.depth > DEEPEST:
                raise _TooDeepError(current_node.start_mark)

        def ascend_resolver(self) -> None:
            self.depth -= 1

        def resolve(self, kind: Any, value: str, implicit: Any) -> str:
            if kind is not yaml.ScalarNode:
                return defaults[kind]
            if implicit[0]:
                for tag, expression in resolvers.get(value[:1], ()):
                    if expression.match(value):
                        return str(tag)
            return STANDARD + "str"

    return Composer


class _Builder:
    """Makes values of composed nodes; collects what is wrong with them."""

    def __init__(self, path: str, text: str, allowed: Permission) -> None:
        self.path = path
        self.allowed = allowed
        self.lines = text.splitlines()
        self.faults: list[InputError] = []
        self.tags: Mapping[str, Callable[[str], Any]] = {}
        self.anchors = "&" in text
        self.built: dict[int, Any] = {}
        self.sizes: dict[int, int] = {}
        self.open: set[int] = set()
        self.size = 0  # values built so far
        self.repeated = 0

    def origin(self, node: Any) -> Origin:
        mark = node.start_mark
        return Origin(self.path, mark.line + 1, mark.column + 1)

    def build(self, node: Any) -> Any:
        if node.id == "scalar":
            self.size += 1
            return self.scalar(node)
        if not self.anchors:
            return self.collection(node)
        identity = id(node)
        if identity in self.open:
            self.faults.append(MalformedYamlError("this value holds itself", origin=self.origin(node)))
            return None
        if identity in self.built:
            self.repeat(node, self.sizes[identity])
            return self.built[identity]
        before = self.size
        self.open.add(identity)
        self.built[identity] = self.collection(node)
        self.open.discard(identity)
        self.sizes[identity] = self.size - before
        return self.built[identity]

    def repeat(self, node: Any, size: int) -> None:
        """Count what an alias stands for: nested ones make a file of some lines as large as a disk."""
        self.repeated += size
        self.size += size
        if self.repeated > MOST_REPEATED:
            raise MalformedYamlError(
                f"aliases (*name) stand for more than {MOST_REPEATED} values", origin=self.origin(node)
            )

    def collection(self, node: Any) -> Any:
        self.size += 1
        if node.id == "mapping":
            if node.tag != STANDARD + "map":
                return self.tagged(node)
            return self.mapping(node)
        if node.tag == STANDARD + "seq" or node.tag == "!command":
            values = YamlList(map(self.build, node.value), origin=self.origin(node))
            values.item_origins = [self.origin(item) for item in node.value]
            if node.tag == "!command" and self.refused(node, Permission.RUN):
                return None
            return values if node.tag != "!command" else self.command(node, values)
        return self.tagged(node)

    def mapping(self, node: Any) -> YamlMapping:
        result = YamlMapping(origin=self.origin(node))
        merges = []
        for key_node, value_node in node.value:
            if key_node.tag == STANDARD + "merge":
                merges.append((self.origin(value_node), self.build(value_node)))
                continue
            origin = self.origin(key_node)
            value = self.build(value_node)
            key = self.key(key_node, origin)
            if key is None:
                continue
            if key in result:
                first = result.key_origins[key]
                message = f'"{key}" is written twice; the first one is at {first}'
                self.faults.append(DuplicateKeyError(message, origin=origin, hint="keep one of them"))
                continue
            result[key] = value
            result.key_origins[key] = origin
            result.value_origins[key] = self.origin(value_node)
        return self.merged(result, merges) if merges else result

    def merged(self, own: YamlMapping, merges: list[tuple[Origin, Any]]) -> YamlMapping:
        """Return `own` with the keys of `<<` that it lacks; the first mapping that has a key wins."""
        for origin, value in merges:
            for source in value if isinstance(value, YamlList) else [value]:
                if not isinstance(source, YamlMapping):
                    message = "<< takes a mapping, or a list of mappings"
                    self.faults.append(MalformedYamlError(message, origin=origin, hint="such as <<: *name"))
                    continue
                self.size += len(source)
                for key in source:
                    if key not in own:
                        own[key] = source[key]
                        own.key_origins[key] = source.key_origins[key]
                        own.value_origins[key] = source.value_origins[key]
        return own

    def key(self, node: Any, origin: Origin) -> Any:
        """Return a key; text as it is written, even where it would be a boolean as a value; None when it is none."""
        if node.id != "scalar":
            line = self.lines[node.start_mark.line] if node.start_mark.line < len(self.lines) else ""
            begin = max(0, node.start_mark.column - 1)
            if line[begin : begin + 2] == "{{":
                origin = Origin(self.path, origin.line, origin.column - 1)
                message, hint = "a value that begins with {{ must be quoted", TEMPLATE_HINT
            else:
                message, hint = "a key must be a plain text, not a list or a mapping", None
            self.faults.append(MalformedYamlError(message, origin=origin, hint=hint))
            return None
        if node.tag in {STANDARD + "bool", STANDARD + "timestamp", STANDARD + "float"}:
            return node.value
        value = self.scalar(node)
        if value is None and node.tag == STANDARD + "null":
            if node.value:
                return str(node.value)
            message = "a key is missing before the colon"
            self.faults.append(MalformedYamlError(message, origin=origin))
        if not isinstance(value, str | int | None):
            self.faults.append(TagError("a key cannot be a secret", origin=origin))
            return None
        return value

    def scalar(self, node: Any) -> Any:
        tag: str = node.tag
        text: str = node.value
        if tag == "tag:yaml.org,2002:str":
            return text
        convert = SCALARS.get(tag)
        if convert is None:
            return self.tagged(node)
        try:
            return convert(text)
        except (ValueError, KeyError):
            kind = tag.removeprefix(STANDARD)
            self.faults.append(TagError(f"{text[:40]!r} is not a valid {kind}", origin=self.origin(node)))
            return None

    def tagged(self, node: Any) -> Any:
        origin = self.origin(node)
        if node.tag in self.tags and node.id == "scalar":
            return self.tags[node.tag](node.value)
        if node.tag in OUR_TAGS:
            if node.tag != "!command" and self.refused(node, Permission.LOOK):
                return None
            if node.tag != "!command" and node.id == "scalar" and node.value:
                return (from_environment if node.tag == "!env" else from_file)(node.value, origin)
            wanted = {"!env": "!env NAME", "!file": "!file PATH", "!command": "!command [program, argument]"}
            fault = TagError(f"{node.tag} is written {wanted[node.tag]}", origin=origin)
        else:
            name = node.tag.replace(STANDARD, "!!")
            if (secret := self.provided(node, origin)) is not None:
                return secret
            secrets = "secrets come from !env NAME, !file PATH or !command [program, argument]"
            vaults = (
                f"leave the tag out and write `| unvault(password)` where the value is used; or {secrets}"
            )
            known = {"!vault": vaults, "!vault-encrypted": vaults, "!unsafe": UNSAFE}
            hint = known.get(name) or did_you_mean(name, OUR_TAGS) or secrets
            fault = TagError(f"the tag {name[:60]} is not known", origin=origin, hint=hint)
        self.faults.append(fault)
        return None

    def refused(self, node: Any, needed: Permission) -> bool:
        """Complain of a tag that would do on the controller what is not allowed."""
        lack = lacking(needed, self.allowed)
        if lack is not None:
            message = f"{node.tag} {lack}, which is refused for what came over the network"
            self.faults.append(TagError(message, origin=self.origin(node)))
        return lack is not None

    def provided(self, node: Any, origin: Origin) -> Secret | None:
        """Return the secret of another package's provider, which is what an unknown tag may name."""
        if node.id != "scalar" or not node.tag.startswith("!") or not node.value:
            return None
        from hivectl.model.plugins import BrokenPluginError
        from hivectl.model.secret_providers import from_provider

        if self.allowed != EVERYTHING and self.refused(node, EVERYTHING):
            return Secret("")
        try:
            return from_provider(node.tag[1:], node.value, origin)
        except BrokenPluginError as error:
            error.origin = origin
            self.faults.append(error)
            return Secret("")

    def command(self, node: Any, values: YamlList) -> Any:
        if values and all(isinstance(value, str | int) and not isinstance(value, bool) for value in values):
            return from_command([str(value) for value in values], self.origin(node))
        self.faults.append(
            TagError("!command takes a list of texts: [program, argument]", origin=self.origin(node))
        )
        return None
