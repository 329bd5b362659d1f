# Edits: the controller, which knows Python's regular expressions, makes the new text; here it is put in place,
# if the file is still as it was when the controller saw it.

op_edit() {
  h_guard= h_backup=
  h_expand "$o_path"
  h_bare "$h_x"
  h_path=$h_x
  h_pretended "$h_path"
  if [ -z "$h_k" ] && [ -d "$h_path" ]; then h_fail "Path $h_path is a directory !" rc 256 path "$h_path"; return; fi
  if [ "$h_k" = absent ] || { [ -z "$h_k" ] && [ ! -e "$h_path" ]; }; then
    if [ "$o_create" = 0 ] || [ "$o_absent" = 1 ]; then
      h_failed=1
      h_result without 1 path "$h_path"
      return
    fi
    h_folder "$h_path"
    h_make_folders "$h_x" 0 || return
    o_follow=1
    h_target || return
    h_size=0
    h_new_file=1
  else
    o_follow=1
    h_target || return
    if [ "$t_pretended" = 1 ]; then
      h_result changed 1 path "$t_path" pretended 1
      return
    fi
    h_new_file=0
    h_guard=$h_t/x.edit
    h_runs=$((h_runs + 1))
    head -c 67108865 "$t_path" >"$h_guard" 2>"$h_t/e" || { h_reason; h_fail "$t_path cannot be read: $h_r" path "$t_path"; return; }
    h_size=$(wc -c <"$h_guard")
    h_size=$((h_size))
    if [ "$h_size" -gt 67108864 ]; then
      h_fail "$t_path is larger than the 67108864 bytes that can be edited" path "$t_path"
      return
    fi
  fi
  h_send_with "$h_size" ask "$h_i" path "$t_path" new "$h_new_file"
  [ "$h_size" = 0 ] || cat "$h_guard" >&4
  # the answer sets h_verdict (fail, same, change) and the new content
  h_verdict= o_at=
  if ! h_next; then
    h_stopped=1
    h_fail stopped stopped 1
    return
  fi
  h_more=${h_line#* } h_code=$(h_get "${h_line% *}" <&5)
  eval "$h_code"
  if [ "$h_more" != 0 ]; then
    h_get "$h_more" <&5 >"$h_t/data.edit"
  fi
  case $h_verdict in
  change) ;;
  same) h_wanted "$t_path" || return; h_edit_attributes 0; return ;;
  *)
    h_failed=1
    h_result refused 1 path "$t_path"
    return
    ;;
  esac
  h_wanted "$t_path" || return
  if [ "$h_check" = 1 ]; then
    [ "$h_new_file" = 0 ] || h_would "$t_path" file
    h_edit_attributes 1
    return
  fi
  set -- changed 1 path "$t_path"
  if [ "$o_backup" = 1 ] && [ "$h_new_file" = 0 ]; then
    h_back_up "$t_path" || return
    set -- "$@" backup "$h_backup" backup_file "$h_backup"
  fi
  if ! h_temporary_for "$t_path"; then h_take_back; return; fi
  if [ "$h_more" != 0 ]; then
    (trap '' 25; cat "$h_t/data.edit" >>"$h_temporary") 2>"$h_t/e"
  else
    h_body "$h_temporary"
  fi || { h_write_failure "$t_path"; rm -f "$h_temporary"; h_take_back; return; }
  h_put || { h_take_back; return; }
  h_result "$@"
}

# the result where the text is, or in a check would be, as wanted
h_edit_attributes() {
  h_changed=$1
  h_apply "$t_path" || return
  h_d=0
  [ -z "$h_after" ] || h_changed=1 h_d=1
  h_result changed "$h_changed" path "$t_path" attributes "$h_d" before "$h_before" after "$h_after"
}
