# What the node is: the files and the words that facts are made of, which the controller reads as it would its own.

# h_fact NAME TEXT
h_fact() { printf '%s\000%s\000' "$1" "$2" >>"$h_facts"; }

# h_fact_files PATH...: their texts; what is no file only is there
h_fact_files() {
  for h_f; do
    if [ -f "$h_f" ] && [ -r "$h_f" ]; then
      h_fact "$h_f" "$(tr '\000' '\001' <"$h_f" 2>/dev/null)"
    elif [ -e "$h_f" ]; then
      h_fact "$h_f" ''
    fi
  done
}

# the same for files of one line, without another process
h_fact_lines() {
  for h_f; do
    [ -e "$h_f" ] || continue
    h_line=
    [ ! -f "$h_f" ] || IFS= read -r h_line 2>/dev/null <"$h_f"
    h_fact "$h_f" "$h_line"
  done
}

op_facts() {
  h_facts=$h_t/x.facts
  : >"$h_facts"
  h_runs=$((h_runs + 1))
  for h_group; do
    [ "$h_stop$h_ended" = 00 ] || { h_stopped=1; h_fail stopped stopped 1; return; }
    case $h_group in
    platform)
      h_fact_lines /proc/1/comm /run/systemd/system /etc/machine-id /var/lib/dbus/machine-id /sbin/openrc /usr/sbin/openrc /etc/init.d
      h_fact uname "$(uname -s)$h_nl$(uname -n)$h_nl$(uname -r)$h_nl$(uname -v)$h_nl$(uname -m)"
      h_fact fqdn "$(hostname -f 2>/dev/null)"
      h_fact class "$(od -An -tu1 -j4 -N1 "/proc/$h_pid/exe" 2>/dev/null)"
      ;;
    distribution)
      h_fact_files /etc/os-release /usr/lib/os-release
      h_fact_lines /etc/debian_version
      for h_f in $o_managers; do [ ! -e "$h_f" ] || h_fact "$h_f" ''; done
      ;;
    hardware) h_facts_hardware ;;
    network) h_facts_network ;;
    user)
      h_fact status "$(grep -E '^(Uid|Gid):' "/proc/$h_pid/status")"
      h_d=$(id -u)
      h_fact passwd "$(grep "^[^:]*:[^:]*:$h_d:" /etc/passwd || getent passwd "$h_d" 2>/dev/null)"
      ;;
    date_time)
      h_fact local "$(date '+%s|%Y|%m|%A|%w|%W|%d|%H|%M|%S|%Z|%z')"
      ;;
    env) h_fact environ "$(tr '\000' '\001' <"/proc/$h_pid/environ" 2>/dev/null || env | tr '\n' '\001')" ;;
    virtual)
      h_fact_lines /.dockerenv /run/.containerenv /dev/kvm /sys/module/kvm /sys/class/dmi/id/product_name /sys/class/dmi/id/sys_vendor
      h_fact_files /proc/1/environ /proc/1/cgroup /proc/cpuinfo
      ;;
    mounts) h_facts_mounts ;;
    local) h_facts_local || return ;;
    esac
  done
  h_d=$(wc -c <"$h_facts")
  h_result_with "$((h_d))" changed 0
  cat "$h_facts" >&4
}

h_facts_hardware() {
  h_fact_files /proc/cpuinfo /proc/meminfo /proc/device-tree/model /proc/device-tree/serial-number
  h_fact_lines /proc/uptime /proc/loadavg
  for h_d in bios_date bios_vendor bios_version board_name board_serial board_vendor chassis_vendor product_name product_serial \
    product_uuid product_version sys_vendor; do
    h_fact_lines "/sys/class/dmi/id/$h_d"
  done
  h_fact processors "$(nproc 2>/dev/null)"
  set +f
  for h_d in /sys/block/*; do
    [ -e "$h_d" ] || continue
    h_real "$h_d/"
    h_fact "real $h_d/" "$h_x"
    h_fact_lines "$h_d/size" "$h_d/queue/logical_block_size" "$h_d/removable" "$h_d/queue/rotational" "$h_d/device/model" "$h_d/device/vendor"
    for h_s in "$h_d/${h_d##*/}"*; do h_fact_lines "$h_s/partition" "$h_s/start" "$h_s/size"; done
  done
  set -f
}

h_facts_network() {
  set +f
  for h_d in /sys/class/net/*; do
    [ -d "$h_d" ] || continue
    h_fact "$h_d/" ''
    h_fact_lines "$h_d/flags" "$h_d/operstate" "$h_d/mtu" "$h_d/address" "$h_d/bridge" "$h_d/bonding"
  done
  set -f
  h_fact_files /proc/net/if_inet6 /proc/net/route /proc/net/ipv6_route /etc/resolv.conf
  if h_has ip; then h_fact addresses "$(ip addr show 2>/dev/null)"; elif h_has ifconfig; then h_fact ifconfig "$(ifconfig -a 2>/dev/null)"; fi
}

h_facts_mounts() {
  h_fact_files /proc/self/mounts
  h_late=
  ! h_has timeout || h_late='timeout 3'
  while read -r h_device h_mount h_kind h_d; do
    case " $o_unreal " in *" $h_kind "*) continue ;; esac
    case $h_device in /* | *:*) ;; *) continue ;; esac
    h_mount=$(printf '%b' "$(printf '%s' "$h_mount" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')")
    h_fact "room $h_mount" "$($h_late stat -f -c '%s %S %b %a %c %d' "$h_mount" 2>/dev/null)"
  done </proc/self/mounts
  set +f
  for h_d in /dev/disk/by-uuid/*; do
    [ -e "$h_d" ] || continue
    h_real "$h_d"
    h_fact "real $h_d" "$h_x"
  done
  set -f
}

# the node's own files, and what those say that are programs
h_facts_local() {
  h_expand "$o_folder"
  h_facts_of=$h_x
  set +f
  set -- "$h_facts_of"/*.fact
  set -f
  for h_fact_of; do
    [ -e "$h_fact_of" ] || [ -h "$h_fact_of" ] || continue
    case $(ls -ldL "$h_fact_of" 2>/dev/null) in
    '') h_fact "own $h_fact_of" '' && h_fact "wrong $h_fact_of" "$h_fact_of: No such file or directory" ;;
    ???[xs]*) h_facts_said || return ;;
    *) h_fact "own $h_fact_of" "$(tr '\000' '\001' <"$h_fact_of" 2>/dev/null)" ;;
    esac
  done
}

# what a program of facts says
h_facts_said() {
  o_env=0 o_stdin= o_stdin_octal= o_timeout= h_dir=
  h_execute_here "$h_fact_of" || {
    h_fact "own $h_fact_of" ''
    h_fact "wrong $h_fact_of" "cannot start $h_fact_of: $h_r"
    return 0
  }
  h_run_ended
  if [ "$h_killed" = 1 ]; then
    h_stopped=1
    h_fail stopped stopped 1
    return
  fi
  h_fact "own $h_fact_of" "$(tr '\000' '\001' <"$h_out")"
  h_fact "ended $h_fact_of" "$h_rc$h_nl$(tr '\000' '\001' <"$h_err")"
}
