# Waiting on the node until a port, a path or a text is there, or gone. What a regular expression says is the controller's.

# h_pause HUNDREDTHS: fails when the controller wants no more
h_pause() {
  h_clock
  h_until=$((h_cs + $1))
  while :; do
    [ "$h_stop$h_ended" = 00 ] || return 1
    h_beat
    h_clock
    h_left=$((h_until - h_cs))
    [ "$h_left" -gt 0 ] || return 0
    # no longer, so that a signal which comes just before the wait is not overheard for long
    [ "$h_left" -le 300 ] || h_left=300
    h_n=$((100 + h_left % 100)) h_sig=0
    sleep "$((h_left / 100)).${h_n#1}" 2>/dev/null &
    h_s=$!
    wait "$h_s" && continue
    if [ "$h_sig" = 1 ]; then kill "$h_s" 2>/dev/null; else sleep 1; fi
  done
}

# h_ask_whether FILE: let the controller look at a text; its verdict into w_met. Fails when it wants no more
h_ask_whether() {
  h_size=$(wc -c <"$1")
  h_size=$((h_size)) w_met=0
  h_send_with "$h_size" ask "$h_i"
  [ "$h_size" = 0 ] || cat "$1" >&4
  h_next || return 1
  h_code=$(h_get "${h_line% *}" <&5)
  eval "$h_code"
}

op_wait() {
  h_path= h_runs=$((h_runs + 1))
  if [ -n "$o_path" ]; then
    h_expand "$o_path"
    h_path=$h_x
  fi
  h_clock
  w_end=$((h_cs + o_patience))
  if [ -z "$h_path$o_port" ]; then
    h_pause "$o_patience" || { h_wait_left; return; }
    h_result met 1
    return
  fi
  h_pause "$o_delay" || { h_wait_left; return; }
  while :; do
    h_wait_look || return
    case $o_state in stopped | absent) w_met=$((1 - w_met)) ;; esac
    if [ "$w_met" = 1 ]; then
      h_about=
      [ -z "$h_path" ] || { [ -e "$h_path" ] && h_describe "$h_path"; }
      h_result met 1 path "$h_path" about "$h_about"
      return
    fi
    h_clock
    h_left=$((w_end - h_cs))
    if [ "$h_left" -le 0 ]; then
      h_failed=1
      h_result met 0 path "$h_path"
      return
    fi
    [ "$h_left" -le "$o_interval" ] || h_left=$o_interval
    h_pause "$h_left" || { h_wait_left; return; }
  done
}

h_wait_left() {
  h_stopped=1
  h_fail stopped stopped 1
}

# whether it is there into w_met; fails with its result
h_wait_look() {
  w_met=0
  if [ "$o_state" = drained ]; then
    h_hex "$o_port"
    grep -h ":$h_x " /proc/net/tcp /proc/net/tcp6 >"$h_t/x.wait" 2>/dev/null
    h_ask_whether "$h_t/x.wait" || { h_wait_left; return 1; }
  elif [ -n "$h_path" ]; then
    [ -e "$h_path" ] || return 0
    if [ "$o_regex" = 0 ]; then
      w_met=1
      return 0
    fi
    head -c 16777216 "$h_path" >"$h_t/x.wait" 2>"$h_t/e" || { h_reason; h_fail "$h_path cannot be read: $h_r" path "$h_path"; return 1; }
    # the same as before is not sent again
    if [ -e "$h_t/x.asked.$h_i" ] && cmp -s "$h_t/x.wait" "$h_t/x.asked.$h_i"; then return 0; fi
    mv -f "$h_t/x.wait" "$h_t/x.asked.$h_i"
    h_ask_whether "$h_t/x.asked.$h_i" || { h_wait_left; return 1; }
  elif [ "$o_regex" = 1 ] && case $o_state in started | present) ;; *) false ;; esac then
    h_wait_said
  else
    h_port_open
  fi
}

# a port's number as /proc/net/tcp writes it into h_x
h_hex() {
  h_n=$1 h_x=
  for h_d in 1 2 3 4; do
    h_v=$((h_n & 15)) h_n=$((h_n >> 4))
    case $h_v in 10) h_v=A ;; 11) h_v=B ;; 12) h_v=C ;; 13) h_v=D ;; 14) h_v=E ;; 15) h_v=F ;; esac
    h_x=$h_v$h_x
  done
}

# whether somebody listens there into w_met: on this node by what the kernel says, elsewhere by connecting
h_port_open() {
  case $o_host in
  127.* | localhost | ::1)
    if [ -r /proc/net/tcp ]; then
      h_hex "$o_port"
      for h_d in /proc/net/tcp /proc/net/tcp6; do
        while read -r h_n h_local h_s h_v h_line; do
          case $h_v:$h_local in
          0A:00000000:"$h_x" | 0A:??????7F:"$h_x" | 0A:7F??????:"$h_x" | 0A:00000000000000000000000000000000:"$h_x" | \
            0A:00000000000000000000000001000000:"$h_x" | 0A:*FFFF0000????????:"$h_x" | 0A:*0000FFFF????????:"$h_x")
            w_met=1
            return 0
            ;;
          esac
        done 2>/dev/null <"$h_d"
      done
      return 0
    fi
    ;;
  esac
  h_connect "$h_t/x.said" || return 1
  wait "$h_child" && w_met=1
  return 0
}

# h_connect FILE: connect in the background, what is said there into FILE; h_child ends with 0 if somebody was there
h_connect() {
  h_d=$(((o_ctimeout + 99) / 100))
  h_never=/dev/null
  [ ! -p "$h_t/never" ] || h_never=$h_t/never
  if h_has nc; then
    case $(nc -h 2>&1) in *-z*) h_z=-z ;; *) h_z= ;; esac
    [ "$o_regex" = 0 ] || h_z=
    (exec 4>&- 5<&- <"$h_never" >"$1" 2>/dev/null; exec nc $h_z -w "$h_d" "$o_host" "$o_port") &
  elif h_has bash; then
    (exec 4>&- 5<&- >"$1" 2>/dev/null; exec bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1; [ "$2" = 0 ] || cat <&3' "$o_host" "$o_port" "$o_regex") &
  else
    h_fail "this node has neither Python, nc nor bash: nothing can connect to $o_host:$o_port"
    return 1
  fi
  h_child=$!
}

# whether the other side says what is wanted, before it closes or the time is up
h_wait_said() {
  # an input that never ends
  if [ ! -p "$h_t/never" ]; then mkfifo "$h_t/never"; exec 6<>"$h_t/never"; fi
  h_connect "$h_t/x.said" || return 1
  h_asked=0 w_gone=0
  h_clock
  h_until_said=$((h_cs + o_ctimeout))
  while :; do
    h_birth "$h_child"
    [ "$h_x" != 0 ] || w_gone=1
    if [ -s "$h_t/x.said" ] && ! cmp -s "$h_t/x.said" "$h_t/x.before"; then
      head -c 16777216 "$h_t/x.said" >"$h_t/x.before"
      h_ask_whether "$h_t/x.before" || { kill "$h_child" 2>/dev/null; h_wait_left; return 1; }
    fi
    h_clock
    [ "$w_met$w_gone" = 00 ] && [ "$h_cs" -lt "$h_until_said" ] && [ "$h_cs" -lt "$w_end" ] || break
    h_pause 5 || { kill "$h_child" 2>/dev/null; h_wait_left; return 1; }
  done
  kill "$h_child" 2>/dev/null
  wait "$h_child" 2>/dev/null
  return 0
}
