# Files with a wanted content: written beside and renamed, so that nobody ever sees half of one.

# h_hash NAME FILE: the digest into h_x; fails with h_r when there is no tool for it
h_hash() {
  h_x=
  if h_has "${1}sum"; then h_x=$("${1}sum" <"$2" 2>"$h_t/e") || { h_reason; h_r="$2 cannot be read: $h_r"; return 1; }
  elif [ "$1" != md5 ] && h_has shasum; then h_x=$(shasum -a "${1#sha}" <"$2")
  elif h_has openssl; then
    h_x=$(openssl dgst "-$1" <"$2")
    h_x=${h_x##*= }
  elif h_has "$1"; then h_x=$("$1" <"$2")
  else
    h_r="this node has neither ${1}sum, shasum nor openssl: no $1 can be made of $2"
    return 1
  fi
  h_x=${h_x%% *}
}

# h_body FILE: append the content, from the batch or asked for
h_body() {
  if [ "$o_size" = 0 ]; then return 0; fi
  if [ -n "$o_text" ]; then printf '%s' "$o_text" 2>"$h_t/e" >>"$1"
  elif [ -n "$o_octal" ]; then printf '%b' "$o_octal" 2>"$h_t/e" >>"$1"
  elif [ -n "$o_at" ]; then
    (trap '' 25; tail -c "+$((o_at + 1))" "$h_t/data" | head -c "$o_size" 2>"$h_t/e" >>"$1")
  else
    h_ask "$1"
  fi
}

# the pieces that the controller sends, to the end even when they cannot be kept
h_ask() {
  h_send need "$h_i"
  h_last=0 h_bad= h_lost=0
  while [ "$h_last" = 0 ]; do
    if ! h_next; then
      h_bad='the controller is gone'
      [ "$h_stop" = 0 ] || { h_bad=stopped; h_stopped=1; h_over=1; }
      return 1
    fi
    h_more=${h_line#* } h_code=
    [ "${h_line% *}" = 0 ] || h_code=$(h_get "${h_line% *}" <&5)
    if [ "$h_more" != 0 ]; then
      if [ "$h_lost" = 0 ]; then
        (trap '' 25; h_get_said "$h_more" <&5 >>"$1") 2>"$h_t/e" || h_lost=1
        # what it could not write is gone from the input all the same: dd reads the whole piece first
      else
        h_get "$h_more" <&5 >/dev/null
      fi
    fi
    eval "$h_code"
  done
  [ -z "$h_bad" ] && [ "$h_lost" = 0 ]
}

# a full disk with figures
h_write_failure() {
  h_reason
  h_d=
  case $h_r in
  'No space left on device' | 'Disk quota exceeded' | 'File too large')
    h_folder "$1"
    h_d=$(df -Pk "$h_x" 2>/dev/null | { read -r h_d; read -r h_d h_n h_s h_free h_d; printf %s "${h_free:-0}"; })
    h_d=" ($((h_d * 1024)) bytes are free there, nothing was changed)"
    ;;
  esac
  h_fail "$1 cannot be written: $h_r$h_d" path "$1" dest "$1"
}

# h_temporary_for PATH: a file beside it that only we can read, into h_temporary
h_temporary_for() {
  h_folder "$1"
  h_d=${1##*/}
  [ ${#h_d} -lt 200 ] || h_d=$(printf '%.200s' "$h_d")
  h_temporary=${h_x%/}/.$h_d.hivectl-$h_pid-${h_now%.*}$h_i
  umask 077
  set -C
  true 2>|"$h_t/e" >"$h_temporary"
  h_d=$?
  set +C
  umask "$h_umask"
  if [ "$h_d" != 0 ]; then
    { true >"$h_temporary"; } 2>"$h_t/e" && rm -f "$h_temporary"
    h_write_failure "$1"
    return 1
  fi
}

# h_back_up PATH: a copy beside it under the name that Ansible gives to backups, into h_backup
h_back_up() {
  h_backup=$1.$h_pid.$(date '+%Y-%m-%d@%H:%M:%S~')
  cp -p "$1" "$h_backup" 2>"$h_t/e" || { rm -f "$h_backup"; h_write_failure "$h_backup"; return 1; }
}

# h_validate FILE: the user's check of a file that is not yet in its place; o_validate names it as $1
h_validate() {
  (exec 4>&- 5<&-; h_validation "$1") >"$h_t/x.out" 2>"$h_t/x.err"
  h_d=$?
  h_runs=$((h_runs + 1))
  [ "$h_d" != 0 ] || return 0
  h_m=$(cat "$h_t/x.err")
  h_fail "failed to validate: rc:$h_d error:$h_m" rc "$h_d" exit_status "$h_d" stdout "$(cat "$h_t/x.out")" stderr "$h_m"
}

# h_target: where the file is to be put into t_path and t_parent, what is there into s_* and t_k ("" where a check pretends)
h_target() {
  h_expand "$o_path"
  t_folder=0
  case $h_x in ?*/) t_folder=1 ;; esac
  h_bare "$h_x"
  t_path=$h_x
  h_is "$t_path"
  h_d=$h_k
  [ "$h_d" != link ] || { [ -d "$t_path" ] && h_d=directory; }
  if [ -n "$o_into" ] && { [ "$h_d" = directory ] || [ "$t_folder" = 1 ]; }; then
    t_parent=$t_path t_path=${t_path%/}/$o_into
  elif [ "$h_k" = directory ]; then
    h_fail "$t_path is a directory: a file cannot be put in its place" path "$t_path" dest "$t_path"
    return 1
  else
    h_folder "$t_path"
    t_parent=$h_x
  fi
  if [ "$o_follow" = 1 ] && [ -L "$t_path" ]; then
    h_real "$t_path"
    t_path=$h_x
    h_folder "$t_path"
    t_parent=$h_x
  fi
  h_pretended "$t_path"
  t_pretended=0 t_k=absent s_k=absent
  case $h_k in
  '') h_status "$t_path"; t_k=$s_k ;;
  absent) ;;
  *) t_pretended=1 ;;
  esac
  t_mode=${s_mode-0} t_uid=${s_uid-} t_gid=${s_gid-} t_size=${s_size-0} t_type=${s_type-0}
  if [ "$o_parents" = 1 ]; then
    h_make_folders "$t_parent" 0 || return 1
  else
    h_is "$t_parent"
    case $h_k in
    directory) ;;
    *)
      [ "$h_k" = link ] && [ -d "$t_parent" ] || {
        h_fail "Destination directory $t_parent does not exist" path "$t_path" dest "$t_path"
        return 1
      }
      ;;
    esac
  fi
  if [ "$t_k" != absent ] && [ "$t_k" != link ] && [ "$t_type" != 8 ]; then
    s_type=$t_type
    h_special
    h_fail "$t_path is $h_x: a file cannot be put in its place" path "$t_path" dest "$t_path"
    return 1
  fi
}

# h_put: h_temporary, which has the content, with its attributes in place of t_path; removes it where that fails
h_put() {
  if h_settle && h_guarded && { h_rename "$h_temporary" "$t_path" || { h_write_failure "$t_path"; false; }; }; then
    return 0
  fi
  rm -f "$h_temporary"
  return 1
}

h_settle() {
  if [ -n "$o_validate" ]; then h_validate "$h_temporary" || return 1; fi
  if [ "$t_k" = absent ] || [ "$t_k" = link ]; then
    h_base=$((438 & ~0$h_umask))
  else
    h_base=$t_mode
    # a user replaces another's file: it becomes his own, as with every editor
    h_own
    [ "$t_uid:$t_gid" = "$h_own" ] || chown "$t_uid:$t_gid" "$h_temporary" 2>/dev/null
  fi
  if [ -n "$o_mode" ]; then
    h_parse_mode "$o_mode" "$h_base" 0 || { h_bad_mode_said "$o_mode"; return 1; }
    h_base=$h_mode
  fi
  if [ -n "$o_uid$o_gid" ]; then
    chown "$o_uid${o_gid:+:$o_gid}" "$h_temporary" 2>"$h_t/e" || { h_reason; h_fail "chown failed: $h_temporary: $h_r" path "$h_temporary"; return 1; }
  fi
  [ "$h_base" != 384 ] || return 0
  h_octal "$h_base"
  chmod "$h_x" "$h_temporary" 2>"$h_t/e" || { h_write_failure "$t_path"; return 1; }
}

# our own "uid:gid" into h_own
h_own() { [ -n "${h_own-}" ] || h_own=$(id -u):$(id -g); }

h_guarded() {
  [ -n "${h_guard-}" ] || return 0
  cmp -s "$h_guard" "$t_path" && return 0
  h_fail "$t_path was changed by somebody else while it was edited: nothing was written" path "$t_path"
}

# whether t_path has the wanted content already
h_same() {
  [ "$t_k" = file ] || [ "$t_k" = hard ] || return 1
  [ "$t_size" = "$o_size" ] || return 1
  if h_hash sha256 "$t_path"; then
    [ "$h_x" = "$o_sha256" ]
    return
  fi
  # no tool makes digests here: the content itself is compared
  : >"$h_t/x.body"
  h_runs=$((h_runs + 1))
  h_body "$h_t/x.body" && cmp -s "$h_t/x.body" "$t_path"
}

op_write() {
  h_guard=
  h_target && h_wanted "$t_path" || return
  set -- path "$t_path" dest "$t_path"
  if [ "$o_force" = 0 ] && { [ "$t_k" != absent ] || [ "$t_pretended" = 1 ]; }; then
    h_describe "$t_path"
    h_result "$@" changed 0 msg 'file already exists' about "$h_about"
    return
  fi
  if h_same; then
    h_apply "$t_path" || return
    h_changed=0
    [ -z "$h_after" ] || h_changed=1
    h_was=$h_before h_is_now=$h_after
    h_describe "$t_path"
    h_result "$@" changed "$h_changed" same 1 about "$h_about" before "$h_was" after "$h_is_now"
    return
  fi
  [ "$h_sent" = 0 ] || return
  h_size=0
  if [ "$h_diff" = 1 ] && [ "$o_secret" = 0 ] && [ "$t_k" != absent ] && [ -f "$t_path" ]; then
    head -c 102401 "$t_path" >"$h_t/x.old"
    h_runs=$((h_runs + 1))
    h_size=$(wc -c <"$h_t/x.old")
    h_size=$((h_size))
    set -- "$@" old 1
  fi
  if [ "$h_check" = 1 ]; then
    h_would "$t_path" file
    h_result_with "$h_size" "$@" changed 1
    [ "$h_size" = 0 ] || cat "$h_t/x.old" >&4
    return
  fi
  h_backup=
  if [ "$o_backup" = 1 ] && [ "$t_k" != absent ] && [ -f "$t_path" ]; then
    h_back_up "$t_path" || return
    set -- "$@" backup_file "$h_backup"
  fi
  if ! h_temporary_for "$t_path"; then h_take_back; return; fi
  if ! h_body "$h_temporary"; then
    if [ -n "${h_bad-}" ]; then h_fail "$h_bad" path "$t_path"; else h_write_failure "$t_path"; fi
    rm -f "$h_temporary"
    h_take_back
    return
  fi
  if ! h_whole || ! h_put; then
    rm -f "$h_temporary"
    h_take_back
    return
  fi
  h_describe "$t_path"
  h_result_with "$h_size" "$@" changed 1 about "$h_about"
  [ "$h_size" = 0 ] || cat "$h_t/x.old" >&4
}

h_take_back() { [ -z "$h_backup" ] || rm -f "$h_backup"; }

# what came over the wire in pieces is as the controller has it
h_whole() {
  [ -z "$o_text$o_octal$o_at" ] && [ "$o_size" != 0 ] || return 0
  if h_hash sha256 "$h_temporary"; then [ "$h_x" = "$o_sha256" ] && return 0; else
    h_d=$(wc -c <"$h_temporary")
    [ $((h_d)) = "$o_size" ] && return 0
  fi
  h_fail "the content of $t_path changed while it was sent, or was damaged on its way" dest "$t_path"
}

op_read() {
  h_expand "$o_path"
  h_path=$h_x
  h_status "$h_path" -L
  [ "$s_k" != absent ] || { h_fail "the remote file does not exist: $h_path" path "$h_path" source "$h_path"; return; }
  h_special
  [ -z "$h_x" ] || { h_fail "$h_path is $h_x: it cannot be read as a file" path "$h_path" source "$h_path"; return; }
  if [ -n "$o_limit" ] && [ "$s_size" -gt "$o_limit" ]; then
    h_fail "$h_path has $s_size bytes, more than the limit of $o_limit" path "$h_path"
    return
  fi
  h_octal "$s_mode"
  h_d=$h_x
  case $h_d in 0????) h_d=${h_d#0} ;; esac
  set -- source "$h_path" mode "$h_d"
  if [ -n "$o_known" ] && h_hash sha256 "$h_path" && [ "$h_x" = "$o_known" ]; then
    h_result "$@" size "$s_size" sha256 "$o_known" sent 0
    return
  fi
  [ -r "$h_path" ] || { h_fail "$h_path cannot be read: Permission denied" path "$h_path" source "$h_path"; return; }
  if [ "$s_size" = 0 ]; then
    # /proc and the like have more than stat says
    head -c "$((${o_limit:-16777216} + 1))" "$h_path" >"$h_t/x.read" 2>"$h_t/e"
    h_runs=$((h_runs + 1))
    h_d=$(wc -c <"$h_t/x.read")
    s_size=$((h_d))
    h_from=$h_t/x.read
    if [ -n "$o_limit" ] && [ "$s_size" -gt "$o_limit" ]; then
      h_fail "$h_path has more than the limit of $o_limit bytes" path "$h_path"
      return
    fi
  else
    h_from=$h_path
  fi
  # a file that shrinks meanwhile breaks the frame, which the controller takes for nonsense
  h_left=$s_size h_at=0 h_piece=4194304
  while [ "$h_left" -gt 0 ] && [ "$h_stop$h_ended$h_broken" = 000 ]; do
    [ "$h_left" -ge "$h_piece" ] || h_piece=$h_left
    h_send_with "$h_piece" data "$h_i"
    if [ "$h_at" = 0 ] && [ "$h_piece" = "$s_size" ]; then
      head -c "$h_piece" "$h_from" >&4
    else
      dd if="$h_from" bs=4194304 skip="$h_at" count=1 2>/dev/null | head -c "$h_piece" >&4
    fi
    h_left=$((h_left - h_piece)) h_at=$((h_at + 1))
  done
  if [ "$h_left" -gt 0 ]; then
    h_stopped=1
    h_fail stopped stopped 1
    return
  fi
  h_result "$@" size "$s_size" sent 1
}
