"""The sh text that makes windows in the tmux session which bears its host's name: for programs and default shells."""

NO_TMUX = 69  # EX_UNAVAILABLE, sysexits.h
# the server of the user's own, wherever we were started; sets `tmux` to its path, which programs need not find
OWN_TMUX = r"""
unset TMUX TMUX_PANE
tmux=$(command -v tmux) || exit 69
"""
# sets `session`, and gives `open_window NAME [COMMAND...]`, which sets `window` to a new window's id, or fails with what
# tmux said
OPEN_WINDOW = r"""
session=$(hostname 2>/dev/null || uname -n)
session=$(printf '%s' "$session" | tr -c 'A-Za-z0-9_-' '_')
# our control clients of this very server: those of other users and of other servers are not
end_clients() {
    for pid in $(pgrep -f "^tmux -C attach-session -t =$session\$" 2>/dev/null); do
        [ -O "/proc/$pid" ] || continue
        theirs=$({ tr '\0' '\n' <"/proc/$pid/environ"; } 2>/dev/null | sed -n 's/^TMUX_TMPDIR=//p')
        [ "$theirs" != "${TMUX_TMPDIR-}" ] || kill -s KILL "$pid" 2>/dev/null
    done
}
open_window() {
    title=$1
    shift
    # a server whose last window has just closed still answers, and is gone before it obeys
    for pause in 0 0.05 0.1 0.2 0.4 0.8; do
        [ "$pause" = 0 ] || sleep "$pause" 2>/dev/null || sleep 1
        if tmux has-session -t "=$session" 2>/dev/null; then
            said=$(tmux new-window -d -t "=$session:" -n "$title" -P -F '#{window_id}' "$@" 2>&1)
        else
            said=$(tmux new-session -d -s "$session" -n "$title" -P -F '#{window_id}' "$@" 2>&1)
        fi
        case $said in @*) window=$said; return 0 ;; esac
        # it cannot end while it has a client to write to whose connection is gone: those are lost with it anyway
        case $pause$said in
            0.4*"server exited"* | 0.4*"lost server"*) end_clients ;;
        esac
    done
    printf '%s\n' "$said" >&2
    return 1
}
"""
