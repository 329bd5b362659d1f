# The helper's twin for nodes without Python: plain POSIX sh. Every name begins with h_ (helper), o_ (operation), s_ (status),
# t_ (target), j_ (lock): never exported. Values never pass through eval unquoted. Frames: see encode.py and results.py.
set -f
h_stop=0 h_ended=0 h_broken=0 h_sig=0 h_over=0 h_runs=0 h_pn=0 h_run= h_fence=0 h_beats=0 h_beat_pid= h_data_size=0
h_tab='	' h_nl='
'

# say what stands in the way before the first frame, and end
h_refuse() {
  printf '%s\000' unusable 0 msg "$1" '' 0 >&4
  exit 4
}

h_has() { command -v "$1" >/dev/null 2>&1; }

h_setup() {
  exec 3<&0 4>&1 </dev/null >&2
  for h_d in /dev/shm /tmp /var/tmp "${HOME-}"; do
    if [ -n "$h_d" ] && [ -d "$h_d" ] && [ -w "$h_d" ] && mkdir -m 700 "$h_d/.hivectl-$h_nonce" 2>/dev/null; then
      h_t=$h_d/.hivectl-$h_nonce
      break
    fi
  done
  [ -n "${h_t-}" ] || h_refuse 'this node has no folder for temporary files (/dev/shm, /tmp, /var/tmp, the home)'
  mkfifo "$h_t/in" 2>/dev/null || mknod "$h_t/in" p 2>/dev/null || { rm -rf "$h_t"; h_refuse 'this node has neither python3 nor mkfifo'; }
  printf '%s\n' "$h_pid" >"$h_t/pid"
  h_sweep
  umask >"$h_t/umask"
  read -r h_umask <"$h_t/umask"
  h_d=$(date '+%s %z')
  h_epoch=${h_d% *} h_zone=${h_d#* }
  h_clock
  h_epoch_cs=$h_cs
  h_setsid=
  h_has setsid && h_setsid=setsid
  # readable from the login's folder: sudo leaves us where another user may see nothing
  [ -r . ] && [ -x . ] || cd "${HOME-/}" 2>/dev/null || cd /
  trap 'h_sig=1 h_stop=1' USR1
  trap 'h_sig=1 h_ended=1' USR2
  trap 'h_sig=1 h_beats=1' ALRM
  trap 'h_sig=1 h_timed=1' VTALRM
  trap 'h_broken=1' PIPE
  # beyond a limit of sizes a write shall fail, not end us
  trap : 25
  trap 'h_sig=1 h_stop=1 h_ended=1' TERM HUP
  h_listen &
  exec 5<"$h_t/in" 3<&-
  h_send hello 0 epoch "$h_epoch" zone "$h_zone" up "$h_now"
}

# what helpers left that were killed with all that belonged to them
h_sweep() {
  set +f
  for h_d in "${h_t%/*}"/.hivectl-*; do
    if [ -O "$h_d" ] && read -r h_n 2>/dev/null <"$h_d/pid" && [ -d /proc/self ] && [ ! -d "/proc/$h_n" ]; then rm -rf "$h_d"; fi
  done
  set -f
}

# owns standard input: passes frames on, and makes a stop or the end known while an operation runs
h_listen() {
  # TERM comes to all of us: who is left tidies up
  trap '' USR1 USR2 ALRM VTALRM PIPE TERM
  # by exec: around a function the shell would keep copies, and nobody would see the end of our output
  exec <&3 3<&- 4>&- >"$h_t/in"
  while IFS= read -r h_line; do
    case $h_line in
    stop | '{"t":"stop"}') kill -USR1 "$h_pid" 2>/dev/null || break ;;
    *)
      printf '%s\n' "$h_line" 2>/dev/null || break
      h_n=$((${h_line% *} + ${h_line#* }))
      [ "$h_n" -eq 0 ] || h_get "$h_n" 2>/dev/null || break
      ;;
    esac
  done
  # who was killed could not tidy up
  kill -USR2 "$h_pid" 2>/dev/null || rm -rf "$h_t"
}

# exactly $1 bytes of standard input, with the complaints of dd
h_get_said() { if [ -n "$h_dd" ]; then dd bs="$1" count=1 "$h_dd"; else dd bs=1 count="$1"; fi; }

# the next frame's line into h_line; fails at the end of input
h_next() {
  while :; do
    IFS= read -r h_line <&5 && return 0
    [ "$h_ended" = 0 ] && [ "$h_sig" = 1 ] || return 1
    h_sig=0
    [ "$h_stop" = 0 ] || [ "$h_busy" = 0 ] || return 1
    h_beat
  done
}

h_serve() {
  h_busy=0
  while h_next; do
    h_more=${h_line#* }
    h_code=$(h_get "${h_line% *}" <&5)
    eval "$h_code"
    h_code=
  done
  h_finish
}

h_finish() {
  [ -z "$h_beat_pid" ] || kill -TERM "$h_beat_pid" 2>/dev/null
  rm -rf "$h_t"
  exit 0
}

# h_send KIND INDEX NAME VALUE ... : a frame without bytes behind it
h_send() { printf '%s\000' "$@" '' 0 >&4 2>/dev/null || h_broken=1; }

# h_send_with SIZE KIND INDEX NAME VALUE ... : the caller writes SIZE bytes to descriptor 4 behind it
h_send_with() {
  h_n=$1
  shift
  printf '%s\000' "$@" '' "$h_n" >&4 2>/dev/null || h_broken=1
}

# uptime in hundredths of a second into h_cs; the clock is CLOCK_BOOTTIME
h_clock() {
  h_now=0.00
  read -r h_now h_d </proc/uptime
  h_cs=$((${h_now%.*} * 100 + 1${h_now#*.} - 100))
}

# a pause that fractions of a second need not be known for
h_sleep() { sleep "$1" 2>/dev/null || sleep "$((${1%.*} + 1))"; }

# wakes us now and then, so that a claim does not end while an operation takes longer than it stands
h_start_beat() {
  [ -z "$h_beat_pid" ] || return 0
  (
    trap 'kill "$h_s" 2>/dev/null; exit 0' TERM
    trap - USR1 USR2 ALRM VTALRM PIPE HUP
    exec 4>&- 5<&-
    while :; do
      sleep "$1" 2>/dev/null &
      h_s=$!
      wait "$h_s" || sleep 1
      kill -ALRM "$h_pid" 2>/dev/null || exit 0
    done
  ) &
  h_beat_pid=$!
}

h_beat() {
  [ "$h_beats" = 1 ] || return 0
  h_beats=0
  [ "$h_fence" = 0 ] || [ "$h_busy" = 0 ] || h_renew
}

# the reason in the last complaint of a tool
h_reason() {
  h_r=
  while IFS= read -r h_line || [ -n "$h_line" ]; do
    case $h_line in *': '*) h_r=$h_line ;; esac
  done <"$h_t/e"
  h_r=${h_r##*: }
  case $h_r in
  [Dd]'irectory nonexistent' | 'nonexistent directory') h_r='No such file or directory' ;;
  '') h_r='it cannot be done' ;;
  esac
}

# h_new INDEX STEP CHAIN KEY FLAGS: the next item (flags: c check, d diff, i ignore, o once)
h_new() {
  h_i=$1 h_step=$2 h_chain=$3 h_key=$4 h_flags=$5 h_skip=0 h_sent=0 h_failed=0 h_rc=null h_stopped=0
  h_check=0 h_diff=0
  case $h_flags in *c*) h_check=1 ;; esac
  case $h_flags in *d*) h_diff=1 ;; esac
  if [ "$h_over" = 1 ] || [ "$h_stop$h_ended$h_broken" != 000 ] ||
    { [ -n "$h_bad_step" ] && [ "$h_step" != "$h_bad_step" ]; }; then
    h_over=1 h_skip=1
    return
  fi
  case $h_bad_chains in *" $h_step/$h_chain "*) h_skip=1 ;; esac
  o_path= o_mode= o_owner= o_group= o_into= o_follow=0 o_force=0 o_backup=0 o_validate= o_parents=0 o_parents_mode=
  o_source= o_hard=0 o_has_source=0 o_recurse=0 o_make=0 o_regular=0 o_script= o_shell=/bin/sh o_directory= o_creates= o_removes=
  o_stdin= o_stdin_octal= o_timeout= o_observes=0 o_expand=0 o_env=0 o_text= o_octal= o_at= o_size= o_sha256= o_secret=0
  o_create=0 o_absent=0 o_limit= o_known= o_checksum= o_atime= o_mtime=
}

# h_op NAME [ARGUMENT...]: carry out the item
h_op() {
  [ "$h_skip" = 0 ] || return 0
  if [ "$h_fence" = 1 ]; then
    h_lock_check || { h_over=1; return 0; }
    case $h_flags in *o*) [ "$h_check" = 1 ] || h_lock_record false null || { h_over=1; return 0; } ;; esac
  fi
  h_clock
  h_began=$h_now
  h_name=$1
  shift
  "op_$h_name" "$@"
  [ "$h_sent" = 1 ] || h_fail "the helper failed: $h_name said nothing"
  if [ "$h_failed" = 1 ]; then
    h_bad_chains="$h_bad_chains$h_step/$h_chain "
    case $h_flags in *i*) ;; *) h_bad_step=$h_step ;; esac
  fi
  if [ "$h_fence" = 1 ]; then
    case $h_flags in *o*) [ "$h_check" = 1 ] || h_lock_record true "$h_rc" || h_over=1 ;; esac
  fi
  [ "$h_stopped" = 0 ] || h_over=1
}

# h_result NAME VALUE ...
h_result() { h_result_with 0 "$@"; }

h_result_with() {
  h_n=$1
  shift
  h_sent=1
  h_clock
  printf '%s\000' result "$h_i" b "$h_began" e "$h_now" "$@" '' "$h_n" >&4 2>/dev/null || h_broken=1
}

# h_fail MESSAGE NAME VALUE ... : always returns 1
h_fail() {
  h_m=$1
  shift
  h_failed=1
  h_result failed 1 msg "$h_m" "$@"
  return 1
}

op_refused() { h_fail "$1"; }

h_batch() {
  h_over=0 h_stop=0 h_bad_step= h_bad_chains=' ' h_busy=1 h_fence=0 h_data_size=$h_more
  [ "$h_run" = "$1" ] || h_pn=0
  h_run=$1
  [ "$h_more" = 0 ] || h_get "$h_more" <&5 >"$h_t/data"
}

h_done() {
  h_busy=0 h_fence=0
  h_send done 0
  if [ "$h_runs" -gt 0 ]; then
    set +f
    rm -f "$h_t"/o.* "$h_t"/x.*
    set -f
    h_runs=0
  fi
}
