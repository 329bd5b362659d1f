"""What reading a playbook needs everywhere: complaints, known keywords, modules by name, numbers for tasks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from hivectl.model.absent_modules import instead_of
from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.keywords import ELSEWHERE, PlayKeywords, TaskKeywords, keyword_schemas
from hivectl.model.module_defaults import ModuleDefaults, read_defaults
from hivectl.model.origin import Origin
from hivectl.model.permissions import EVERYTHING, Permission
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.schema import Validator
from hivectl.model.suggestions import nearest
from hivectl.model.yaml import YamlMapping, load_yaml, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hivectl.model.playbook import Handler, Role


class ModuleShape(Protocol):
    """What the loader needs to know of a module."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def free_form(self) -> str | None:
        """The parameter that a plain text fills."""
        ...

    @property
    def parameters(self) -> type[Any]:
        """Its parameter dataclass."""
        ...


def _validator_of(cls: Any) -> Validator:
    """Return the checker of a class of keywords, made once for all tasks."""
    return _validator(cls)


@cache
def _validator(cls: Any) -> Validator:
    required = ["hosts"] if cls is PlayKeywords else []
    return Validator({"type": "object", "properties": keyword_schemas(cls), "required": required})


class Reader:
    """One reading of a playbook with all that it takes in.

    Attributes:
        errors: every fault found so far.
        defaults: what all `module_defaults` say.
        find_module: returns a module by the name in the playbook, or None.
        module_names: all names, for suggestions.
        allowed: what tags and templates may do on the controller.
        root: the playbook's folder.
        files: every file that was read.
        roles: those whose variables the whole play sees.
        handlers: those that imported roles have brought.
        uses: what is known of roles that shall be done once: key -> conditions and tags.
    """

    def __init__(
        self,
        path: Path,
        find_module: Callable[[str], ModuleShape | None],
        module_names: Callable[[], Iterable[str]],
        allowed: Permission = EVERYTHING,
    ) -> None:
        self.errors: list[HivectlError] = []
        self.defaults: list[ModuleDefaults] = []
        self.start = Origin(str(path), 1, 1)
        self.find_module = find_module
        self.module_names = module_names
        self.allowed = allowed
        self.path = path.resolve()
        self.root = self.path.parent
        self.files: dict[Path, None] = {path: None}
        self.roles: list[Role] = []
        self.handlers: list[Handler] = []
        self.uses: dict[str, list[tuple[Any, ...]]] = {}
        self._loaded: dict[Path, Any] = {}
        self._number = 0

    def number(self) -> int:
        """Return the next task's number."""
        self._number += 1
        return self._number

    def load(self, path: Path) -> Any:
        """Return what a file holds, read once for all places that use it; None after a complaint."""
        self.files[path] = None
        if path not in self._loaded:
            try:
                self._loaded[path] = load_yaml(path, allowed=self.allowed)
            except HivectlError as error:
                self._loaded[path] = None
                self.errors += error.errors if isinstance(error, Complaints) else [error]
        return self._loaded[path]

    def complain(self, message: str, origin: Origin | None, hint: str | None = None) -> None:
        """Note a fault and go on."""
        self.errors.append(InputError(message, origin=origin or self.start, hint=hint))

    def keywords(self, raw: YamlMapping, cls: type[Any], what: str) -> bool:
        """Complain of unknown keywords and wrong types; return whether the rest can be read."""
        known = keyword_schemas(cls)
        unknown = [key for key in raw if key not in known] if cls is not TaskKeywords else []
        for key in unknown:
            self.unknown(raw, key, known, what)
        plain = YamlMapping((key, value) for key, value in raw.items() if key in known)
        plain.origin, plain.key_origins, plain.value_origins = raw.origin, raw.key_origins, raw.value_origins
        faults = _validator_of(cls).check(plain)
        self.errors += faults
        if raw.get("connection") not in (None, "local", "ansible.builtin.local"):
            hint = "the inventory says how a node is reached: `driver: ssh`"
            message = f"`connection: {raw['connection']}` is not supported"
            self.complain(message, origin_of(raw, "connection"), hint)
        return not faults

    def defaults_of(self, raw: YamlMapping) -> tuple[ModuleDefaults, ...]:
        """Return what the `module_defaults` of a play, block or task say."""
        if "module_defaults" not in raw:
            return ()
        found = read_defaults(raw, self._name_of, self.complain)
        self.defaults += found
        return found

    def _name_of(self, name: str, origin: Origin | None) -> str | None:
        """Return the short name of a module that `module_defaults` names, or complain."""
        try:
            module = None if name in ELSEWHERE else self.find_module(name)
        except BrokenPluginError as error:
            self.complain(error.message, origin, error.hint)
            return None
        if module is None:
            best = nearest(name, self.module_names())
            hint = ELSEWHERE.get(name) or instead_of(name) or (f"did you mean `{best}`?" if best else None)
            self.complain(f"`module_defaults`: there is no module `{name}`", origin, hint)
            return None
        return module.name

    def unknown(self, raw: YamlMapping, key: object, known: Iterable[str], what: str) -> None:
        """Complain of a name that is neither keyword nor module."""
        origin = raw.key_origins.get(key) or raw.origin
        if isinstance(key, str) and key in ELSEWHERE:
            self.complain(f"`{key}` is not supported", origin, ELSEWHERE[key])
            return
        if isinstance(key, str) and (instead := instead_of(key)):
            self.complain(f"`{key}` is not supported", origin, instead)
            return
        best = nearest(str(key), known)
        if isinstance(key, str) and "." in key:
            self.complain(
                f"there is no module `{key}`",
                origin,
                f"did you mean `{best}`?" if best else "`hivectl modules` lists what there is",
            )
            return
        kind = "keyword or module" if what == "a task" else "keyword"
        self.complain(f"{what} has no {kind} `{key}`", origin, f"did you mean `{best}`?" if best else None)
