# Owner, group and mode that a path shall have.

# parse_mode: $1 as for chmod(1), applied to $2 (decimal), of a directory if $3 is 1, into h_mode
h_parse_mode() {
  case $1 in
  '' | *[!0-7]*) ;;
  *)
    h_mode=$((0$1))
    [ "$h_mode" -gt 4095 ] || return 0
    h_bad_mode=1
    return 1
    ;;
  esac
  h_mode=$2 h_rest=$1,
  while [ -n "$h_rest" ]; do
    h_clause=${h_rest%%,*} h_rest=${h_rest#*,}
    h_who=${h_clause%%[!ugoa]*}
    h_clause=${h_clause#"$h_who"}
    h_spared=0
    case $h_who in
    '') h_who=ugo h_spared=$((0$h_umask)) ;;
    *a*) h_who=ugo ;;
    esac
    case $h_clause in [-+=]*) ;; *) return 1 ;; esac
    while [ -n "$h_clause" ]; do
      h_act=${h_clause%"${h_clause#?}"} h_clause=${h_clause#?}
      h_perms=${h_clause%%[-+=]*}
      h_clause=${h_clause#"$h_perms"}
      case $h_perms in *[!rwxXstugo]*) return 1 ;; esac
      h_act_mode "$3"
    done
  done
}

h_act_mode() {
  h_bits=0 h_touched=0 h_all=0
  for h_w in u:6 g:3 o:0; do
    h_shift=${h_w#?:}
    case $h_who in *"${h_w%:?}"*) ;; *) continue ;; esac
    h_touched=$((h_touched | 7 << h_shift)) h_all=$((h_all + 1)) h_v=0
    case $h_perms in *r*) h_v=$((h_v | 4)) ;; esac
    case $h_perms in *w*) h_v=$((h_v | 2)) ;; esac
    case $h_perms in *x*) h_v=$((h_v | 1)) ;; esac
    case $h_perms in *X*) [ "$1" = 0 ] && [ $((h_mode & 73)) = 0 ] || h_v=$((h_v | 1)) ;; esac
    case $h_perms in *u*) h_v=$((h_v | (h_mode >> 6 & 7))) ;; esac
    case $h_perms in *g*) h_v=$((h_v | (h_mode >> 3 & 7))) ;; esac
    case $h_perms in *o*) h_v=$((h_v | (h_mode & 7))) ;; esac
    h_bits=$((h_bits | h_v << h_shift))
  done
  h_bits=$((h_bits & ~h_spared)) h_sets=0
  case $h_who in *u*) h_sets=2048 ;; esac
  case $h_who in *g*) h_sets=$((h_sets | 1024)) ;; esac
  case $h_perms in *s*) h_bits=$((h_bits | h_sets)) ;; esac
  case $h_perms in *t*) h_bits=$((h_bits | 512)) ;; esac
  case $h_act in
  +) h_mode=$((h_mode | h_bits)) ;;
  -) h_mode=$((h_mode & ~h_bits)) ;;
  =)
    if [ "$1" = 0 ]; then
      h_touched=$((h_touched | h_sets))
      [ "$h_all" -lt 3 ] || h_touched=$((h_touched | 512))
    fi
    h_mode=$((h_mode & ~h_touched | h_bits))
    ;;
  esac
}

# h_octal NUMBER: as Ansible writes modes, 04755, into h_x
h_octal() {
  h_x=$(($1 >> 9))
  [ "$h_x" != 0 ] || h_x=
  h_x=0$h_x$(($1 >> 6 & 7))$(($1 >> 3 & 7))$(($1 & 7))
}

# h_id_of FILE NAME: the number of a name in passwd(5) or group(5), or of a number, into h_id
h_id_of() {
  while IFS=: read -r h_n h_d1 h_id h_d2; do
    [ "$h_n" != "$2" ] || return 0
  done <"$1"
  if h_has getent && h_d=$(getent "${1#/etc/}" "$2" 2>/dev/null); then
    h_d=${h_d#*:*:}
    h_id=${h_d%%:*}
    return 0
  fi
  h_id=$2
  case $2 in '' | *[!0-9]*) return 1 ;; esac
}

# h_to_come PATH: whether this is a check of a path that is not there, whose owner an earlier task would make
h_to_come() { [ "$h_check" = 1 ] && [ ! -e "$1" ] && [ ! -L "$1" ] && h_id=; }

# the numbers of o_owner and o_group into o_uid and o_gid, "" for any; fails with its result
h_wanted() {
  o_uid= o_gid=
  if [ -n "$o_owner" ]; then
    h_id_of /etc/passwd "$o_owner" || h_to_come "$1" || { h_fail "chown failed: failed to look up user $o_owner" path "$1"; return 1; }
    o_uid=$h_id
  fi
  if [ -n "$o_group" ]; then
    h_id_of /etc/group "$o_group" || h_to_come "$1" || { h_fail "chgrp failed: failed to look up group $o_group" path "$1"; return 1; }
    o_gid=$h_id
  fi
}

# after h_status: what differs from the wanted into h_before and h_after ("owner 0 group 5 mode 0644"), the wanted mode in h_mode
h_differs() {
  h_before= h_after= h_mode=$s_mode
  if [ -n "$o_uid" ] && [ "$o_uid" != "$s_uid" ]; then h_before="owner $s_uid " h_after="owner $o_uid "; fi
  if [ -n "$o_gid" ] && [ "$o_gid" != "$s_gid" ]; then h_before="${h_before}group $s_gid " h_after="${h_after}group $o_gid "; fi
  if [ -n "$o_mode" ] && [ "$s_type" != 10 ]; then
    h_parse_mode "$o_mode" "$s_mode" "$((s_type == 4))" || { h_bad_mode_said "$o_mode"; return 1; }
    if [ "$h_mode" != "$s_mode" ]; then
      h_octal "$s_mode"
      h_before="${h_before}mode $h_x "
      h_octal "$h_mode"
      h_after="${h_after}mode $h_x "
    fi
  fi
}

h_bad_mode_said() { h_fail "mode must be in octal or symbolic form: $1"; }

# h_apply PATH [FOLLOW]: give the path its owner, group and mode unless this is a check; h_before and h_after say what differed.
# h_mode is what it has in the end.
h_apply() {
  h_before= h_after=
  [ -n "$o_uid$o_gid$o_mode" ] || return 0
  h_status "$@"
  [ "$s_k" != absent ] || return 0
  h_differs || return 1
  [ "$h_check" = 0 ] && [ -n "$h_after" ] || return 0
  h_wants=$h_mode h_again=0
  case $h_after in
  *owner* | *group*)
    h_chown "$1" "${o_uid:-$s_uid}:${o_gid:-$s_gid}" "${2-}" || { h_reason; h_fail "chown failed: $1: $h_r" path "$1"; return 1; }
    # chown takes set-id bits away
    [ -z "$o_mode" ] || [ $((h_wants & 3072)) = 0 ] || h_again=1
    ;;
  esac
  case $h_after in *mode*) h_again=1 ;; esac
  [ "$h_again" = 1 ] || return 0
  [ "$s_type" != 10 ] || return 0
  h_octal "$h_wants"
  chmod "$h_x" "$1" 2>"$h_t/e" || { h_reason; h_fail "chmod failed: $1: $h_r" path "$1"; return 1; }
}

# h_chown PATH UID:GID [-L]
h_chown() { if [ -n "$3" ]; then chown "$2" "$1" 2>"$h_t/e"; else chown -h "$2" "$1" 2>"$h_t/e"; fi; }
