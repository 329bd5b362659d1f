# What an operation finds before it acts: told to a plan, and compared with what a saved plan was told
# (helper/node/observe.py). Taught before the first batch that asks for it; w_ are its names.
w_count=0

# the paths that the run has changed; forgotten with the run
h_was_touched() {
  [ "${w_run-}" = "$h_run" ] || w_count=0 w_run=$h_run
  for h_x; do
    eval "w_path_$w_count=\$h_x"
    w_count=$((w_count + 1))
  done
}

# as in base.sh, and listens for whether something was changed
h_result_with() {
  h_n=$1
  shift
  h_sent=1
  h_clock
  printf '%s\000' result "$h_i" b "$h_began" e "$h_now" "$@" '' "$h_n" >&4 2>/dev/null || h_broken=1
  while [ $# -gt 1 ]; do
    [ "$1" != changed ] || w_changed=$2
    shift 2
  done
}

# op_watched NAME HOW KNOWN PATH STATE ARGUMENT...: an operation behind a look at what it would act on.
# HOW: f links are followed, d all that is inside counts, p no digest of the content is told. KNOWN: 1, it must be found
# as PATH and STATE say; STATE: kind|mode|owner|group|content|target
op_watched() {
  h_name=$1 w_how=$2 w_known=$3 w_is=$4 w_was=$5
  shift 5
  w_changed=0 w_place=
  [ "${w_run-}" = "$h_run" ] || w_count=0 w_run=$h_run
  if [ "$h_name" = run ]; then
    w_guards
  else
    w_find
    w_look || return
  fi
  if [ "$w_known" = 1 ] && { [ "$w_is" != "$w_place" ] || [ "$w_was" != "$w_state" ]; }; then
    h_send seen "$h_i" path "$w_place" state "$w_state" stale 1
    h_stopped=1
    h_fail 'the plan is stale' stopped 1
    return
  fi
  h_send seen "$h_i" path "$w_place" state "$w_state"
  "op_$h_name" "$@"
  [ "$w_changed" != 1 ] || [ -z "$w_place" ] || h_was_touched "$w_place"
}

# whether a program would run: that is all that a check finds out
w_guards() {
  w_state=runs h_dir=
  if [ -n "$o_directory" ]; then
    h_expand "$o_directory"
    h_dir=$h_x
  fi
  if [ -n "$o_creates" ] && h_guard_path "$o_creates" && h_there "$h_x"; then w_state=skipped; fi
  if [ -n "$o_removes" ] && h_guard_path "$o_removes" && ! h_there "$h_x"; then w_state=skipped; fi
}

# where it would act, into w_place
w_find() {
  h_expand "$o_path"
  h_d=$h_x
  h_bare "$h_x"
  w_place=$h_x
  if [ -n "$o_into" ]; then
    case $h_d in
    ?*/) w_place=${w_place%/}/$o_into ;;
    *) [ ! -d "$w_place" ] || w_place=${w_place%/}/$o_into ;;
    esac
  fi
  w_name=${w_place##*/}
  h_folder "$w_place"
  h_real "$h_x"
  w_place=${h_x%/}/$w_name
  case $w_how in *f*) [ ! -L "$w_place" ] || { h_real "$w_place"; w_place=$h_x; } ;; esac
}

# whether the run has changed w_place itself, what it is in, or what is in it where that counts
w_ours() {
  w_n=0
  while [ "$w_n" -lt "$w_count" ]; do
    eval "h_d=\$w_path_$w_n"
    [ "$w_place" != "$h_d" ] || return 0
    case $w_place in "${h_d%/}"/*) return 0 ;; esac
    case $w_how in *d*) case $h_d in "${w_place%/}"/*) return 0 ;; esac ;; esac
    w_n=$((w_n + 1))
  done
  return 1
}

# what is there, into w_state; fails with its result
w_look() {
  if w_ours; then
    w_state='as this run leaves it|||||'
    return
  fi
  h_status "$w_place"
  case $s_k in
  absent) w_state='absent|||||'; return ;;
  link) h_read_link "$w_place"; w_state="link|||||$h_x"; return ;;
  esac
  w_content= w_kind=$s_k
  case $s_type in
  4) case $w_how in *d*) w_inside "$w_place" ;; esac ;;
  8)
    w_kind=file
    case $w_how in
    *p*) w_times "$w_place" ;;
    *)
      if [ ! -r "$w_place" ]; then h_fail "$w_place cannot be read" path "$w_place"; return 1; fi
      w_digest "$w_place"
      ;;
    esac
    ;;
  *) h_special; w_kind=$h_x ;;
  esac
  w_state="$w_kind|$(printf '%04o' "$s_mode")|$s_uid|$s_gid|$w_content|"
}

# the digest of a file into w_content; where no tool makes one, the best that can be told
w_digest() {
  if h_hash sha256 "$1"; then
    w_content=$h_x
  elif h_has cksum; then
    w_content=$(cksum <"$1")
  else
    w_times "$1"
  fi
}

# when a file was changed, and which one it is: a digest of a short secret would give it away
w_times() {
  w_stat_words
  if [ -n "$w_words" ]; then
    w_content=$(stat $w_flag "$w_moment $w_number $w_size" "$1")
  else
    w_content=$(ls -lid --full-time "$1" 2>/dev/null || ls -lid "$1")
  fi
}

# the words of this node's stat: it tells nanoseconds in times for people, if at all
w_stat_words() {
  [ -z "${w_words+x}" ] || return 0
  [ -n "$h_stat_kind" ] || h_find_stat
  case $h_stat_kind in
  c) w_flag=-c w_moment=%y w_number=%i w_words='%n %f %u %g' w_size=%s ;;
  f) w_flag=-f w_moment=%m w_number=%i w_words='%N %p %u %g' w_size=%z ;;
  *) w_words= ;;
  esac
}

# a digest of all that is below a folder into w_content: names, modes, owners, sizes, times
w_inside() {
  w_stat_words
  h_runs=$((h_runs + 1))
  if [ -n "$w_words" ]; then
    find "$1" ! -type d -exec stat "$w_flag" "$w_words $w_size $w_moment" {} + 2>/dev/null
    find "$1" -type d -exec stat "$w_flag" "$w_words" {} + 2>/dev/null
  else
    find "$1" ! -type d -exec ls -ldn {} + 2>/dev/null
    find "$1" -type d 2>/dev/null
  fi >"$h_t/x.below"
  LC_ALL=C sort "$h_t/x.below" >"$h_t/x.inside"
  if h_hash sha256 "$h_t/x.inside"; then
    w_content=$h_x
  elif h_has cksum; then
    w_content=$(cksum <"$h_t/x.inside")
  else
    w_content=$(cat "$h_t/x.inside")
  fi
}
