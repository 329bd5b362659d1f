"""The sh texts that keep a program in a tmux session of its node; every value in them is quoted exactly.

What is kept of a program NAME, in $XDG_DATA_HOME/hivectl/programs/NAME (mode 0700): `launcher` (what the
window runs), `script` as it was sent, `fingerprint` (of all that it was made from), `pane` (tmux's pane and
the launcher's process), `pid`, `since`, `log_path`, `log` and `log.1` (the output of this start and of the
last one), and `exit_status` once it has ended.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from hivectl.modules.tmux_window import OPEN_WINDOW, OWN_TMUX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# window names must mean nothing to tmux: no colon, no dot in front, no semicolon at the end
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# tmux's own "=NAME" would match a name as a pattern; ids never do
COMMON = (
    OWN_TMUX
    + r"""
set -u
name=$1
data=${XDG_DATA_HOME:-"$HOME/.local/share"}/hivectl/programs
state=$data/$name
field() { if [ -f "$state/$1" ]; then cat -- "$state/$1"; fi; }
pane=; leader=
alive() {
    [ -f "$state/pane" ] || return 1
    read -r pane leader <"$state/pane" || return 1
    tmux list-panes -a -F '#{pane_id} #{pane_pid} #{pane_dead}' 2>/dev/null | grep -qxF -- "$pane $leader 0"
}
report() {
    running=no; if alive; then running=yes; fi
    printf 'data=%s\nrunning=%s\npid=%s\nsince=%s\nexit_status=%s\nfingerprint=%s\nlog=%s\n' \
        "$data" "$running" "$(field pid)" "$(field since)" "$(field exit_status)" "$(field fingerprint)" "$(field log_path)"
    present=no; if [ -d "$state" ]; then present=yes; fi
    printf 'present=%s\noutput:\n' "$present"
    log=$(field log_path)
    if [ -n "$log" ] && [ -f "$log" ]; then tail -c 4096 -- "$log"; fi
}
"""
)

OBSERVE = COMMON + "report\n"

# arguments: name, seconds for TERM, seconds for KILL
STOP = (
    COMMON
    + r"""
grace=$2
gone() {
    tries=$(( $1 * 10 ))
    while alive; do
        [ "$tries" -gt 0 ] || return 1
        tries=$(( tries - 1 ))
        sleep 0.1
    done
}
if alive; then
    kill -s TERM -- "-$leader" 2>/dev/null
    if ! gone "$grace"; then
        kill -s KILL -- "-$leader" 2>/dev/null
        gone 5 || { echo "process group $leader outlives SIGKILL" >&2; exit 1; }
        printf '137\n' >"$state/exit_status"
    fi
fi
if [ -n "$pane" ]; then
    # the pane may be another's by now, if tmux was started anew
    if tmux list-panes -a -F '#{pane_id} #{pane_pid}' 2>/dev/null | grep -qxF -- "$pane $leader"; then
        tmux kill-pane -t "$pane"
    fi
fi
"""
)

STOP_AND_REPORT = STOP + "report\n"

REMOVE = STOP + 'rm -rf -- "$state"\nreport\n'

# arguments: name, tenths of a second to look whether it lives
START = (
    COMMON
    + OPEN_WINDOW
    + r"""
settle=$2
channel=hivectl-$name-$$
if [ -f "$state/log" ]; then mv -f -- "$state/log" "$state/log.1"; fi
rm -f -- "$state/pane" "$state/fingerprint" "$state/pid" "$state/since" "$state/exit_status"
cd -- "$HOME" || exit 1
open_window "$name" /bin/sh "$state/launcher" "$channel" || exit 1
tmux wait-for "$channel" || exit 1
mv -f -- "$state/fingerprint.new" "$state/fingerprint"
while [ "$settle" -gt 0 ] && alive; do
    settle=$(( settle - 1 ))
    sleep 0.1
done
report
"""
)

LAUNCHER = r"""#!/bin/sh
# Written by hivectl at each start of this program; changes made here are lost.
state=$(dirname -- "$0")
channel=$1
log={log}
# the program's environment, set below, need not know tmux
tmux=$(command -v tmux)
server=$TMUX
# ours must live to write down how the program ended; a handler, unlike an ignored signal, is not inherited.
# not HUP, which comes when the window is closed: the program hears of it only when ours has ended (credentials(7))
trap : INT TERM
# whoever waits for the start must hear of a failure too
trap '[ -f "$state/pid" ] || TMUX=$server "$tmux" wait-for -S "$channel"' EXIT
quoted() {{ printf '%s\n' "$1" | sed "s/'/'\\\\''/g; s/[%#]/&&/g; 1s/^/'/; \$s/\$/'/"; }}
mkdir -p -- "$(dirname -- "$log")"
printf '%s\n' "$log" >"$state/log_path"
tmux set-option -w -t "$TMUX_PANE" remain-on-exit on
tmux pipe-pane -t "$TMUX_PANE" "exec cat >>$(quoted "$log")"
date -u +%Y-%m-%dT%H:%M:%SZ >"$state/since"
printf '%s %s\n' "$TMUX_PANE" "$$" >"$state/pane"
{exports}status=126
if cd -- {directory}; then
    /bin/sh -c 'echo $$ >"$1"; TMUX=$3 "$4" wait-for -S "$2"; shift 4; exec "$@"' \
        sh "$state/pid" "$channel" "$server" "$tmux" {command}
    status=$?
fi
printf '%s\n' "$status" >"$state/exit_status"
"""


def path_word(path: str) -> str:
    """Return a path of the node as a word of sh: `~/` and relative paths begin at the login's home."""
    if path in ("~", "~/", "", "."):
        return '"$HOME"'
    if path.startswith("/"):
        return shlex.quote(path)
    return f'"$HOME"/{shlex.quote(path.removeprefix("~/"))}'


def launcher_of(
    command: Sequence[str], *, environment: Mapping[str, str], directory: str, log: str | None
) -> str:
    """Return the launcher's text.

    Args:
        command: program and arguments.
        environment: exported before the program starts.
        directory: where it starts.
        log: what it prints goes there too; None: beside the launcher.
    """
    words = [shlex.quote(word) for word in command]
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    return LAUNCHER.format(
        log='"$state/log"' if log is None else path_word(log),
        exports=exports,
        directory=path_word(directory),
        command=" ".join(words),
    )
