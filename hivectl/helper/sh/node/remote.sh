# Operations whose rules the controller applies: call by call it asks this node to look, to run and to write, until it
# knows the result. Every call answers with one frame; `why` in it is what the system said of a failure.

# the path that was made last and is not in its place yet goes with the operation, should the controller be gone
op_remote() {
  r_over=0 r_made= r_bodies= r_count=0
  h_runs=$((h_runs + 1))
  r_say
  while [ "$r_over" = 0 ]; do
    if ! r_next; then
      [ -z "$r_made" ] || rm -rf -- "$r_made"
      r_leave
      h_stopped=1
      h_fail 'the controller is gone' stopped 1
      return
    fi
    h_more=${h_line#* }
    h_code=$(h_get "${h_line% *}" <&5)
    eval "$h_code"
    umask "$h_umask"
  done
}

# the next call's line into h_line, after a stop too: the controller tidies up then
r_next() {
  while :; do
    IFS= read -r h_line <&5 && return 0
    [ "$h_ended" = 0 ] && [ "$h_sig" = 1 ] || return 1
    h_sig=0
    h_beat
  done
}

# r_done FAILED RC STOPPED
r_done() {
  r_leave
  r_over=1 h_failed=$1 h_rc=$2 h_stopped=$3
  h_result remote 1
}

r_say() { h_send ask "$h_i" "$@"; }

# r_say_file FILE NAME VALUE...: with the bytes of a file
r_say_file() {
  r_file=$1
  shift
  r_size=$(wc -c <"$r_file")
  r_size=$((r_size))
  h_send_with "$r_size" ask "$h_i" "$@"
  [ "$r_size" = 0 ] || cat "$r_file" >&4
}

# the answer of a failure, by what a tool has said
r_say_why() {
  h_reason
  r_say why "$h_r"
}

# r_try COMMAND...: a tool that changes something
r_try() {
  if "$@" >/dev/null 2>"$h_t/e"; then r_say; else r_say_why; fi
}

r_hello() {
  cat "/proc/$h_pid/environ" >"$h_t/x.answer" 2>/dev/null || env | tr '\n' '\000' >"$h_t/x.answer"
  h_own
  h_d=0
  h_has getent && h_d=1
  r_say_file "$h_t/x.answer" cwd "$PWD" uid "${h_own%:*}" gid "${h_own#*:}" pid "$h_pid" umask "$h_umask" getent "$h_d"
}

r_nodename() {
  h_line=
  read -r h_line 2>/dev/null </proc/sys/kernel/hostname || h_line=$(uname -n)
  r_say name "$h_line"
}

# how this stat writes times
r_find_times() {
  [ -n "$h_stat_kind" ] || h_find_stat
  r_format='%f %h %u %g %s %i %d %.9X %.9Y %.9Z'
  case $(stat -c "$r_format" / 2>/dev/null) in *X* | *%* | '') r_format='%f %h %u %g %s %i %d %X %Y %Z' ;; esac
}

# the status of $1 (with -L in $2: of what it leads to) in one line into h_x
r_line_of() {
  [ -n "${r_format-}" ] || r_find_times
  if [ "$h_stat_kind" = c ]; then
    h_x=$(stat ${2-} -c "$r_format" "$1" 2>"$h_t/e")
    return
  fi
  h_status "$1" ${2-}
  [ "$s_k" != absent ] || return 1
  h_octal "$s_raw"
  h_x=$(printf '%x' "$s_raw")
  h_x="$h_x $s_nlink $s_uid $s_gid $s_size 0 0 0 0 0"
}

r_look() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    if ls -d -- "$1" >/dev/null 2>"$h_t/e"; then h_r='No such file or directory'; else h_reason; fi
    r_say why "$h_r"
    return
  fi
  r_line_of "$1" || { r_say_why; return; }
  h_can=
  [ -r "$1" ] && h_can=r
  [ -w "$1" ] && h_can=${h_can}w
  [ -x "$1" ] && h_can=${h_can}x
  if [ ! -L "$1" ]; then r_say own "$h_x" can "$h_can"; return; fi
  r_own=$h_x r_path=$1
  h_read_link "$1"
  set -- own "$r_own" can "$h_can" target "$h_x"
  if [ -e "$r_path" ] && r_line_of "$r_path" -L; then set -- "$@" status "$h_x"; fi
  r_say "$@"
}

# r_list NONCE DEPTH FOLDER...: what is below some folders, a line for each name; the nonce begins every line
r_list() {
  r_nonce=$1 r_depth=
  [ "$2" = 0 ] || r_depth="-maxdepth $2"
  shift 2
  [ -n "${r_format-}" ] || r_find_times
  [ "$h_stat_kind" = c ] || { r_say why 'this node has no stat, which is needed to look through directories'; return; }
  # a slash behind it: of a link, what it leads to
  for h_d; do
    shift
    set -- "$@" "${h_d%/}/"
  done
  {
    find "$@" $r_depth -exec stat -c "$r_nonce o $r_format %n" {} +
    find "$@" $r_depth -type l -exec stat -L -c "$r_nonce f $r_format %n" {} +
    # a directory at the lowest level is not looked into
    [ -z "$r_depth" ] || r_depth="-maxdepth $((${r_depth#* } - 1))"
    find "$@" $r_depth -type d -exec sh -c '
      r=$1
      shift
      for d; do
        if [ ! -d "$d" ]; then printf "%s\n" "$r u No such file or directory|$d"
        elif [ -r "$d" ] && [ -x "$d" ]; then printf "%s\n" "$r d $d"
        else printf "%s\n" "$r u Permission denied|$d"; fi
      done' sh "$r_nonce" {} +
  } 2>/dev/null | head -c 67108864 >"$h_t/x.answer"
  r_say_file "$h_t/x.answer"
}

# r_read FILE PIECE SIZE
r_read() {
  if [ "$2" = 0 ]; then
    head -c "$3" -- "$1" >"$h_t/x.answer" 2>"$h_t/e" || { r_say_why; return; }
  else
    { dd if="$1" bs=4194304 skip="$2" count=1 2>"$h_t/e" | head -c "$3"; } >"$h_t/x.answer"
  fi
  r_say_file "$h_t/x.answer"
}

# r_hash NAME FILE
r_hash() {
  if [ ! -r "$2" ]; then
    head -c 1 -- "$2" >/dev/null 2>"$h_t/e"
    r_say_why
  elif h_hash "$1" "$2"; then
    r_say digest "$h_x"
  else
    r_say
  fi
}

r_real() {
  r_tail= r_path=$1
  while [ ! -e "$r_path" ] && [ ! -L "$r_path" ]; do
    r_tail=/${r_path##*/}$r_tail
    h_folder "$r_path"
    r_path=$h_x
  done
  h_real "$r_path"
  h_normal "${h_x%/}$r_tail"
  r_say path "$h_x"
}

r_glob() {
  # no splitting at spaces: only the glob is expanded
  h_ifs=$IFS IFS=
  set +f
  set -- $1
  set -f
  IFS=$h_ifs
  : >"$h_t/x.answer"
  for h_d; do
    if [ -e "$h_d" ] || [ -L "$h_d" ]; then printf '%s\000' "$h_d" >>"$h_t/x.answer"; fi
  done
  r_say_file "$h_t/x.answer"
}

# r_entry DATABASE [KEY]
r_entry() {
  if [ $# = 1 ]; then cat "/etc/$1"; else getent "$1" "$2"; fi >"$h_t/x.answer" 2>/dev/null
  r_say_file "$h_t/x.answer"
}

# r_which NAME FOLDERS
r_which() {
  h_found=$(PATH=$2; h_dir=; h_find_program "$1" && printf '%s' "$h_x/")
  if [ -n "$h_found" ]; then r_say path "${h_found%/}"; else r_say; fi
}

r_room() {
  df -Pk -- "$1" >"$h_t/x.answer" 2>/dev/null
  cat /proc/mounts >>"$h_t/x.answer" 2>/dev/null
  r_say_file "$h_t/x.answer"
}

r_processes() {
  set +f
  head -c 65536 /proc/[0-9]*/cmdline >"$h_t/x.answer" 2>/dev/null
  set -f
  r_say_file "$h_t/x.answer"
}

r_mkdir() {
  if mkdir -m "$2" -- "$1" 2>"$h_t/e"; then r_made=$1; r_say; else r_say_why; fi
}

# r_create FILE MODE NEW: nobody else can open it before it has its mode
r_create() {
  if [ "$3" = 1 ] && { [ -e "$1" ] || [ -L "$1" ]; }; then r_say why 'File exists'; return; fi
  r_mask=$(umask)
  umask 077
  [ "$3" = 0 ] || set -C
  true 2>|"$h_t/e" >"$1"
  h_d=$?
  set +C
  umask "$r_mask"
  if [ "$h_d" != 0 ]; then
    { true >>"$1"; } 2>"$h_t/e"
    r_say_why
    return
  fi
  [ "$3" = 0 ] || r_made=$1
  if [ "$2" = 600 ] || chmod "$2" "$1" 2>"$h_t/e"; then r_say; else r_say_why; fi
}

# r_append FILE: what is behind the call
r_append() {
  if (trap '' 25; h_get_said "$h_more" <&5 >>"$1") 2>"$h_t/e"; then r_say; else r_say_why; fi
}

r_append_file() {
  if (trap '' 25; cat -- "$1" >>"$2") 2>"$h_t/e"; then r_say; else r_say_why; fi
}

r_rename() {
  if [ -d "$2" ] && [ ! -L "$2" ] && [ ! -d "$1" ]; then r_say why 'Is a directory'; return; fi
  if h_rename "$1" "$2"; then
    [ "$r_made" != "$1" ] || r_made=
    r_say
  else
    r_say_why
  fi
}

r_unlink() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then r_say why 'No such file or directory'; return; fi
  r_try rm -f -- "$1"
}

r_back_up() {
  h_backup=$1.$h_pid.$(date '+%Y-%m-%d@%H:%M:%S~')
  if cp -p -- "$1" "$h_backup" 2>"$h_t/e"; then
    r_say path "$h_backup"
  else
    rm -f -- "$h_backup"
    h_reason
    r_say path "$h_backup" why "$h_r"
  fi
}

r_copy_tree() {
  { mkdir -p -- "$2" && cp -RPp -- "$1/." "$2/"; } 2>"$h_t/e" && { r_say; return; }
  r_say_why
}

r_pause() {
  h_pause "$1"
  r_say
}

r_pretended() {
  h_pretended "$1"
  r_say kind "$h_k"
}

r_would() {
  h_would "$1" "$2"
  r_say
}

# a new file where there is room, until the operation ends, into r_body
r_new_body() {
  if [ -z "$r_bodies" ]; then
    for h_d in "${TMPDIR-}" /var/tmp /tmp "$h_t"; do
      if [ -n "$h_d" ] && mkdir -m 700 "$h_d/.hivectl-$h_nonce.come" 2>/dev/null; then
        r_bodies=$h_d/.hivectl-$h_nonce.come
        break
      fi
    done
  fi
  r_body=$r_bodies/$((r_count += 1))
  true >"$r_body"
}

r_body() {
  r_new_body
  r_say path "$r_body"
}

# r_untar FOLDER [FILE]: a tar, or what is behind the call
r_untar() {
  if ! h_has tar; then
    [ "$h_more" = 0 ] || h_get "$h_more" <&5 >/dev/null
    h_r='there is no tar on the node'
  elif if [ -n "${2-}" ]; then tar -C "$1" -xpf "$2"; else h_get "$h_more" <&5 | tar -C "$1" -xpf -; fi >/dev/null 2>"$h_t/e"; then
    [ -z "${2-}" ] || rm -f -- "$2"
    r_say
    return
  else
    h_reason
  fi
  r_say why "$h_r"
}

# r_curl: what is behind the call says what is asked for; what comes lies where there is room, until the operation ends
r_curl() {
  h_get "$h_more" <&5 >"$h_t/x.options"
  h_has curl || { r_say why 'there is no curl on the node: install the package curl'; return; }
  r_new_body
  r_fresh
  h_dir=
  : >"$h_t/x.headers"
  h_execute_here curl -q -sS -g --path-as-is -K "$h_t/x.options" -D "$h_t/x.headers" -o "$r_body" || { r_say why "$h_r"; return; }
  h_run_ended
  rm -f "$h_t/x.options"
  h_line=
  read -r h_line <"$h_err"
  h_d=$(wc -c <"$r_body")
  r_say_file "$h_t/x.headers" rc "$h_rc" body "$r_body" size "$((h_d))" words "${h_line#*) }"
}

r_leave() {
  [ -z "$r_bodies" ] || rm -rf -- "$r_bodies"
  umask "$h_umask"
}

# nothing of the call before
r_fresh() { o_env=0 o_stdin= o_stdin_octal= o_timeout= o_expand=0; }

# r_run FOLDER PROGRAM ARGUMENT...
r_run() {
  h_dir=$1
  shift
  if [ -n "$h_dir" ] && [ ! -d "$h_dir" ]; then r_say why 'No such file or directory'; return; fi
  # after a stop there is only something to tidy up
  if [ "$h_stop" = 1 ]; then r_say rc -15 out 0 stopped 1; return; fi
  h_execute_here "$@" || { r_say why "$h_r"; return; }
  h_run_ended
  set -- rc "$h_rc" out "$h_o"
  if [ "$h_killed" = 1 ]; then
    if [ "$h_cause" = 1 ]; then set -- "$@" stopped 1; else set -- "$@" timed_out 1; fi
  fi
  [ "$h_cut" = 0 ] || set -- "$@" truncated 1
  h_send_with "$((h_o + h_e))" ask "$h_i" "$@"
  h_send_outputs
  rm -f "$h_out" "$h_err"
}
