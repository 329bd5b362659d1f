"""`.hivelock` in the login's home: who may change this node, and what was in flight.

The file is replaced by rename, so it never tears; flock on it keeps writers apart. Time is CLOCK_BOOTTIME with the
boot's id, so that setting the clock neither ends nor prolongs a claim.
"""

import errno
import fcntl
import os
import time

from hivectl.helper.node.paths import Refused, Unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = ".hivelock"
VERSION = 1
LARGEST = 65536
# how many other runs' last operations are kept
REMEMBERED = 15
CLOCK_BOOTTIME = (
    7  # linux/time.h; time.CLOCK_BOOTTIME is there from Python 3.7 on Linux, but not on every libc
)


def login() -> "tuple[str, int, int]":
    """Return the home, uid and gid of the login itself, also when sudo made us another user."""
    import pwd

    uid = os.environ.get("SUDO_UID", "")
    try:
        entry = pwd.getpwuid(int(uid) if uid.isdigit() else os.getuid())
    except KeyError:
        home = os.environ.get("HOME", "")
        if uid.isdigit() or not home:
            raise Unusable("there is no home directory for user id %s" % (uid or os.getuid())) from None
        return home, os.getuid(), os.getgid()
    # a login without sudo may have been given another HOME
    home = entry.pw_dir if uid.isdigit() else os.environ.get("HOME") or entry.pw_dir
    return home, entry.pw_uid, entry.pw_gid


def now() -> float:
    """Seconds since the boot, suspended time included."""
    return time.clock_gettime(CLOCK_BOOTTIME)


def boot() -> str:
    """The boot's identity."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def birth(pid: "Any") -> int:
    """Return when a process began, in clock ticks since the boot; 0 when it is gone (proc_pid_stat(5), field 22)."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (OSError, TypeError):
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def myself() -> "list[int]":
    """Name this process so that no later one with the same number is taken for it."""
    return [os.getpid(), birth(os.getpid())]


class Lock:
    """The file, and what of it this helper has seen."""

    def __init__(self, codec: "tuple[Any, Any]") -> None:
        self.encode, self.decode = codec
        home, self.uid, self.gid = login()
        self.path = os.path.join(home, NAME)
        self.boot = boot()
        self.seen: "Any" = None
        # the claim that was accepted here: whoever is in the file instead came after it
        self.accepted: "tuple[str, int] | None" = None

    def usable(self) -> bool:
        """Whether this user can keep the login's file at all."""
        return os.access(os.path.dirname(self.path), os.W_OK | os.X_OK) and os.geteuid() in {0, self.uid}

    def accept(self, fence: "dict[str, Any]") -> None:
        """Take the claim over, or renew it; raises Refused when it is older than another or the node is held."""
        with _Held(self) as held:
            self._judge(held.state, fence)
            # what was in flight is kept: whoever resumes that run comes with a new token
            kept = {name: held.state.get(name) for name in ("progress", "earlier", "by")}
            if held.state.get("boot") != self.boot:
                kept["by"] = None
            held.write(dict(self._claim(fence), **kept))
        self.accepted = (fence["store"], fence["token"])

    def check(self, fence: "dict[str, Any]") -> None:
        """Raise Refused if somebody else has the node since; costs one look at the file when nothing happened."""
        if self.seen is None or self.mark() != self.seen:
            with _Held(self) as held:
                self._judge(held.state, fence)
                if held.state.get("token") != fence["token"] or held.state.get("returned"):
                    held.write(dict(held.state, **self._claim(fence)))
                else:
                    self.seen = self.mark()

    def record(self, fence: "dict[str, Any]", progress: "dict[str, Any]") -> None:
        """Write what is in flight, or how it ended; raises Refused like `check`."""
        with _Held(self) as held:
            try:
                self._judge(held.state, fence)
            except Refused:
                if progress["ended"] and held.state.get("progress") == dict(progress, ended=False, rc=None):
                    # whoever resumes the run has a newer claim, and wants to know how this ended
                    held.write(dict(held.state, progress=progress))
                raise
            state = dict(held.state, progress=progress, by=None if progress["ended"] else myself())
            state["earlier"] = self._earlier(held.state, progress["run"])
            if state.get("store") != fence["store"] or state.get("token") != fence["token"]:
                state.update(self._claim(fence))
            held.write(state)

    def give_back(self, fence: "dict[str, Any]") -> None:
        """Say that the claim ends; a newer one, or another store's, is left as it is."""
        with _Held(self) as held:
            state = held.state
            if state and state.get("store") == fence["store"] and state.get("token", 0) <= fence["token"]:
                held.write(dict(state, token=fence["token"], returned=True))

    def progress(self, run: str) -> "dict[str, Any] | None":
        """Return what is remembered of a run."""
        state = self.read()
        last = state.get("progress")
        every: "list[Any]" = [last, *(state.get("earlier") or ())]
        for known in every:
            if isinstance(known, dict) and known.get("run") == run:
                return dict(known, running=not known.get("ended") and known is last and self._lives(state))
        return None

    def _lives(self, state: "dict[str, Any]") -> bool:
        """Whether the helper that began what is in flight is still at it: its controller may be gone."""
        by = state.get("by")
        return isinstance(by, list) and state.get("boot") == self.boot and by == [by[0], birth(by[0])]

    @staticmethod
    def _earlier(state: "dict[str, Any]", run: str) -> "list[Any]":
        """Return what is remembered of other runs, the latest first: one that was cut off may yet be resumed."""
        known = [state.get("progress"), *(state.get("earlier") or ())]
        return [one for one in known if isinstance(one, dict) and one.get("run") != run][:REMEMBERED]

    def read(self) -> "dict[str, Any]":
        """Return the file's content, {} without a file; raises Refused for a file that is not ours."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return {}
            raise self.unusable(error) from error
        try:
            return self.parse(os.read(descriptor, LARGEST))
        finally:
            os.close(descriptor)

    def parse(self, data: bytes) -> "dict[str, Any]":
        """Return what the bytes say; raises Refused when they are not ours."""
        state: "Any" = None
        try:
            state = self.decode(data.decode())
            ours = isinstance(state, dict) and state["version"] == VERSION and isinstance(state["token"], int)
            ours = ours and isinstance(state["store"], str) and isinstance(state["expires"], (int, float))
        except (ValueError, LookupError, TypeError):
            ours = False
        if not ours:
            raise Refused(
                f"{self.path} is held by an unknown party: the file was not written by hivectl. "
                "If nobody uses this node, remove the file"
            )
        return dict(state)

    def _claim(self, fence: "dict[str, Any]") -> "dict[str, Any]":
        seconds = fence["time_to_live"]
        return {
            "version": VERSION,
            "store": fence["store"],
            "token": fence["token"],
            "owner": fence["owner"],
            "boot": self.boot,
            "expires": now() + seconds,
            "time_to_live": seconds,
            # for people only: this clock may jump
            "until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds)),
            "returned": False,
        }

    def _judge(self, state: "dict[str, Any]", fence: "dict[str, Any]") -> None:
        if not state:
            return
        if state["store"] == fence["store"]:
            if fence["token"] >= state["token"]:
                return
            raise Refused(
                "this controller's claim (token %d) is older than that of %s (token %d, until %s)"
                % (fence["token"], state.get("owner"), state["token"], state.get("until"))
            )
        if self.accepted == (fence["store"], fence["token"]):
            raise Refused(
                "this controller's claim ended, and since then {}, who uses another lab's store, "
                "has had the node".format(state.get("owner"))
            )
        if not state.get("returned") and not self._expired(state):
            raise Refused(
                "the node is held by {}, who uses another lab's store, until {}".format(
                    state.get("owner"), state.get("until")
                )
            )

    def _expired(self, state: "dict[str, Any]") -> bool:
        if state.get("boot") == self.boot:
            return bool(now() >= state["expires"])
        # written before the last boot: since then at least the time since the boot has passed
        return bool(now() >= state.get("time_to_live", 0))

    def mark(self) -> "Any":
        """Return what changes whenever anybody replaces the file."""
        try:
            status = os.lstat(self.path)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns

    def unusable(self, error: OSError) -> Unusable:
        """Say why the file cannot be used."""
        return Unusable(f"{self.path} cannot be used: {error.strerror}")


class _Held:
    """The file under flock; `state` is {} when there is none yet."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self.descriptor = -1
        self.state: "dict[str, Any]" = {}

    def __enter__(self) -> "_Held":
        while True:
            try:
                self.descriptor = os.open(self.lock.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise self.lock.unusable(error) from error
                self._create()
                continue
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            try:
                if os.fstat(self.descriptor).st_ino == os.lstat(self.lock.path).st_ino:
                    break
            except FileNotFoundError:
                pass
            os.close(self.descriptor)  # replaced while we waited
        try:
            self.state = self.lock.parse(os.read(self.descriptor, LARGEST))
        except BaseException:
            os.close(self.descriptor)
            raise
        if not self.state["store"]:
            self.state = {}
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def write(self, state: "dict[str, Any]") -> None:
        """Replace the file, once for each hold: whoever waits for the old one looks again."""
        temporary = self._temporary(state)
        try:
            os.rename(temporary, self.lock.path)
        except OSError as error:
            os.unlink(temporary)
            raise self.lock.unusable(error) from error
        self.lock.seen = self.lock.mark()

    def _create(self) -> None:
        """Make a file that claims nothing, unless another did meanwhile."""
        nothing = {"version": VERSION, "store": "", "token": 0, "expires": 0, "owner": "", "returned": True}
        temporary = self._temporary(nothing)
        try:
            os.link(temporary, self.lock.path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            if not os.path.lexists(self.lock.path):
                os.rename(temporary, self.lock.path)
        finally:
            if os.path.lexists(temporary):
                os.unlink(temporary)

    def _temporary(self, state: "dict[str, Any]") -> str:
        lock = self.lock
        path = "%s.%d" % (lock.path, os.getpid())
        data = lock.encode(state).encode() + b"\n"
        descriptor = -1
        try:
            try:
                os.unlink(path)  # of a process with our number that was killed
            except FileNotFoundError:
                pass
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            if os.geteuid() != lock.uid:
                os.fchown(descriptor, lock.uid, lock.gid)
            os.write(descriptor, data)
        except OSError as error:
            if descriptor >= 0:
                os.unlink(path)
            raise lock.unusable(error) from error
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return path
