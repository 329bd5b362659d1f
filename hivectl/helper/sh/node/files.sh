# States of paths: stat, directory, link, remove, touch.

op_stat() {
  h_expand "$o_path"
  h_path=$h_x h_follow=
  [ "$o_follow" = 0 ] || h_follow=-L
  h_status "$h_path" $h_follow
  [ "$s_k" != absent ] || { h_result path "$h_path" exists 0; return; }
  h_more_stat=
  case $h_stat_kind in
  c) h_more_stat=$(stat $h_follow -c '%i %d %.9X %.9Y %.9Z %b %o %t %T' "$h_path" 2>/dev/null) || h_more_stat=
    case $h_more_stat in *%* | *X* | '') h_more_stat=$(stat $h_follow -c '%i %d %X %Y %Z %b %o %t %T' "$h_path" 2>/dev/null) ;; esac ;;
  f) h_more_stat=$(stat $h_follow -f '%i %d %a %m %c %b %k 0 0' "$h_path" 2>/dev/null) ;;
  *) h_more_stat="$(ls ${h_follow:+-L} -dis "$h_path" 2>/dev/null | { read -r h_n h_d h_s; printf '%s' "$h_n 0 0 0 0 $h_d"; }) 4096 0 0" ;;
  esac
  h_can=
  [ -r "$h_path" ] && h_can=r
  [ -w "$h_path" ] && h_can=${h_can}w
  [ -x "$h_path" ] && h_can=${h_can}x
  set -- exists 1 path "$h_path" raw "$s_raw $s_nlink $s_uid $s_gid $s_size $s_owner/$s_group" more "$h_more_stat" can "$h_can"
  if [ "$s_k" = link ]; then
    h_read_link "$h_path"
    h_d=$h_x
    h_real "$h_path"
    set -- "$@" lnk_target "$h_d" lnk_source "$h_x"
  fi
  if [ -n "$o_checksum" ] && [ "$s_type" = 8 ] && [ -r "$h_path" ]; then
    h_hash "$o_checksum" "$h_path" || { h_fail "$h_r" path "$h_path"; return; }
    set -- "$@" checksum "$h_x"
  fi
  h_result "$@"
}

# h_finish_path PATH NAME VALUE ... : the result with what the path is now, and what was different
h_finish_path() {
  h_path=$1
  shift
  h_describe "$h_path"
  h_result path "$h_path" about "$h_about" before "$h_was" after "$h_is_now" "$@"
}

op_directory() {
  h_expand "$o_path"
  h_bare "$h_x"
  [ "$o_follow" = 0 ] || [ ! -L "$h_x" ] || h_real "$h_x"
  h_path=$h_x
  h_is "$h_path"
  h_changed=0 h_was= h_is_now=
  h_wanted "$h_path" || return
  case $h_k in
  absent)
    h_make_folders "$h_path" 1 || return
    h_was='state absent' h_is_now='state directory'
    h_finish_path "$h_path" changed 1 state directory
    ;;
  directory)
    h_apply "$h_path" || return
    h_was=$h_before h_is_now=$h_after
    [ -z "$h_after" ] || h_changed=1
    h_pretended "$h_path"
    if [ "$o_recurse" = 1 ] && [ -z "$h_k" ]; then h_recurse "$h_path" || return; fi
    h_finish_path "$h_path" changed "$h_changed" state directory
    ;;
  *)
    [ "$h_k" != file ] || [ "$h_check" = 1 ] || { h_status "$h_path"; h_k=$s_k; }
    h_fail "$h_path already exists as a $h_k" path "$h_path"
    ;;
  esac
}

# h_make_folders PATH WANTED: make what is missing; with WANTED=1 new ones get the operation's attributes, else o_parents_mode.
# h_made says whether there was anything to do
h_make_folders() {
  h_made=0 h_top=$1
  h_is "$1"
  case $h_k in
  directory) return 0 ;;
  link) if [ "$h_check" = 1 ] || [ -d "$1" ]; then return 0; fi ;;
  esac
  h_made=1
  h_missing=$1 h_names=
  while h_folder "$h_missing"; [ ! -e "$h_x" ] && [ ! -L "$h_x" ] && [ "$h_x" != / ]; do h_missing=$h_x; done
  if [ "$h_check" = 1 ]; then
    h_d2=$h_top
    while [ ! -e "$h_d2" ] && [ ! -L "$h_d2" ]; do
      h_would "$h_d2" directory
      h_folder "$h_d2"
      h_d2=$h_x
    done
    return 0
  fi
  while :; do
    if ! mkdir "$h_missing" 2>"$h_t/e" && [ ! -d "$h_missing" ]; then
      h_reason
      h_fail "$h_missing cannot be made: $h_r" path "$h_top"
      return 1
    fi
    if [ "$2" = 1 ]; then
      h_apply "$h_missing" || return 1
    elif [ -n "$o_parents_mode" ]; then
      h_status "$h_missing"
      h_parse_mode "$o_parents_mode" "$s_mode" 1 || { h_bad_mode_said "$o_parents_mode"; return 1; }
      h_octal "$h_mode"
      chmod "$h_x" "$h_missing"
    fi
    [ "$h_missing" != "$h_top" ] || return 0
    h_d=${h_top#"$h_missing"/}
    h_missing=$h_missing/${h_d%%/*}
  done
}

# the attributes of everything inside; links are not followed
h_recurse() {
  [ -n "$o_uid$o_gid$o_mode" ] || return 0
  [ -n "$h_stat_kind" ] || h_find_stat
  case $h_stat_kind in
  c) find "$1" -exec stat -c '%f %u %g' {} + >"$h_t/x.list" 2>"$h_t/e" ;;
  f) find "$1" -exec stat -f '%Xp %u %g' {} + >"$h_t/x.list" 2>"$h_t/e" ;;
  *) h_fail 'this node has no stat: recurse cannot see what differs' path "$1"; return 1 ;;
  esac || { h_reason; h_fail "$1 cannot be read: $h_r" path "$1"; return 1; }
  h_any=0
  while read -r h_d s_uid s_gid; do
    s_raw=$((0x$h_d)) s_mode=$((s_raw & 4095)) s_type=$((s_raw >> 12))
    h_differs || return 1
    [ -z "$h_after" ] || { h_any=1; break; }
  done <"$h_t/x.list"
  [ "$h_any" = 1 ] || return 0
  h_changed=1
  [ "$h_check" = 0 ] || return 0
  if [ -n "$o_uid$o_gid" ]; then
    find "$1" -exec chown -h "$o_uid${o_gid:+:$o_gid}" {} + 2>"$h_t/e" || { h_reason; h_fail "chown failed: $1: $h_r" path "$1"; return 1; }
  fi
  if [ -n "$o_mode" ]; then
    find "$1" ! -type l -exec chmod "$o_mode" {} + 2>"$h_t/e" || { h_reason; h_fail "chmod failed: $1: $h_r" path "$1"; return 1; }
  fi
}

op_link() {
  h_expand "$o_path"
  h_bare "$h_x"
  h_path=$h_x h_word=link
  [ "$o_hard" = 0 ] || h_word=hard
  # another name of a file, inside of the directory
  [ "$o_hard$o_has_source" != 11 ] || [ ! -d "$h_path" ] || h_path=${h_path%/}/${o_source##*/}
  h_is "$h_path"
  h_kind=$h_k
  if [ "$o_has_source" = 0 ]; then
    # without a source an existing link only has its attributes set
    { [ "$h_kind" = link ] && [ "$o_hard" = 0 ]; } || { h_fail 'src is required for creating new links' path "$h_path"; return; }
    h_read_link "$h_path"
    h_source=$h_x
  else
    h_values "$o_source"
    h_source=$h_x
  fi
  h_linked=0
  if [ "$o_hard" = 1 ]; then
    [ "$h_kind" = file ] && [ "$h_path" -ef "$h_source" ] && h_linked=1
  elif [ "$h_kind" = link ] && h_read_link "$h_path" && [ "$h_x" = "$h_source" ]; then
    h_linked=1
  fi
  if [ "$h_kind" = directory ]; then
    h_inside "$h_path" && { h_pretended "$h_path"; [ -z "$h_k" ]; } && { h_fail "the directory $h_path is not empty, refusing to convert it" path "$h_path" dest "$h_path"; return; }
    [ "$o_force" = 1 ] || { h_fail "refusing to convert from directory to link for $h_path" path "$h_path" dest "$h_path"; return; }
  elif [ "$o_force" = 0 ] && [ "$h_kind" = file ] && [ "$h_linked" = 0 ]; then
    h_fail "refusing to convert from file to $h_word for $h_path" path "$h_path" dest "$h_path"
    return
  fi
  h_folder "$h_path"
  case $h_source in /*) h_normal "$h_source" ;; *) h_normal "$h_x/$h_source" ;; esac
  h_full=$h_x
  h_pretended "$h_full"
  case $h_k in absent) h_there=0 ;; '') h_there=0; [ ! -e "$h_full" ] || h_there=1 ;; *) h_there=1 ;; esac
  if [ "$h_there" = 0 ] && { [ "$o_force" = 0 ] || [ "$o_hard" = 1 ]; }; then
    if [ "$o_hard" = 1 ]; then h_m="src does not exist: $h_full"; else
      h_m="src file does not exist, use \"force=yes\" if you really want to create the link: $h_full"
    fi
    h_fail "$h_m" path "$h_path" src "$h_source"
    return
  fi
  h_was= h_is_now= h_changed=0
  if [ "$h_linked" = 0 ]; then
    [ "$h_kind" != file ] || { h_status "$h_path"; h_kind=$s_k; }
    h_changed=1 h_was="state $h_kind"
    h_is_now="state $h_word"
    if [ "$h_check" = 1 ]; then
      h_d=link
      [ "$o_hard" = 0 ] || h_d=file
      h_would "$h_path" "$h_d"
    else
      h_replace_link || { h_reason; h_fail "Error while linking: $h_path: $h_r" path "$h_path" src "$h_source"; return; }
    fi
  fi
  if [ "$h_check" = 0 ] || [ "$h_changed" = 0 ]; then
    h_d=
    [ "$o_follow" = 0 ] || [ ! -e "$h_path" ] || h_d=-L
    h_wanted "$h_path" && h_apply "$h_path" $h_d || return
    [ -z "$h_after" ] || h_changed=1
    h_was="$h_was $h_before" h_is_now="$h_is_now $h_after"
  fi
  h_finish_path "$h_path" changed "$h_changed" state "$h_word" dest "$h_path" src "$h_source"
}

# whether a folder has anything in it
h_inside() {
  set +f
  for h_d in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$h_d" ] || [ -L "$h_d" ]; then
      set -f
      return 0
    fi
  done
  set -f
  return 1
}

# in place of what is there at once, by rename
h_replace_link() {
  h_how=-s
  [ "$o_hard" = 0 ] || h_how=
  if [ "$h_kind" = absent ]; then
    ln $h_how -- "$h_source" "$h_path" 2>"$h_t/e"
    return
  fi
  [ "$h_kind" != directory ] || rmdir "$h_path" 2>"$h_t/e" || return 1
  h_folder "$h_path"
  h_temporary=${h_x%/}/.$h_pid.$h_i.hivectl
  ln $h_how -- "$h_source" "$h_temporary" 2>"$h_t/e" || return 1
  h_rename "$h_temporary" "$h_path" || { rm -f "$h_temporary"; return 1; }
}

# h_rename FROM TO: as rename(2), also where TO is a link to a directory
h_rename() {
  if [ -L "$2" ] && [ -d "$2" ]; then
    mv -fT "$1" "$2" 2>"$h_t/e" || { rm -f "$2" && mv -f "$1" "$2" 2>"$h_t/e"; }
  elif [ -L "$1" ] && [ "$1" -ef "$2" ]; then
    # a link that takes the place of what it points at: mv takes them for one file
    rm -f "$2" && mv -f "$1" "$2" 2>"$h_t/e"
  else
    mv -f "$1" "$2" 2>"$h_t/e"
  fi
}

op_remove() {
  h_expand "$o_path"
  h_bare "$h_x"
  h_path=$h_x h_changed=1
  h_is "$h_path"
  [ "$h_k" != file ] || [ "$h_diff" = 0 ] || [ ! -e "$h_path" ] || { h_status "$h_path"; h_k=$s_k; }
  h_kind=$h_k
  [ "$h_kind" != absent ] || h_changed=0
  if [ "$h_changed" = 1 ]; then
    if [ "$h_check" = 1 ]; then
      h_would "$h_path" absent
    elif [ "$h_kind" = directory ]; then
      rm -rf "$h_path" 2>"$h_t/e" || { h_reason; h_fail "$h_path cannot be removed: $h_r" path "$h_path"; return; }
    else
      rm -f "$h_path" 2>"$h_t/e" || { h_reason; h_fail "$h_path cannot be removed: $h_r" path "$h_path"; return; }
    fi
  fi
  h_result changed "$h_changed" path "$h_path" state absent before "state $h_kind" after 'state absent'
}

op_touch() {
  h_expand "$o_path"
  h_bare "$h_x"
  [ "$o_follow" = 0 ] || [ ! -L "$h_x" ] || h_real "$h_x"
  h_path=$h_x
  h_is "$h_path"
  h_kind=$h_k h_was= h_is_now= h_changed=0
  if [ "$h_kind" = absent ] && [ "$o_make" = 0 ]; then
    h_fail "file ($h_path) is absent, cannot continue" path "$h_path" state absent
    return
  fi
  if [ "$o_regular" = 1 ] && case $h_kind in file | absent) false ;; esac; then
    h_fail "file ($h_path) is $h_kind, cannot continue" path "$h_path" state "$h_kind"
    return
  fi
  h_wanted "$h_path" || return
  if [ "$h_kind" = absent ]; then
    h_changed=1 h_was='state absent' h_is_now='state touch'
    if [ "$h_check" = 1 ]; then
      h_would "$h_path" file
    else
      # not by `:`, a special builtin: dash would end with it
      { true >>"$h_path"; } 2>"$h_t/e" || { h_reason; h_fail "Error, could not touch target: $h_path: $h_r" path "$h_path"; return; }
    fi
  fi
  h_pretended "$h_path"
  if [ -z "$h_k" ]; then
    h_touch_times "$h_path" a "$o_atime" && h_touch_times "$h_path" m "$o_mtime" || return
    h_apply "$h_path" || return
    [ -z "$h_after" ] || h_changed=1
    h_was="$h_was $h_before" h_is_now="$h_is_now $h_after"
  fi
  h_finish_path "$h_path" changed "$h_changed" dest "$h_path"
}

# h_touch_times PATH a|m TIME: TIME is "" to leave it, now, or CCYYMMDDhhmm.SS
h_touch_times() {
  [ -n "$3" ] || return 0
  [ -n "$h_stat_kind" ] || h_find_stat
  h_letter=X
  [ "$2" = a ] || h_letter=Y
  h_old=$(stat -c "%$h_letter" "$1" 2>/dev/null)
  if [ "$3" = now ]; then
    h_clock
    h_moment=$((h_epoch + (h_cs - h_epoch_cs) / 100))
    set -- "$1" "$2"
  else
    h_is_time "$1" "$3" && return 0
    h_moment=$(stat -c "%$h_letter" "$h_t/x.time" 2>/dev/null)
    set -- "$1" "$2" -t "$3"
  fi
  h_changed=1
  h_was="$h_was $2time ${h_old:-0}"
  h_is_now="$h_is_now $2time ${h_moment:-0}"
  [ "$h_check" = 0 ] || return 0
  touch -c "-$2" ${3-} ${4-} "$1" 2>"$h_t/e" || { h_reason; h_fail "Error while updating times: $1: $h_r" path "$1"; return 1; }
}

# h_is_time PATH TIME: whether a path has the time h_letter already, compared with a file that gets it
h_is_time() {
  touch -t "$2" "$h_t/x.time" 2>"$h_t/e" || return 1
  h_runs=$((h_runs + 1))
  if [ "$h_stat_kind" != c ]; then
    # access times cannot be seen then: they are set again
    [ "$h_letter" = Y ] && [ ! "$1" -nt "$h_t/x.time" ] && [ ! "$1" -ot "$h_t/x.time" ]
    return
  fi
  [ "$h_old" = "$(stat -c "%$h_letter" "$h_t/x.time" 2>/dev/null)" ]
}
