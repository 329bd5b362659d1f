"""Python packages by pip, in a virtual environment or not."""

import os
import sys

from hivectl.helper.node.paths import Failure, expand
from hivectl.helper.node.tools import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

VERBS = {
    "present": ["install"],
    "latest": ["install", "-U"],
    "forcereinstall": ["install", "-U", "--force-reinstall"],
    "absent": ["uninstall", "-y"],
}
REPOSITORIES = ("bzr+", "git+", "hg+", "svn+")
# says for each requirement whether it is met; pip brings the parser, so that nothing else is needed
MET = """\
import re, sys
from pip._vendor.packaging.requirements import Requirement
def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
known = {canonical(line.partition("==")[0]): line.partition("==")[2] for line in sys.stdin.read().split()}
for text in sys.argv[1:]:
    wanted = Requirement(text)
    version = known.get(canonical(wanted.name))
    print(int(version is not None and wanted.specifier.contains(version, prereleases=True)))
"""


class _Pip:
    """pip as one operation wants it."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools") -> None:
        self.operation = operation
        self.tools = tools
        folder = operation.get("chdir")
        # not the login's home, where a file may be taken for a module
        self.folder = expand(folder) if folder is not None else "/tmp"  # noqa: S108 - nothing is put there
        environment = operation.get("virtualenv")
        self.environment = None
        if environment is not None:
            self.environment = os.path.normpath(os.path.join(self.folder, os.path.expanduser(environment)))
            tools.environment["PATH"] = f"{self.environment}/bin:" + tools.environment["PATH"]
        if operation.get("break_system_packages"):
            tools.environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
        self.said: "list[Said]" = []

    def missing(self) -> bool:
        """Whether the virtual environment is still to be made."""
        return self.environment is not None and not os.path.exists(f"{self.environment}/bin/activate")

    def make(self) -> None:
        """Make the virtual environment."""
        import shlex

        assert self.environment is not None
        command = shlex.split(self.operation.get("virtualenv_command", "virtualenv"))
        if command == ["virtualenv"] and self.tools.find("virtualenv") is None:
            command = [sys.executable or "python3", "-m", "venv"]
        python = self.operation.get("virtualenv_python")
        plain = "venv" in command[1:] or os.path.basename(command[0]).startswith("pyvenv")
        if plain and python is not None:
            raise Failure(
                "virtualenv_python cannot be used with venv: name the interpreter in virtualenv_command"
            )
        if self.operation.get("virtualenv_site_packages"):
            command.append("--system-site-packages")
        if not plain:
            command.append("-p" + (python or sys.executable or "python3"))
        said = self.tools.call(*command, self.environment, folder=self.folder)
        if said.rc != 0:
            raise failed(f"the virtual environment {self.environment} cannot be made", said)
        self.said.append(said)

    def argv(self) -> "list[str]":
        """Return how pip is called."""
        if self.environment is not None:
            for name in ("pip3", "pip"):
                if os.access(f"{self.environment}/bin/{name}", os.X_OK):
                    return [f"{self.environment}/bin/{name}"]
            raise Failure(f"the virtual environment {self.environment} has no pip")
        executable = self.operation.get("executable")
        if executable is not None:
            return [os.path.expanduser(executable)]
        if sys.executable and self.tools.call(sys.executable, "-c", "import pip").rc == 0:
            return [sys.executable, "-m", "pip"]
        return [self.tools.need("pip3", "python3-pip")]

    def frozen(self, pip: "list[str]") -> str:
        """Return what is installed."""
        return self.tools.must("pip freeze failed", *pip, "freeze", "--all", folder=self.folder).out

    def met(self, pip: "list[str]", names: "list[str]") -> "list[bool]":
        """Say of each requirement whether it is met."""
        listed = self.tools.must("pip list failed", *pip, "list", "--format=freeze", folder=self.folder)
        python = pip[0] if pip[1:2] == ["-m"] else os.path.join(os.path.dirname(pip[0]), "python")
        if not os.access(python, os.X_OK):
            python = sys.executable or "python3"
        said = self.tools.must(
            "the requirements cannot be read", python, "-c", MET, *names, folder=self.folder, stdin=listed.out
        )
        return [line == "1" for line in said.out.split()]


def pip(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":  # noqa: ARG001 - it has no diff
    """Carry out a `pip`; see operations.Pip."""
    mask = operation.get("umask")
    old = os.umask(int(mask, 8)) if mask is not None else None
    try:
        return _pip(_Pip(operation, tools), check=check)
    finally:
        if old is not None:
            os.umask(old)


def _pip(one: _Pip, *, check: bool) -> "dict[str, Any]":
    import shlex

    operation = one.operation
    names, state = list(operation.get("packages", ())), operation.get("state", "present")
    made = one.missing()
    if made and check:
        return {"changed": True}
    if made:
        one.make()
    program = one.argv()
    extra = shlex.split(operation.get("extra_args") or "")
    if operation.get("editable") and "-e" not in extra:
        extra.append("-e")
    requirements = operation.get("requirements")
    if check:
        if extra or requirements is not None or state in {"latest", "forcereinstall"}:
            return {"changed": True}
        met = one.met(program, names)
        return {"changed": any(met) if state == "absent" else not all(met)}
    compares = requirements is not None or any(name.startswith(REPOSITORIES) for name in names)
    before = one.frozen(program) if compares else None
    wanted = names if requirements is None else ["-r", os.path.expanduser(requirements)]
    said = one.tools.call(*program, *VERBS[state], *extra, *wanted, folder=one.folder)
    one.said.append(said)
    if said.rc != 0 and not (state == "absent" and "not installed" in said.out + said.err):
        raise failed("pip failed", said)
    if state == "absent":
        changed = "Successfully uninstalled" in said.out
    elif before is not None:
        changed = one.frozen(program) != before
    else:
        changed = "Successfully installed" in said.out
    return {
        "changed": changed or made,
        "cmd": said.argv,
        "name": names or None,
        "version": operation.get("version"),
        "state": state,
        "requirements": requirements,
        "virtualenv": one.environment,
        "stdout": "".join(part.out for part in one.said),
        "stderr": "".join(part.err for part in one.said),
    }
