# `.hivelock` in the login's home: who may change this node, and what was in flight. The same file as helper/node/lock.py
# writes: one line of JSON, replaced by rename; strings stay as JSON has them.

j_path= j_seen=- j_flock= j_accepted=

# find the login's home, also when sudo made us another user
h_lock_find() {
  [ -z "$j_path" ] || return 0
  j_home=${HOME-} j_uid= j_gid=
  case ${SUDO_UID-} in
  '' | *[!0-9]*) ;;
  *)
    j_home=
    while IFS=: read -r h_n h_d1 h_u h_g h_d2 h_home h_d3; do
      [ "$h_u" != "$SUDO_UID" ] || { j_home=$h_home j_uid=$h_u j_gid=$h_g; break; }
    done </etc/passwd
    if [ -z "$j_home" ] && h_has getent; then
      h_d=$(getent passwd "$SUDO_UID") || h_d=
      j_home=$(printf '%s' "$h_d" | cut -d: -f6) j_uid=$SUDO_UID j_gid=$(printf '%s' "$h_d" | cut -d: -f4)
    fi
    ;;
  esac
  if [ -z "$j_home" ]; then
    h_unusable "there is no home directory for user id ${SUDO_UID:-$(id -u)}"
    return 1
  fi
  j_path=${j_home%/}/.hivelock j_boot=
  read -r j_boot 2>/dev/null </proc/sys/kernel/random/boot_id
  if h_has flock; then j_flock=flock; else j_flock=ln; fi
  # a pid and when it began (proc_pid_stat(5), field 22) name this process
  h_birth "$h_pid"
  j_me="[$h_pid,$h_x]"
}

# when a process began into h_x, 0 when it is gone
h_birth() {
  h_x=0
  IFS= read -r h_d 2>/dev/null <"/proc/$1/stat" || return 0
  h_d=${h_d##*) }
  case $h_d in [ZX]*) return 0 ;; esac
  h_n=19
  while [ "$h_n" -gt 0 ]; do h_d=${h_d#* } h_n=$((h_n - 1)); done
  h_x=${h_d%% *}
}

h_unusable() {
  h_over=1
  if [ "$h_busy" = 1 ]; then h_send unusable "$h_i" msg "$1"; else j_answer="unusable"; j_said=$1; fi
  return 1
}

# h_fenced WHY: the controller puts it into words, with what the file says
h_fenced() {
  h_over=1
  if [ "$h_busy" = 1 ]; then h_send fenced "$h_i" why "$1" path "$j_path" owner "$j_owner" token "$j_token" until "$j_until"; else j_answer=fenced j_said=$1; fi
  return 1
}

# j_take TEXT: the value at its start into j_value, the rest into j_rest
j_take() {
  j_rest=$1 j_depth=0 j_value=
  while :; do
    case $j_rest in
    '"'*)
      # to the quote that no backslash hides
      j_rest=${j_rest#?} j_value=$j_value'"'
      while :; do
        j_part=${j_rest%%[\"\\]*}
        j_value=$j_value$j_part j_rest=${j_rest#"$j_part"}
        case $j_rest in
        '"'*) j_value=$j_value'"' j_rest=${j_rest#?}; break ;;
        '') return 1 ;;
        *) j_part=${j_rest%"${j_rest#??}"} j_value=$j_value$j_part j_rest=${j_rest#??} ;;
        esac
      done
      ;;
    [\{\[]*) j_value=$j_value${j_rest%"${j_rest#?}"} j_rest=${j_rest#?} j_depth=$((j_depth + 1)) ;;
    [\}\]]*)
      [ "$j_depth" -gt 0 ] || return 0
      j_value=$j_value${j_rest%"${j_rest#?}"} j_rest=${j_rest#?} j_depth=$((j_depth - 1))
      ;;
    '') return 1 ;;
    ,*)
      [ "$j_depth" -gt 0 ] || return 0
      j_value=$j_value, j_rest=${j_rest#?}
      ;;
    *)
      j_part=${j_rest%%[\"\{\[\}\],]*}
      j_value=$j_value$j_part j_rest=${j_rest#"$j_part"}
      ;;
    esac
    [ "$j_depth" -gt 0 ] || case $j_value in '') ;; *) return 0 ;; esac
  done
}

j_skip() { while :; do case $1 in ' '* | "$h_tab"*) set -- "${1#?}" ;; *) break ;; esac; done; j_rest=$1; }

# the file's line into j_*; fails where it was not written by hivectl
h_lock_parse() {
  j_version= j_store= j_token= j_owner='""' j_file_boot= j_expires= j_ttl=0 j_until='""' j_returned=false j_progress=null j_earlier='[]' j_by=null
  j_skip "$1"
  case $j_rest in '{'*) j_rest=${j_rest#?} ;; *) return 1 ;; esac
  while :; do
    j_skip "$j_rest"
    case $j_rest in
    ,*) j_rest=${j_rest#?}; continue ;;
    '}'*) break ;;
    '"'*) ;;
    *) return 1 ;;
    esac
    j_rest=${j_rest#?}
    j_name=${j_rest%%\"*}
    j_skip "${j_rest#"$j_name"\"}"
    case $j_rest in :*) ;; *) return 1 ;; esac
    j_skip "${j_rest#:}"
    j_take "$j_rest" || return 1
    case $j_name in
    version) j_version=$j_value ;; store) j_store=$j_value ;; token) j_token=$j_value ;; owner) j_owner=$j_value ;;
    boot) j_file_boot=$j_value ;; expires) j_expires=$j_value ;; time_to_live) j_ttl=$j_value ;; until) j_until=$j_value ;;
    returned) j_returned=$j_value ;; progress) j_progress=$j_value ;; earlier) j_earlier=$j_value ;; by) j_by=$j_value ;;
    esac
  done
  [ "$j_version" = 1 ] || return 1
  case $j_store in '"'*) ;; *) return 1 ;; esac
  case $j_token in '' | *[!0-9-]*) return 1 ;; esac
  case $j_expires in [0-9-]*) ;; *) return 1 ;; esac
}

# h_past HUNDREDTHS SECONDS: whether that many seconds, as JSON writes them, are past
h_past() {
  case $2 in
  -* | *e-* | *E-*) return 0 ;;
  *[eE]*) return 1 ;;
  *.*)
    h_d=${2#*.}00
    h_d=${h_d%"${h_d#??}"} h_n=${2%.*}
    [ ${#h_n} -lt 16 ] && [ "$1" -ge $((h_n * 100 + 1$h_d - 100)) ]
    ;;
  *) [ ${#2} -lt 16 ] && [ "$1" -ge $(($2 * 100)) ] ;;
  esac
}

# whether the claim f_* may have the node, by what the file says
h_lock_judge() {
  [ "$j_store" != '""' ] || return 0
  if [ "$j_store" = "$f_store" ]; then
    [ "$f_token" -lt "$j_token" ] || return 0
    h_fenced older
    return 1
  fi
  if [ "$j_accepted" = "$f_store $f_token" ]; then
    h_fenced ended
    return 1
  fi
  [ "$j_returned" != true ] || return 0
  h_clock
  if [ "$j_file_boot" = "\"$j_boot\"" ]; then h_d=$j_expires; else h_d=$j_ttl; fi
  h_past "$h_cs" "$h_d" && return 0
  h_fenced held
}

# hold the file: nobody else writes it until h_lock_release; what it says is in j_*
h_lock_hold() {
  h_lock_find || return 1
  j_tries=0
  while :; do
    if [ -L "$j_path" ]; then h_unusable "$j_path cannot be used: Too many levels of symbolic links"; return 1; fi
    if [ ! -e "$j_path" ]; then h_lock_create || return 1; fi
    if [ "$j_flock" = flock ]; then
      { exec 9<"$j_path"; } 2>/dev/null || { h_unusable "$j_path cannot be used: Permission denied"; return 1; }
      flock 9
      [ ! "/proc/$h_pid/fd/9" -ef "$j_path" ] || break
      exec 9<&-
    else
      h_lock_by_link || return 1
      break
    fi
  done
  j_line=
  IFS= read -r j_line <"$j_path"
  # what was read or written last has been understood
  if [ "$j_line" = "$j_seen" ] || h_lock_parse "$j_line"; then j_seen=$j_line; return 0; fi
  h_lock_release
  h_fenced unknown
}

# without flock(1): who makes the link has it; one whose process is gone is taken away
h_lock_by_link() {
  printf '%s\n' "$h_pid" >"$j_path.$h_pid" 2>/dev/null || { h_unusable "$j_path cannot be used: Permission denied"; return 1; }
  while ! ln "$j_path.$h_pid" "$j_path.held" 2>/dev/null; do
    j_tries=$((j_tries + 1))
    j_holder=
    read -r j_holder 2>/dev/null <"$j_path.held"
    [ -z "$j_holder" ] || [ -d "/proc/$j_holder" ] || rm -f "$j_path.held"
    if [ "$j_tries" -gt 200 ]; then
      rm -f "$j_path.$h_pid"
      h_unusable "$j_path cannot be used: process $j_holder holds it"
      return 1
    fi
    h_sleep 0.02
  done
  rm -f "$j_path.$h_pid"
}

h_lock_release() {
  if [ "$j_flock" = flock ]; then exec 9<&-; else rm -f "$j_path.held"; fi
}

# a file that claims nothing, unless another made one meanwhile
h_lock_create() {
  h_lock_temporary '{"version":1,"store":"","token":0,"expires":0,"owner":"","returned":true}' || return 1
  ln "$j_temporary" "$j_path" 2>/dev/null || [ -e "$j_path" ] || mv -f "$j_temporary" "$j_path"
  rm -f "$j_temporary"
}

h_lock_temporary() {
  j_temporary=$j_path.$h_pid.new
  # of a process with our number that was killed
  [ ! -e "$j_temporary" ] && [ ! -L "$j_temporary" ] || rm -f "$j_temporary"
  umask 077
  set -C
  { printf '%s\n' "$1" >"$j_temporary"; } 2>|"$h_t/e"
  h_d=$?
  set +C
  umask "$h_umask"
  if [ "$h_d" != 0 ]; then
    h_reason
    h_unusable "$j_path cannot be used: $h_r"
    return 1
  fi
  if [ -n "$j_uid" ] && [ ! -O "$j_home" ]; then chown "$j_uid:$j_gid" "$j_temporary" 2>/dev/null; fi
}

# j_* into the file
h_lock_write() {
  j_line="{\"version\":1,\"store\":$j_store,\"token\":$j_token,\"owner\":$j_owner,\"boot\":$j_file_boot,\"expires\":$j_expires,\"time_to_live\":$j_ttl,\"until\":$j_until,\"returned\":$j_returned,\"progress\":$j_progress,\"earlier\":$j_earlier,\"by\":$j_by}"
  h_lock_temporary "$j_line" || return 1
  mv -f "$j_temporary" "$j_path" 2>"$h_t/e" || { h_reason; rm -f "$j_temporary"; h_unusable "$j_path cannot be used: $h_r"; return 1; }
  j_seen=$j_line
}

# the claim f_* into j_*
h_lock_claim() {
  j_store=$f_store j_token=$f_token j_owner=$f_owner j_ttl=$f_ttl j_returned=false
  h_clock
  h_d=$((h_cs + f_ttl_cs))
  h_n=$((h_d % 100))
  [ "$h_n" -ge 10 ] || h_n=0$h_n
  j_expires=$((h_d / 100)).$h_n
  h_until $((h_epoch + (h_d - h_epoch_cs) / 100))
}

# h_until SECONDS: for people, the time in UTC into j_until (days to a date: Howard Hinnant's civil_from_days)
h_until() {
  h_d=$(($1 / 86400 + 719468)) h_s=$(($1 % 86400))
  h_e=$((h_d / 146097)) h_d=$((h_d % 146097))
  h_y=$(((h_d - h_d / 1460 + h_d / 36524 - h_d / 146096) / 365))
  h_d=$((h_d - (365 * h_y + h_y / 4 - h_y / 100)))
  h_m=$(((5 * h_d + 2) / 153)) h_d=$((h_d - (153 * ((5 * h_d + 2) / 153) + 2) / 5 + 1))
  h_y=$((h_y + h_e * 400))
  if [ "$h_m" -lt 10 ]; then h_m=$((h_m + 3)); else h_m=$((h_m - 9)) h_y=$((h_y + 1)); fi
  h_z=$((100 + h_m)) j_until="\"$h_y-${h_z#1}"
  h_z=$((100 + h_d)) j_until="$j_until-${h_z#1}T"
  h_z=$((100 + h_s / 3600)) j_until="$j_until${h_z#1}:"
  h_z=$((100 + h_s / 60 % 60)) j_until="$j_until${h_z#1}:"
  h_z=$((100 + h_s % 60)) j_until="$j_until${h_z#1}Z\""
}

# h_claim STORE TOKEN OWNER TTL TTL_IN_HUNDREDTHS: whose fence the next ones are
h_claim() { f_store=$1 f_token=$2 f_owner=$3 f_ttl=$4 f_ttl_cs=$5; }

# take the node over, or renew the claim
h_accept() {
  h_lock_hold || return 1
  if ! h_lock_judge; then
    h_lock_release
    return 1
  fi
  # what was in flight is kept: whoever resumes that run comes with a new token
  [ "$j_file_boot" = "\"$j_boot\"" ] || j_by=null
  j_file_boot="\"$j_boot\""
  h_lock_claim
  h_lock_write
  h_d=$?
  h_lock_release
  j_accepted="$f_store $f_token"
  return "$h_d"
}

h_fence() {
  h_fence=1 h_i=0
  h_accept || { h_over=1; return 0; }
  h_start_beat "$1"
}

h_renew() {
  h_was_over=$h_over h_was_busy=$h_busy
  h_busy=0
  h_accept
  # a loss is said before the next item
  h_over=$h_was_over h_busy=$h_was_busy
}

# before each item; one look at the file when nothing happened
h_lock_check() {
  j_line=
  IFS= read -r j_line 2>/dev/null <"$j_path"
  [ "$j_line" != "$j_seen" ] || return 0
  h_lock_hold || return 1
  if ! h_lock_judge; then
    h_lock_release
    return 1
  fi
  h_d=0
  if [ "$j_token" != "$f_token" ] || [ "$j_returned" = true ]; then
    h_lock_claim
    h_lock_write
    h_d=$?
  fi
  h_lock_release
  return "$h_d"
}

# h_lock_record ENDED RC: what is in flight, or how it ended
h_lock_record() {
  h_lock_hold || return 1
  h_record "$h_run_json" "$h_key" "$1" "$2"
  h_d=$?
  h_lock_release
  return "$h_d"
}

h_record() {
  j_new="{\"run\":$1,\"key\":$2,\"ended\":$3,\"rc\":$4}"
  if ! h_lock_judge; then
    if [ "$3" = true ] && [ "$j_progress" = "{\"run\":$1,\"key\":$2,\"ended\":false,\"rc\":null}" ]; then
      # whoever resumes the run has a newer claim, and wants to know how this ended
      j_progress=$j_new
      h_lock_write
    fi
    return 1
  fi
  case $j_progress in "{\"run\":$1,"*) ;; *) h_lock_earlier "$1" ;; esac
  j_progress=$j_new j_by=$j_me
  [ "$3" = false ] || j_by=null
  if [ "$j_store" != "$f_store" ] || [ "$j_token" != "$f_token" ]; then
    j_file_boot="\"$j_boot\""
    h_lock_claim
  fi
  h_lock_write
}

# what is remembered of other runs than $1, the latest first
h_lock_earlier() {
  j_all= j_n=0
  [ "$j_progress" = null ] || { j_all=$j_progress j_n=1; }
  j_list=${j_earlier#?}
  while [ "$j_n" -lt 15 ]; do
    j_skip "$j_list"
    case $j_rest in ,*) j_list=${j_rest#?}; continue ;; '{'*) ;; *) break ;; esac
    j_take "$j_rest" || break
    j_list=$j_rest
    case $j_value in *"\"run\":$1,"* | *"\"run\": $1,"*) continue ;; esac
    j_all=${j_all:+$j_all,}$j_value j_n=$((j_n + 1))
  done
  j_earlier="[$j_all]"
}

# the frames accept, record, unlock and progress: h_about_lock ACTION ARGUMENT...
h_about_lock() {
  j_answer= j_said= h_i=0
  case $1 in
  accept) h_accept ;;
  record)
    if h_lock_hold; then
      h_record "$2" "$3" "$4" "$5"
      h_lock_release
    fi
    ;;
  unlock)
    if h_lock_hold; then
      if [ "$j_store" = "$f_store" ] && [ "$j_token" -le "$f_token" ]; then
        j_token=$f_token j_returned=true
        h_lock_write
      fi
      h_lock_release
    fi
    ;;
  progress)
    if h_lock_find && [ -e "$j_path" ]; then
      j_line=
      if ! [ -r "$j_path" ]; then
        h_unusable "$j_path cannot be used: Permission denied"
      elif IFS= read -r j_line <"$j_path"; h_lock_parse "$j_line"; then
        h_x=0
        case $j_by in
        '['*)
          h_d=${j_by#?}
          h_birth "${h_d%%,*}"
          ;;
        esac
        h_n=0
        [ "$j_file_boot" != "\"$j_boot\"" ] || h_n=1
        h_send answer 0 progress "$j_progress" earlier "$j_earlier" by "$j_by" birth "$h_x" same_boot "$h_n"
        return
      else
        h_fenced unknown
      fi
    fi
    ;;
  esac
  case $j_answer in
  '') h_send answer 0 ;;
  unusable) h_send answer 0 unusable "$j_said" ;;
  *) h_send answer 0 why "$j_said" path "$j_path" owner "$j_owner" token "$j_token" until "$j_until" ;;
  esac
}
