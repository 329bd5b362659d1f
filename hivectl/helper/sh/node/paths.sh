# Paths: made absolute, looked at, and what a check would have made of them.

# a path without ., .. and doubled slashes into h_x; a slash at the end is kept
h_normal() {
  h_x= h_d=$1 h_tail=
  case $h_d in */) h_tail=/ ;; esac
  while [ -n "$h_d" ]; do
    h_p=${h_d%%/*}
    case $h_d in */*) h_d=${h_d#*/} ;; *) h_d= ;; esac
    case $h_p in
    '' | .) ;;
    ..) h_x=${h_x%/*} ;;
    *) h_x=$h_x/$h_p ;;
    esac
  done
  case $h_x in '') h_x=/ ;; *) h_x=$h_x$h_tail ;; esac
}

# ~, ~name, $NAME and ${NAME} in $1 replaced into h_x
h_values() {
  h_d=$1
  case $h_d in
  '~' | '~/'*) [ -z "${HOME-}" ] || h_d=$HOME${h_d#'~'} ;;
  '~'*)
    h_p=${h_d%%/*}
    h_p=${h_p#'~'}
    h_home_of "$h_p" && h_d=$h_home${h_d#"~$h_p"}
    ;;
  esac
  h_x=
  while :; do
    case $h_d in *'$'*) ;; *) break ;; esac
    h_x=$h_x${h_d%%'$'*} h_d=${h_d#*'$'}
    case $h_d in
    '{'*'}'*) h_p=${h_d#?} h_p=${h_p%%'}'*} h_q='{'$h_p'}' ;;
    [A-Za-z_]*) h_p=${h_d%%[!A-Za-z0-9_]*} h_q=$h_p ;;
    *) h_p= h_q= ;;
    esac
    case $h_p in
    '' | [0-9]* | *[!A-Za-z0-9_]* | h_* | o_* | s_* | t_* | j_* | IFS | PS1 | PS2 | PS4 | OPTIND | PPID | LINENO) h_x=$h_x'$' ;;
    *)
      # the name is letters, digits and underscores
      if eval "[ -n \"\${$h_p+x}\" ]"; then eval "h_x=\$h_x\$$h_p"; h_d=${h_d#"$h_q"}; else h_x=$h_x'$'; fi
      ;;
    esac
  done
  h_x=$h_x$h_d
}

h_expand() {
  case $1 in
  '~'* | *'$'*) h_values "$1" ;;
  *) h_x=$1 ;;
  esac
  case $h_x in
  /*) ;;
  *) h_x=$PWD/$h_x ;;
  esac
  case $h_x in *//* | */./* | */../* | */. | */..) h_normal "$h_x" ;; esac
}

# without slashes at the end, into h_x
h_bare() {
  h_x=$1
  while :; do case $h_x in ?*/) h_x=${h_x%/} ;; *) return 0 ;; esac done
}

# the folder of a path into h_x
h_folder() {
  h_x=${1%/*}
  [ -n "$h_x" ] || h_x=/
}

# the home of a user's name into h_home
h_home_of() {
  while IFS=: read -r h_n h_d1 h_u h_g h_d2 h_home h_d3; do
    [ "$h_n" != "$1" ] || return 0
  done </etc/passwd
  h_home=
  return 1
}

# what links lead to, into h_x; missing ends stay
h_real() {
  if h_x=$(readlink -f "$1" 2>/dev/null && printf x); then
    h_x=${h_x%"${h_nl}x"}
    return
  fi
  h_x=$1 h_links=0
  while [ -L "$h_x" ] && [ "$h_links" -lt 40 ]; do
    h_d=${h_x%/*} h_links=$((h_links + 1))
    h_read_link "$h_x"
    case $h_x in /*) ;; *) h_x=$h_d/$h_x ;; esac
  done
  h_d=${h_x##*/}
  h_p=$(cd -P "${h_x%/*}/" 2>/dev/null && pwd -P && printf x) || return 0
  h_p=${h_p%"${h_nl}x"}
  h_x=${h_p%/}/$h_d
}

h_read_link() {
  if h_x=$(readlink "$1" 2>/dev/null && printf x); then
    h_x=${h_x%"${h_nl}x"}
    return 0
  fi
  h_x=$(ls -ld "$1" 2>/dev/null; printf x)
  h_x=${h_x%"${h_nl}x"}
  h_x=${h_x#*" $1 -> "}
}

h_stat_kind=
h_find_stat() {
  if stat -c %f / >/dev/null 2>&1; then h_stat_kind=c; elif stat -f %Xp / >/dev/null 2>&1; then h_stat_kind=f; else h_stat_kind=ls; fi
}

# the status of $1 (with -L in $2: of what it leads to) into s_*; s_k is Ansible's word for what it is
h_status() {
  s_k=absent
  if [ ! -e "$1" ]; then
    [ -L "$1" ] && [ -z "${2-}" ] || return 0
  fi
  [ -n "$h_stat_kind" ] || h_find_stat
  case $h_stat_kind in
  c) h_d=$(stat ${2-} -c '%f %h %u %g %s %U/%G' "$1" 2>/dev/null) || return 0 ;;
  f) h_d=$(stat ${2-} -f '%Xp %l %u %g %z %Su/%Sg' "$1" 2>/dev/null) || return 0 ;;
  ls) h_list_status "$@" || return 0 ;;
  esac
  h_s=${h_d#* * * * * }
  s_owner=${h_s%%/*} s_group=${h_s#*/}
  set -- $h_d
  s_raw=$((0x$1)) s_nlink=$2 s_uid=$3 s_gid=$4 s_size=$5
  case $s_owner in UNKNOWN | '(unknown)') s_owner=$s_uid ;; esac
  case $s_group in UNKNOWN | '(unknown)') s_group=$s_gid ;; esac
  s_mode=$((s_raw & 4095)) s_type=$((s_raw >> 12))
  case $s_type in
  10) s_k=link ;;
  4) s_k=directory ;;
  *) if [ "$s_nlink" -gt 1 ]; then s_k=hard; else s_k=file; fi ;;
  esac
}

# the same from `ls -ldn`, where there is no stat: h_d as stat would have written it
h_list_status() {
  h_d=$(ls ${2:+-L} -ldn "$1" 2>/dev/null) || return 1
  h_owners=$(ls ${2:+-L} -ld "$1" 2>/dev/null)
  set -- $h_d
  h_bits=$1 h_rest="$2 $3 $4 $5"
  case $5 in *,) h_rest="$2 $3 $4 0" ;; esac
  set -- $h_owners
  case $h_bits in
  d*) h_n=4 ;; l*) h_n=10 ;; b*) h_n=6 ;; c*) h_n=2 ;; p*) h_n=1 ;; s*) h_n=12 ;; *) h_n=8 ;;
  esac
  h_n=$((h_n << 12)) h_b=${h_bits#?}
  case $h_b in ??[sS]*) h_n=$((h_n | 2048)) ;; esac
  case $h_b in ?????[sS]*) h_n=$((h_n | 1024)) ;; esac
  case $h_b in ????????[tT]*) h_n=$((h_n | 512)) ;; esac
  for h_v in 256 128 64 32 16 8 4 2 1; do
    case $h_b in [rwxst]*) h_n=$((h_n | h_v)) ;; esac
    h_b=${h_b#?}
  done
  h_hex=
  while [ "$h_n" -gt 0 ]; do
    h_v=$((h_n & 15)) h_n=$((h_n >> 4))
    case $h_v in 10) h_v=a ;; 11) h_v=b ;; 12) h_v=c ;; 13) h_v=d ;; 14) h_v=e ;; 15) h_v=f ;; esac
    h_hex=$h_v$h_hex
  done
  h_d="$h_hex $h_rest $3/$4"
}

# what stands in the way of reading a path as a file into h_x, after h_status
h_special() {
  case $s_type in
  4) h_x='a directory' ;; 1) h_x='a named pipe' ;; 12) h_x='a socket' ;; 2) h_x='a character device' ;; 6) h_x='a block device' ;;
  8) h_x= ;; *) h_x='not a regular file' ;;
  esac
}

# the description that goes with results, after h_status
h_describe() {
  h_status "$@"
  if [ "$s_k" = absent ]; then h_about=; else h_about="$s_k $s_mode $s_uid $s_gid $s_size $s_owner/$s_group"; fi
}

# h_would PATH KIND: remember what a check would have made
h_would() {
  h_bare "$1"
  if [ "$2" = absent ]; then
    h_n=0
    while [ "$h_n" -lt "$h_pn" ]; do
      eval "h_d=\$h_pp_$h_n"
      case $h_d in "${h_x%/}"/*) eval "h_pp_$h_n=" ;; esac
      h_n=$((h_n + 1))
    done
  fi
  eval "h_pp_$h_pn=\$h_x h_pk_$h_pn=\$2"
  h_pn=$((h_pn + 1))
}

# what a check would have made of $1 into h_k, "" where what is there stands
h_pretended() {
  h_k=
  [ "$h_check" = 1 ] && [ "$h_pn" -gt 0 ] || return 0
  h_bare "$1"
  h_n=$h_pn h_under=
  while [ "$h_n" -gt 0 ]; do
    h_n=$((h_n - 1))
    eval "h_d=\$h_pp_$h_n"
    [ -n "$h_d" ] || continue
    if [ "$h_d" = "$h_x" ]; then
      eval "h_k=\$h_pk_$h_n"
      return
    fi
    case $h_x in "${h_d%/}"/*) h_under=1 ;; esac
  done
  # whatever would be made anew is empty, and nothing is in a thing that would be gone
  [ -z "$h_under" ] || h_k=absent
}

# what $1 is or would be into h_k, without the price of looking closely: directory, link, file or absent
h_is() {
  h_pretended "$1"
  [ -z "$h_k" ] || return 0
  if [ -L "$1" ]; then h_k=link; elif [ -d "$1" ]; then h_k=directory; elif [ -e "$1" ]; then h_k=file; else h_k=absent; fi
}
