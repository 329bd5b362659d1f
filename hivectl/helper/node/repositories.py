"""Working copies and bare copies of git repositories, by git(1)."""

import os
import re

from hivectl.helper.node.paths import Failure, expand, reason
from hivectl.helper.node.tools import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.tools import Said, Tools

# of a diff that goes into a result, in characters
LARGEST_DIFF = 100 << 10


class _Copy:
    """One copy, what it shall be of, and git in it."""

    def __init__(self, operation: "dict[str, Any]", tools: "Tools") -> None:
        self.operation = operation
        self.tools = tools
        self.git = operation.get("executable") or tools.need("git", "git")
        repository = os.path.expanduser(operation["repository"])
        # a plain path would be linked and not fetched: no depth, for one
        self.repository = "file://" + repository if repository.startswith("/") else repository
        self.remote = operation.get("remote", "origin")
        self.version = operation.get("version", "HEAD")
        self.bare = operation.get("bare", False)
        self.depth = operation.get("depth")
        self.force = operation.get("force", False)
        path = operation.get("path")
        self.path = expand(path).rstrip("/") if path is not None else None
        self._refs: "dict[str, dict[str, str]]" = {}
        self._set_environment()

    def _set_environment(self) -> None:
        """Let git never ask, and ssh use what the operation names."""
        environment = self.tools.environment
        environment["GIT_TERMINAL_PROMPT"] = "0"
        words = [
            environment.get("GIT_SSH_COMMAND") or environment.get("GIT_SSH") or "ssh",
            "-o BatchMode=yes",
        ]
        options = self.operation.get("ssh_opts") or ""
        keys = self.operation.get("host_keys")
        if keys and "StrictHostKeyChecking=" not in options:
            words.append("-o StrictHostKeyChecking=" + keys)
        words += [options] if options else []
        key = self.operation.get("key_file")
        if key is not None:
            import shlex

            words.append("-i {} -o IdentitiesOnly=yes".format(shlex.quote(os.path.expanduser(key))))
        environment["GIT_SSH_COMMAND"] = " ".join(words)

    def call(self, *words: str) -> "Said":
        """Run git in the copy, whatever comes of it."""
        return self.tools.call(self.git, *words, folder=self.path)

    def must(self, what: str, *words: str) -> str:
        """Run git in the copy; return what it printed, or raise Failure."""
        said = self.call(*words)
        if said.rc != 0:
            raise failed(what, said)
        return said.out.strip()

    def folder(self) -> str:
        """Return where git keeps what is not the working tree."""
        assert self.path is not None
        if self.bare:
            return self.path
        inside = os.path.join(self.path, ".git")
        if os.path.isfile(inside):
            with open(inside, encoding="utf-8", errors="surrogateescape") as file:
                target = file.read().partition("gitdir: ")[2].strip()
            inside = os.path.join(self.path, target)
            if not target or not os.path.isdir(inside):
                raise Failure(f"{self.path}/.git points at {target or 'nothing'}, which is no repository")
        return inside

    def there(self) -> bool:
        """Whether there is a copy."""
        return self.path is not None and os.path.exists(os.path.join(self.folder(), "config"))

    def head(self) -> "str | None":
        """Return the commit that the copy is at."""
        said = self.call("rev-parse", "HEAD")
        return said.out.strip() if said.rc == 0 else None

    def refs(self, remote: str) -> "dict[str, str]":
        """Return what the other side has, asked once."""
        if remote not in self._refs:
            folder = self.path if remote == self.remote else None
            said = self.tools.call(self.git, "ls-remote", remote, folder=folder)
            if said.rc != 0:
                raise failed(f"{self.repository} cannot be reached", said)
            rows = (line.split("\t", 1) for line in said.out.splitlines() if "\t" in line)
            self._refs[remote] = {name: commit for commit, name in rows}
        return self._refs[remote]

    def wanted_commit(self, remote: str) -> str:
        """Return the commit that the version is on the other side; a version it does not name is one itself."""
        refs = self.refs(remote)
        name = "HEAD"
        if self.version == "HEAD" and remote == self.remote:
            name = "refs/heads/" + self.head_branch()
        elif self.version != "HEAD":
            for name in (
                f"refs/heads/{self.version}",
                f"refs/tags/{self.version}^{{}}",  # what an annotated tag is of
                f"refs/tags/{self.version}",
            ):
                if name in refs:
                    return refs[name]
            return str(self.version)
        if name not in refs:
            raise Failure(f"Could not determine remote revision for {self.version}: there is no {name}")
        return refs[name]

    def has_ref(self, name: str) -> bool:
        """Whether the copy has a reference."""
        return self.call("rev-parse", "--quiet", "--verify", name).rc == 0

    def head_branch(self) -> str:
        """Return the branch of the copy, or that of the other side where the copy is at none."""
        said = self.call("symbolic-ref", "--quiet", "--short", "HEAD")
        if said.rc == 0:
            return said.out.strip()
        default = self.call("symbolic-ref", "--quiet", f"refs/remotes/{self.remote}/HEAD")
        if default.rc != 0:
            raise Failure(
                f"{self.path} is at no branch, and {self.remote} has told no default: name a `version`"
            )
        return default.out.strip().partition(f"refs/remotes/{self.remote}/")[2]

    def modified(self) -> bool:
        """Whether files that git knows differ from the commit."""
        if self.bare:
            return False
        lines = self.must(f"{self.path} cannot be looked at", "status", "--porcelain").splitlines()
        return any(not line.startswith("??") for line in lines)

    def clone(self) -> None:
        """Make the copy."""
        assert self.path is not None
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
        except OSError as error:
            raise Failure(f"{os.path.dirname(self.path)} cannot be made: {reason(error)}") from error
        argv = ["clone"] + (["--bare"] if self.bare else ["--origin", self.remote])
        named = False
        if self.version != "HEAD" and (self.depth or self.operation.get("single_branch")):
            refs = self.refs(self.repository)
            named = bool({f"refs/heads/{self.version}", f"refs/tags/{self.version}"} & set(refs))
        refspec = self.operation.get("refspec")
        branch = named
        if self.depth and (self.version == "HEAD" or refspec or named):
            argv += ["--depth", str(self.depth)]
            branch = named and not refspec
        argv += ["--reference", self.operation["reference"]] if self.operation.get("reference") else []
        argv += ["--single-branch"] if self.operation.get("single_branch") else []
        argv += ["--branch", self.version] if branch else []
        apart = self.operation.get("separate_git_dir")
        argv += ["--separate-git-dir=" + os.path.realpath(expand(apart))] if apart else []
        # `--` lets no address be an option
        said = self.tools.call(self.git, *argv, "--", self.repository, self.path)
        if said.rc != 0:
            raise failed(f"{self.repository} cannot be cloned", said)
        if self.bare and self.remote != "origin":
            self.must("the remote cannot be added", "remote", "add", self.remote, self.repository)
        if refspec:
            depth = ["--depth", str(self.depth)] if self.depth else []
            self.must(f"{refspec} cannot be fetched", "fetch", *depth, self.remote, refspec)

    def point_at(self, *, check: bool) -> bool:
        """Let the remote be what is asked for; say whether it was another."""
        said = self.call("ls-remote", "--get-url", self.remote)
        url = said.out.strip()
        if said.rc != 0 or _plain(url) == _plain(self.repository):
            return False
        if not check:
            verb = "add" if url == self.remote else "set-url"
            self.must(f"the remote {self.remote} cannot be set", "remote", verb, self.remote, self.repository)
        return True

    def fetch(self) -> None:
        """Bring what is new."""
        refspec = self.operation.get("refspec")
        refspecs = self._shallow(refspec) if self.depth else []
        argv = ["fetch"]
        if refspecs:
            argv += ["--depth", str(self.depth)]
        elif self.bare:
            refspecs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        else:
            argv.append("--tags")
        if refspec and refspec not in refspecs:
            refspecs.append(refspec)
        argv += ["--force"] if self.force else []
        self.must("Failed to download remote objects and refs", *argv, self.remote, *refspecs)

    def _shallow(self, refspec: "str | None") -> "list[str]":
        """Return the least that must be fetched for the version; [] where it has no name."""
        if refspec:
            return [refspec]
        if self.version == "HEAD":
            return [self.head_branch()]
        refs = self.refs(self.repository)
        branch, tag = f"refs/heads/{self.version}", f"refs/tags/{self.version}"
        if branch in refs:
            both = [] if self.bare or self.head_branch_or_none() == self.version else [f"+{branch}:{branch}"]
            return [*both, f"+{branch}:refs/remotes/{self.remote}/{self.version}"]
        return [f"+{tag}:{tag}"] if tag in refs else []

    def head_branch_or_none(self) -> "str | None":
        """Return the branch of the copy, None where it is at none."""
        said = self.call("symbolic-ref", "--quiet", "--short", "HEAD")
        return said.out.strip() if said.rc == 0 else None

    def switch(self) -> None:
        """Check the version out."""
        version = self.version
        if version == "HEAD":
            version = self.head_branch()
        elif not self.has_ref(f"refs/remotes/{self.remote}/{version}"):
            self.must(f"Failed to checkout {version}", "checkout", "--force", version)
            self._verify()
            return
        upstream = f"{self.remote}/{version}"
        if not self.has_ref(f"refs/heads/{version}"):
            self.must(
                f"Failed to checkout {version}", "checkout", "--force", "--track", "-b", version, upstream
            )
        else:
            self.must(f"Failed to checkout branch {version}", "checkout", "--force", version)
            self.must(f"Failed to checkout branch {version}", "reset", "--hard", upstream, "--")
        self._verify()

    def _verify(self) -> None:
        if self.operation.get("verify_commit"):
            tag = self.has_ref(f"refs/tags/{self.version}^{{tag}}")
            words = ["verify-tag", self.version] if tag else ["verify-commit", "HEAD"]
            self.must(f"Failed to verify the signature of {self.version}", *words)

    def update_submodules(self) -> bool:
        """Bring submodules to where they belong; say whether any was not."""
        assert self.path is not None
        if not os.path.exists(os.path.join(self.path, ".gitmodules")):
            return False
        status = ("submodule", "status", "--recursive")
        before = self.must("Failed to retrieve submodule status", *status)
        self.must("Failed to sync submodules", "submodule", "sync", "--recursive")
        argv = ["submodule", "update", "--init", "--recursive"]
        argv += ["--remote"] if self.operation.get("track_submodules") else []
        argv += ["--force"] if self.force else []
        self.must("Failed to init/update submodules", *argv)
        return self.must("Failed to retrieve submodule status", *status) != before

    def difference(self, before: "str | None", after: "str | None") -> "dict[str, str]":
        """Return a diff that is made already."""
        if before is None:
            return {"prepared": f">> Newly checked out {after}"}
        if before == after or after is None:
            return {}
        said = self.call("diff", before, after)
        if said.rc != 0:
            return {"prepared": f">> {before} to {after}"}  # a check has fetched nothing
        if not said.out:
            return {"prepared": f">> No visual differences between {before} and {after}"}
        if len(said.out) > LARGEST_DIFF:
            return {"prepared": self.call("diff", "--stat", before, after).out}
        return {"prepared": said.out}


def _plain(address: str) -> str:
    """Return an address so that two ways to write one are the same."""
    return os.path.normpath(re.sub(r"^file://", "", address))


def git(operation: "dict[str, Any]", tools: "Tools", *, check: bool, diff: bool) -> "dict[str, Any]":
    """Carry out a `git`; see operations.Git."""
    mask = operation.get("umask")
    old = os.umask(int(mask, 8)) if mask is not None else None
    try:
        copy = _Copy(operation, tools)
        result = _bring(copy, check=check)
        if diff and result["changed"] and result["before"] != result["after"]:
            result["diff"] = copy.difference(result["before"], result["after"])
        if operation.get("archive"):
            result.update(_archive(copy, check=check, changed=result["changed"]))
        return result
    finally:
        if old is not None:
            os.umask(old)


def _bring(copy: _Copy, *, check: bool) -> "dict[str, Any]":
    """Make the copy what is asked for."""
    operation = copy.operation
    result: "dict[str, Any]" = {"changed": False, "before": None}
    if not copy.there():
        if check or not operation.get("clone", True):
            return dict(result, changed=True, after=copy.wanted_commit(copy.repository))
        copy.clone()
        return _settle(copy, result)
    result["before"] = copy.head()
    if not operation.get("update", True):
        return dict(result, after=result["before"])
    apart = operation.get("separate_git_dir")
    if apart and os.path.realpath(expand(apart)) != os.path.realpath(copy.folder()):
        result["changed"] = True
        if not check:
            place = os.path.realpath(expand(apart))
            copy.must(f"the repository cannot be moved to {place}", "init", "--separate-git-dir=" + place)
    if copy.modified():
        if not copy.force:
            raise Failure(f"Local modifications exist in the destination: {copy.path} (force=no).", **result)
        result.update(changed=True, msg=f"Local modifications exist in the destination: {copy.path}")
        if not check:
            copy.must("the local modifications cannot be undone", "reset", "--hard", "HEAD")
    moved = copy.point_at(check=check)
    result["remote_url_changed"] = moved
    if check:
        # of the new address where that is another: nothing was set
        after = copy.wanted_commit(copy.repository if moved else copy.remote)
        return dict(result, changed=result["changed"] or moved or after != result["before"], after=after)
    result["changed"] = result["changed"] or moved
    copy.fetch()
    return _settle(copy, result)


def _settle(copy: _Copy, result: "dict[str, Any]") -> "dict[str, Any]":
    """Check out, bring submodules, and see what has changed."""
    if not copy.bare:
        copy.switch()
        if copy.operation.get("recursive", True) and copy.update_submodules():
            result.update(changed=True, submodules_changed=True)
    result["after"] = copy.head()
    return dict(result, changed=result["changed"] or result["before"] != result["after"])


def _archive(copy: _Copy, *, check: bool, changed: bool) -> "dict[str, Any]":
    """Write the version as an archive, if what is there is another."""
    path = expand(copy.operation["archive"])
    if check:
        return {"changed": True}
    stem, extension = path, ""
    for known in (".tar.gz", ".tgz", ".tar", ".zip"):
        if path.endswith(known):
            stem, extension = path[: -len(known)], known
    if not extension:
        raise Failure(f"{path} is none of .zip, .tar, .tar.gz and .tgz")
    new = f"{stem}.hivectl-{os.getpid()}{extension}"
    prefix = copy.operation.get("archive_prefix")
    words = ["--prefix=" + prefix] if prefix else []
    try:
        copy.must(f"Failed to make the archive {path}", "archive", "--output=" + new, *words, copy.version)
        if os.path.exists(path) and _bytes(path) == _bytes(new):
            return {"changed": changed}
        os.rename(new, path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {reason(error)}") from error
    finally:
        if os.path.exists(new):
            os.unlink(new)
    return {"changed": True, "archive": path}


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
