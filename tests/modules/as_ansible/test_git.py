"""`git`: as ansible-core does it, with real repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.worlds import act, assert_same_in_worlds

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.worlds import Act

# the same commits in every world
PREPARE = """
mkdir -p /mnt/copies /mnt/up
cat > /mnt/gitconfig <<'END'
[user]
  name = Ann
  email = ann@example.org
[init]
  defaultBranch = main
[protocol "file"]
  allow = always
[advice]
  detachedHead = false
END
export GIT_CONFIG_GLOBAL=/mnt/gitconfig GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
made() { cd "/mnt/up/$1"; echo "$2" >> file; git add file; git commit -q -m "$2"; }
git init -q /mnt/up/part; made part p1
git init -q /mnt/up/whole; made whole one; git tag v1; made whole two; git tag -a v2 -m two
git checkout -q -b side; made whole aside; git checkout -q main; made whole three
git init -q /mnt/up/nested; made nested n1
cd /mnt/up/nested; git submodule --quiet add /mnt/up/part part; git commit -q -m part
cd /mnt
"""
STATE = """
for copy in /mnt/copies/*; do
  [ -d "$copy" ] || continue
  echo "== $copy"; cd "$copy"
  git rev-parse HEAD; git rev-parse --abbrev-ref HEAD; git rev-list --count HEAD; git status --porcelain
  git remote -v; git tag; git for-each-ref --format='%(refname)'; find . -name .git -prune -o -type f -name file -print
  git submodule status 2>/dev/null
done
cd /mnt; ls -d apart* 2>/dev/null
for file in /mnt/*.tar; do [ ! -f "$file" ] || tar tf "$file"; done
true
"""
TOLD = ("before", "after")
# what is not looked at any more
GONE = "rm -rf /mnt/copies/*"
WHOLE = {"repo": "/mnt/up/whole"}
MADE = 'made() { cd "/mnt/up/$1"; echo "$2" >> file; git add file; git commit -q -m "$2"; }; '


def git(name: str, copy: str, arguments: dict[str, Any], **more: Any) -> Act:
    return act(
        name, "git", {"repo": "/mnt/up/whole", "dest": f"/mnt/copies/{copy}", **arguments}, *TOLD, **more
    )


ACTS = [
    git("clone in check", "a", {}, check=True, diff=True),
    git("clone", "a", {}),
    git("clone again", "a", {}),
    git("something new, check", "a", {}, check=True, before=MADE + "made whole four"),
    git("something new, left", "a", {"update": False}),
    git("something new", "a", {}),
    git("a tag", "a", {"version": "v1"}),
    git("a tag again", "a", {"version": "v1"}),
    git("a tag with words", "a", {"version": "v2"}),
    git("a branch, check", "a", {"version": "side"}, check=True),
    git("a branch", "a", {"version": "side"}),
    git("a branch again", "a", {"version": "side"}),
    git(
        "the branch goes on",
        "a",
        {"version": "side"},
        before="cd /mnt/up/whole; git checkout -q side; " + MADE + "made whole more; git checkout -q main",
    ),
    git(
        "the branch is written anew",
        "a",
        {"version": "side"},
        before="cd /mnt/up/whole; git checkout -q side; git reset -q --hard HEAD~1; git checkout -q main",
    ),
    git("back", "a", {"version": "main"}),
    git("a commit", "a", {"version": "HEAD"}),
    git("no such version", "a", {"version": "none"}),
    git("modified", "a", {}, before="echo mine >> /mnt/copies/a/file"),
    git("modified, check", "a", {}, check=True),
    git("modified, forced", "a", {"force": True}),
    git("new files are left", "a", {"force": True}, before="touch /mnt/copies/a/mine"),
    git("the same address", "a", {"repo": "file:///mnt/up/whole/../whole"}),
    git(
        "another address, check",
        "a",
        {"repo": "/mnt/up/other"},
        check=True,
        before="cp -a /mnt/up/whole /mnt/up/other",
    ),
    git("another address", "a", {"repo": "/mnt/up/other"}),
    git("shallow", "b", {"depth": 1}, before=GONE),
    git("shallow again", "b", {"depth": 1}),
    git("shallow, something new", "b", {"depth": 1}, before=MADE + "made whole five"),
    git("shallow, a branch", "b", {"depth": 1, "version": "side"}),
    git("shallow from a tag", "c", {"depth": 1, "version": "v1"}, before=GONE),
    git("a branch at once", "d", {"version": "side", "single_branch": True}, before=GONE),
    git("bare", "e.git", {"bare": True}, before=GONE),
    git("bare again", "e.git", {"bare": True}),
    git("bare, something new", "e.git", {"bare": True}, before=MADE + "made whole six"),
    git("another name", "f", {"remote": "up"}, before=GONE),
    git("with a part", "g", {"repo": "/mnt/up/nested"}, before=GONE),
    git("with a part again", "g", {"repo": "/mnt/up/nested"}),
    git(
        "the part has moved",
        "g",
        {"repo": "/mnt/up/nested"},
        before=MADE + "made part p2; cd /mnt/up/nested/part; git pull -q; cd ..; git commit -q -a -m moved",
    ),
    git("without its part", "h", {"repo": "/mnt/up/nested", "recursive": False}, before=GONE),
    git("apart", "i", {"separate_git_dir": "/mnt/apart-i"}, before=GONE),
    git("apart again", "i", {"separate_git_dir": "/mnt/apart-i"}),
    git("a ref besides", "j", {"refspec": "+refs/heads/side:refs/heads/beside"}, before=GONE),
    git("as an archive", "k", {"archive": "/mnt/k.tar", "version": "v1"}, before=GONE),
    git("in a folder that is missing", "deep/er/l", {}, before=GONE),
    git("no such repository", "m", {"repo": "/mnt/up/none"}, before=GONE),
    git("in the way", "n", {}, before="mkdir /mnt/copies/n; touch /mnt/copies/n/file"),
    act("only a question", "git", {**WHOLE, "clone": False, "update": False}, *TOLD),
    act("nowhere", "git", WHOLE),
    git("two kinds of keys", "o", {"accept_hostkey": True, "accept_newhostkey": True}),
    git("prefix alone", "o", {"archive_prefix": "x/"}),
    git("umask", "p", {"umask": "0077"}, before=GONE),
]


def test_as_ansible(tmp_path: Path) -> None:
    sides = assert_same_in_worlds(ACTS, tmp_path, prepare=PREPARE, state=STATE, without_python=True)

    said = {one.name: side["result"].get("msg", "") for one, side in zip(ACTS, sides["ours"], strict=True)}
    assert said["modified"] == "Local modifications exist in the destination: /mnt/copies/a (force=no)."
    assert "/mnt/up/none" in said["no such repository"]
    assert said["no such version"].startswith("Failed to checkout none")
