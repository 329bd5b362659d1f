# The operation `run`: its guards, its program, its result.

h_env() { :; }

# whether $1, or anything that matches it as a glob, is there
h_there() {
  case $1 in *[*?[]*) ;; *) [ -e "$1" ]; return ;; esac
  # no splitting at spaces: only the glob is expanded
  h_ifs=$IFS IFS=
  set +f
  set -- $1
  set -f
  IFS=$h_ifs
  [ -e "$1" ]
}

# h_guard_says PATTERN: the path or glob from the working folder, without making it absolute otherwise, into h_x
h_guard_path() {
  h_values "$1"
  case $h_x in /*) ;; *) [ -z "$h_dir" ] || h_x=${h_dir%/}/$h_x ;; esac
}

# where execvp would find $1 into h_x, else h_r says why not
h_find_program() {
  h_r='No such file or directory'
  case $1 in
  */*)
    h_x=$1
    case $1 in /*) h_d=$1 ;; *) h_d=${h_dir:-.}/$1 ;; esac
    [ -e "$h_d" ] || return 1
    [ -x "$h_d" ] && [ ! -d "$h_d" ] && return 0
    h_r='Permission denied'
    return 1
    ;;
  esac
  h_d=$PATH:
  while [ -n "$h_d" ]; do
    h_x=${h_d%%:*} h_d=${h_d#*:}
    h_x=${h_x:-.}/$1
    [ ! -x "$h_x" ] || [ -d "$h_x" ] || return 0
  done
  return 1
}

op_run() {
  h_dir=
  if [ -n "$o_directory" ]; then
    h_expand "$o_directory"
    h_dir=$h_x
    [ -d "$h_dir" ] || { h_rc=2; h_fail "Unable to change directory before execution: $h_dir is no directory" rc 2; return; }
  fi
  if [ -n "$o_creates" ] && h_guard_path "$o_creates" && h_there "$h_x"; then h_run_skipped "$o_creates" exists; return; fi
  if [ -n "$o_removes" ] && h_guard_path "$o_removes" && ! h_there "$h_x"; then h_run_skipped "$o_removes" 'does not exist'; return; fi
  if [ "$h_check" = 1 ] && [ "$o_observes" = 0 ]; then
    h_d=0
    [ -z "$o_creates$o_removes" ] || h_d=1
    h_result changed "$h_d" rc 0 checked 1
    return
  fi
  if [ $# = 0 ]; then
    set -- "$o_shell" -c "$o_script"
  elif [ "$o_expand" = 1 ]; then
    h_n=$#
    while [ "$h_n" -gt 0 ]; do
      h_values "$1"
      shift
      set -- "$@" "$h_x"
      h_n=$((h_n - 1))
    done
  fi
  h_execute_here "$@" || { h_rc=2; h_fail "cannot start $1: $h_r" rc 2; return; }
  h_run_result
}

# h_execute_here PROGRAM ARGUMENT...: run it to its end, in h_dir; fails with h_r when it cannot be started
h_execute_here() {
  if [ "$o_env" = 1 ]; then
    # its PATH decides where the program is
    h_found=$(h_env; h_find_program "$1" && printf '%s' "$h_x/") || h_found=
    h_x=${h_found%/}
    [ -n "$h_found" ] || h_find_program "$1"
    [ -n "$h_found" ]
  else
    h_find_program "$1"
  fi || return 1
  h_runs=$((h_runs + 1))
  h_out=$h_t/o.$h_runs.$h_i h_err=$h_t/x.$h_runs.$h_i h_in=/dev/null
  if [ -n "$o_stdin$o_stdin_octal" ]; then
    h_in=$h_t/x.in.$h_runs
    if [ -n "$o_stdin_octal" ]; then printf '%b' "$o_stdin_octal" >"$h_in"; else printf '%s' "$o_stdin" >"$h_in"; fi
  fi
  true >"$h_out"
  true >"$h_err"
  h_watch_outputs
  h_timed=0 h_timer= h_killed=0
  h_program=$h_x
  h_execute "$@" &
  h_child=$!
  if [ -n "$o_timeout" ]; then
    h_start_timer "$o_timeout"
  fi
  h_attend
  [ -z "$h_timer" ] || kill -TERM "$h_timer" 2>/dev/null
  return 0
}

# while programs run, what is longer than is ever sent is cut off: nobody fills the node's memory with it
h_watch_outputs() {
  true >"$h_t/x.running"
  [ ! -e "$h_t/watched" ] || return 0
  true >"$h_t/watched"
  # no job of ours: who asks how programs ended must not hear of it
  (
    trap '' USR1 USR2 ALRM VTALRM PIPE
    trap - TERM HUP
    exec 4>&- 5<&- >/dev/null 2>&1
    (
      while kill -0 "$h_pid" && [ -e "$h_t/x.running" ]; do
        find "$h_t" -type f -name '[ox].[0-9]*' -size +40960 -exec dd if=/dev/null of={} bs=1048576 seek=17 \;
        h_sleep 0.3
      done
      rm -f "$h_t/watched"
    ) &
  )
}

# becomes the program, in a process group of its own
h_execute() {
  # appended, so that they can be cut while it writes
  exec 4>&- 5<&- <"$h_in" >>"$h_out" 2>>"$h_err"
  [ -z "$h_dir" ] || cd "$h_dir" || exit 2
  set +f
  [ "$o_env" = 0 ] || h_env
  shift
  # argv[0] is the path: sh cannot give a program another name
  exec $h_setsid "$h_program" "$@"
}

h_start_timer() {
  (
    trap 'kill "$h_s" 2>/dev/null; exit 0' TERM
    trap - USR1 USR2 ALRM VTALRM PIPE HUP
    exec 4>&- 5<&-
    sleep "$1" 2>/dev/null &
    h_s=$!
    wait "$h_s" || sleep "$((${1%.*} + 1))"
    kill -VTALRM "$h_pid" 2>/dev/null
  ) &
  h_timer=$!
}

# wait for h_child to end, or end it; its status into h_rc
h_attend() {
  h_sig=0
  while :; do
    wait "$h_child"
    h_rc=$?
    [ "$h_sig" = 1 ] || return 0
    # a signal of ours: what is waited for is asked again, and has its status kept
    h_sig=0
    h_beat
    if [ "$h_killed" = 0 ] && [ "$h_stop$h_timed" != 00 ] && kill -0 "$h_child" 2>/dev/null; then
      h_killed=1 h_cause=$h_stop
      h_kill_group TERM
      [ -z "$h_timer" ] || kill -TERM "$h_timer" 2>/dev/null
      h_timed=0
      h_start_timer 2
    elif [ "$h_killed" = 1 ] && [ "$h_timed" = 1 ]; then
      h_timed=0
      h_kill_group KILL
    fi
  done
}

h_kill_group() {
  if [ -z "$h_setsid" ]; then h_kill_below "$h_child" "$1"; fi
  kill "-$1" "-$h_child" 2>/dev/null || kill "-$1" "$h_child" 2>/dev/null
}

# without process groups: the children of $1, and theirs
h_kill_below() {
  set +f
  for h_d in /proc/[0-9]*/stat; do
    set -f
    read -r h_line 2>/dev/null <"$h_d" || continue
    h_s=${h_line##*) }
    h_s=${h_s#* }
    if [ "${h_s%% *}" = "$1" ]; then kill "-$2" "${h_line%% *}" 2>/dev/null; fi
  done
  set -f
}

# how it ended: h_rc as Python counts, sizes of both outputs as far as they are sent into h_o and h_e, h_cut
h_run_ended() {
  # also what the program left behind in its group
  if [ "$h_killed" = 1 ]; then h_kill_group KILL; fi
  if [ "$h_rc" -gt 128 ]; then
    jobs >"$h_t/e" 2>/dev/null
    h_ended_so=
    while IFS= read -r h_line; do case $h_line in *Done* | *Exit*) h_ended_so=1 ;; *unning*) ;; esac; done <"$h_t/e"
    [ -n "$h_ended_so" ] || h_rc=$((128 - h_rc))
  fi
  h_o=0 h_e=0 h_cut=0
  if [ -s "$h_out" ]; then
    h_d=$(wc -c <"$h_out")
    h_o=$((h_d))
  fi
  if [ -s "$h_err" ]; then
    h_d=$(wc -c <"$h_err")
    h_e=$((h_d))
  fi
  h_d=16777216
  if [ "$h_o" -gt "$h_d" ] || [ "$h_e" -gt "$h_d" ]; then
    [ "$h_o" -le "$h_d" ] || h_o=$h_d
    [ "$h_e" -le "$h_d" ] || h_e=$h_d
    h_cut=1
  fi
}

h_send_outputs() {
  [ "$h_o" = 0 ] || head -c "$h_o" "$h_out" >&4
  [ "$h_e" = 0 ] || head -c "$h_e" "$h_err" >&4
}

h_run_result() {
  h_run_ended
  set -- changed "$((1 - o_observes))" rc "$h_rc"
  if [ "$h_killed" = 1 ]; then
    h_failed=1
    if [ "$h_cause" = 1 ]; then
      h_stopped=1
      set -- "$@" failed 1 stopped 1 msg 'stopped: the process group was ended'
    else
      set -- "$@" failed 1 timed_out 1 msg "timed out after $o_timeout s: the process group was ended"
    fi
  elif [ "$h_rc" != 0 ]; then
    h_failed=1
    set -- "$@" failed 1 msg 'non-zero return code'
  fi
  [ "$h_cut" = 0 ] || set -- "$@" truncated 1
  h_result_with "$((h_o + h_e))" "$@" out "$h_o"
  h_send_outputs
}

# h_run_skipped PATTERN WORDS
h_run_skipped() { h_result changed 0 rc 0 msg "Did not run command since '$1' $2" skipped_since "skipped, since $1 $2"; }
