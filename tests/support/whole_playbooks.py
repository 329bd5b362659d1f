"""Playbooks as people write them, that ansible-core and hivectl must do alike.

LAB is the case's own hive of three nodes, LABa, LABb and LABc, of which the last never fails for good; `tree` is a
folder of its own, `me` the node's last letter.
"""

from __future__ import annotations

PLAYBOOKS = {
    "a service with its files, restarted once": """
- hosts: LAB
  vars: {port: 80, folder: "{{ tree }}/{{ me }}"}
  tasks:
    - {name: folder, file: {path: "{{ folder }}/conf.d", state: directory, mode: "0755"}}
    - name: files
      copy: {content: "port={{ port }} {{ item }}\\n", dest: "{{ folder }}/conf.d/{{ item }}.conf", mode: "0644"}
      loop: [main, "{{ me }}"]
      notify: restart
    - {name: again, copy: {content: "port=80 main\\n", dest: "{{ folder }}/conf.d/main.conf"}, notify: never}
    - {name: line, lineinfile: {path: "{{ folder }}/conf.d/main.conf", regexp: "^port", line: port=81}, notify: [restart, tell]}
  handlers:
    - {name: tell, debug: {msg: told}, changed_when: false}
    - {name: restart, shell: "echo restarted >> {{ folder }}/log"}
    - {name: never, shell: "echo never >> {{ folder }}/log"}
""",
    "old habits": """
- hosts: LAB
  become: no
  environment: {X: ""}
  vars: {folder: "{{ tree }}/{{ me }}"}
  tasks:
  - name: action dict
    action:
      module: copy
      content: "{{ me }}"
      dest: "{{ tree }}/{{ me }}-color"
  - action: file path={{ folder }} state=directory
    name: action text
  - name: legacy dict
    shell: echo "{{ item.key }}={{ item.value }}" >> {{ folder }}/dict
    with_dict: { a: 1, b: 2 }
  - name: seq
    file: dest={{ folder }}/{{ item }} state=touch
    with_sequence: start=1 end=3 format=f%02d
  - name: nested
    debug: msg="{{ item[0] }} {{ item[1] }}"
    with_nested: [[a, b], [1, 2]]
  - name: register loop
    command: test -e {{ folder }}/{{ item }}
    with_items: [f01, none]
    register: tests
    ignore_errors: yes
    changed_when: no
  - name: loop on results
    file: path={{ folder }}/{{ item.item }} state=touch
    when: item.rc != 0
    with_items: "{{ tests.results }}"
  - {name: many facts, set_fact: 'a=1 b="{{ 2 }}"'}
  - {name: bare, debug: "msg={{ a }}{{ b }}", when: not tests is success}
  - name: lines
    shell: |
      set -e
      echo one > {{ folder }}/one
    args:
      creates: "{{ folder }}/one"
  - name: hidden
    copy: content={{ a }} dest={{ folder }}/pw mode=u=rw,g=,o=
    no_log: yes
  - {name: mode without quotes, file: {path: "{{ folder }}/pw", mode: 0640}}
  - {name: ports, lineinfile: "dest={{ folder }}/ports regexp='^Listen ' line='Listen 80' create=yes state=present"}
""",
    "a rolling update": """
- hosts: LAB
  serial: [1, "50%"]
  max_fail_percentage: 30
  any_errors_fatal: no
  pre_tasks:
    - name: out of the balancer
      lineinfile: {path: "{{ tree }}/lb", line: "{{ me }} down", create: yes, regexp: "^{{ me }} "}
      delegate_to: localhost
  tasks:
    - block:
        - {name: release, copy: {content: "v2", dest: "{{ tree }}/{{ me }}-version"}, register: rel, notify: restart}
        - name: smoke
          command: grep -q v{{ 3 if me == 'a' else 2 }} {{ tree }}/{{ me }}-version
          changed_when: false
          until: smoke is succeeded
          register: smoke
          retries: 1
          delay: 0
      rescue:
        - {name: why, debug: {var: ansible_failed_task.name}}
        - {name: back, copy: {content: "v1", dest: "{{ tree }}/{{ me }}-version"}}
      always:
        - {name: tried, shell: "echo tried >> {{ tree }}/{{ me }}-log"}
    - meta: flush_handlers
    - {name: behind handlers, shell: "echo behind >> {{ tree }}/{{ me }}-log"}
  post_tasks:
    - name: into the balancer
      lineinfile: {path: "{{ tree }}/lb", line: "{{ me }} up", regexp: "^{{ me }} "}
      delegate_to: localhost
  handlers:
    - {name: restart, shell: "echo restarted >> {{ tree }}/{{ me }}-log"}
""",
    "handlers between tasks that travel together": """
- hosts: LAB
  pre_tasks:
    - {name: first, shell: "echo first >> {{ tree }}/{{ me }}"}
  tasks:
    - {name: notifies, shell: "echo notifies >> {{ tree }}/{{ me }}", notify: [one, two]}
    - {name: looks, command: "true", register: r, changed_when: "'x' in r.stdout or r.rc != 0", notify: never}
    - {name: seen, shell: "echo seen >> {{ tree }}/{{ me }}", when: r.rc == 0}
    - {name: breaks, command: "false", when: me == 'a'}
    - meta: flush_handlers
    - {name: behind, shell: "echo behind >> {{ tree }}/{{ me }}", notify: two}
    - meta: noop
  post_tasks:
    - {name: last, shell: "echo last >> {{ tree }}/{{ me }}"}
  handlers:
    - {name: two, shell: "echo two >> {{ tree }}/{{ me }}"}
    - {name: one, shell: "echo one >> {{ tree }}/{{ me }}"}
    - {name: never, shell: "echo never >> {{ tree }}/{{ me }}"}
""",
    "rescued and always": """
- hosts: LAB
  tasks:
    - block:
        - {name: begins, shell: "echo begins >> {{ tree }}/{{ me }}"}
        - {name: breaks, command: "false", when: me == 'a'}
        - {name: goes on, shell: "echo on >> {{ tree }}/{{ me }}"}
      rescue:
        - {name: why, copy: {content: "{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}", dest: "{{ tree }}/why"}}
        - {name: mends, debug: {msg: mended}}
      always:
        - {name: tidies, shell: "echo tidied >> {{ tree }}/{{ me }}"}
    - {name: after, debug: {msg: after}}
""",
    "a rescue that fails ends its node alone": """
- hosts: LAB
  tasks:
    - block:
        - {name: breaks, fail: {msg: no}, when: me != 'c'}
      rescue:
        - {name: breaks too, fail: {msg: no}, when: me == 'a'}
      always:
        - {name: always, debug: {msg: x}}
    - {name: after, shell: "echo {{ me }} >> {{ tree }}/{{ me }}"}
- hosts: LAB
  tasks:
    - {name: next play, debug: {msg: x}}
""",
    "blocks in blocks": """
- hosts: LAB
  tasks:
    - block:
        - block:
            - {name: inner, fail: {msg: inner}, when: me == 'a'}
          always:
            - {name: inner always, debug: {msg: x}}
        - {name: between, debug: {msg: x}}
      rescue:
        - {name: outer rescue, debug: {msg: x}}
        - block:
            - {name: in the rescue, fail: {msg: again}}
          rescue:
            - {name: rescued again, debug: {msg: x}}
      when: me in ['a', 'b']
      vars: {depth: 1}
    - {name: end, copy: {content: "{{ depth | default('none') }}", dest: "{{ tree }}/{{ me }}"}}
""",
    "tried until it holds": """
- hosts: LAB
  tasks:
    - name: counts
      shell: "echo x >> {{ tree }}/{{ me }}; wc -l < {{ tree }}/{{ me }}"
      register: lines
      until: lines.stdout | int >= 3
      retries: 5
      delay: 0
    - {name: told, copy: {content: "{{ lines.attempts }} {{ lines.stdout }}", dest: "{{ tree }}/{{ me }}.told"}}
    - name: changed if it took several
      shell: "echo x >> {{ tree }}/{{ me }}.several; wc -l < {{ tree }}/{{ me }}.several"
      register: several
      until: several.stdout | int >= (1 if me == 'a' else 2)
      retries: 3
      delay: 0
      changed_when: several.attempts > 1
    - name: never
      command: echo no
      register: r
      until: r.stdout == 'yes'
      retries: 2
      delay: 0
      ignore_errors: true
    - {name: told too, copy: {content: "{{ r.attempts }} {{ r is failed }}", dest: "{{ tree }}/{{ me }}.too"}}
    - name: each item
      shell: "echo {{ item }} >> {{ tree }}/{{ me }}.items; grep -c {{ item }} {{ tree }}/{{ me }}.items"
      loop: [p, q]
      register: r
      until: r.stdout | int == 2
      retries: 4
      delay: 0
    - {name: tries, copy: {content: "{{ r.results | map(attribute='attempts') | list }}", dest: "{{ tree }}/{{ me }}.tries"}}
""",
    "facts made of facts": """
- hosts: LAB
  tasks:
    - {name: first, set_fact: {a: "{{ me }}", b: [1, 2]}}
    - {name: second, set_fact: {c: "{{ b + [a] }}", d: {x: "{{ b | sum }}"}}}
    - {name: third, set_fact: {"e_{{ me }}": "{{ d.x + 1 }}"}}
    - {name: each, set_fact: {all: "{{ all | default([]) + [item * 2] }}"}, loop: "{{ b }}"}
    - {name: kept, set_fact: {k: 1, cacheable: true}}
    - name: told
      copy:
        content: "{{ a }} {{ c }} {{ d }} {{ lookup('vars', 'e_' ~ me) }} {{ all }} {{ k }} {{ (e_a | default(0)) + 1 }}"
        dest: "{{ tree }}/{{ me }}"
- hosts: LAB
  tasks:
    - {name: in the next play, copy: {content: "{{ c }} {{ ansible_facts.k }}", dest: "{{ tree }}/{{ me }}.next"}}
""",
    "what failed and changed is decided": """
- hosts: LAB
  tasks:
    - {name: odd code, command: sh -c 'exit 3', register: r, failed_when: "r.rc not in [0, 3]", changed_when: r.rc == 3}
    - {name: word, shell: echo all is error, register: r, failed_when: "'error' in r.stdout", ignore_errors: true}
    - {name: both, command: echo x, register: r, failed_when: [r.rc == 0, "r.stdout == 'y'"], changed_when: [r.rc == 0, false]}
    - {name: unchanged, command: "true", changed_when: false}
    - {name: changed, debug: {msg: x}, changed_when: true}
    - {name: skipped, command: "true", when: false, register: s}
    - name: told
      copy: {content: "{{ r.failed }} {{ r.changed }} {{ s is skipped }} {{ s.changed }}", dest: "{{ tree }}/{{ me }}"}
    - {name: by item, command: "echo {{ item }}", loop: [1, 2, 3], register: l, changed_when: item == 2, failed_when: item == 3, ignore_errors: true}
    - name: items told
      copy:
        content: "{{ l.results | map(attribute='changed') }} {{ l.results | map(attribute='failed') }} {{ l.changed }} {{ l.failed }}"
        dest: "{{ tree }}/{{ me }}.items"
""",
    "one for all": """
- hosts: LAB
  tasks:
    - {name: once, shell: "echo {{ me }} | tee -a {{ tree }}/once", run_once: true, register: r}
    - {name: all know, copy: {content: "{{ r.stdout }}", dest: "{{ tree }}/{{ me }}"}}
    - {name: fact for all, set_fact: {leader: "{{ inventory_hostname[-1] }}"}, run_once: true}
    - {name: knows, copy: {content: "{{ leader }}", dest: "{{ tree }}/{{ me }}.leader"}}
    - {name: once elsewhere, shell: "echo {{ me }} >> {{ tree }}/elsewhere", run_once: true, delegate_to: LABc}
    - {name: each once, shell: "echo {{ item }} >> {{ tree }}/items", loop: [1, 2], run_once: true}
""",
    "delegated": """
- hosts: LABa,LABb
  strategy: linear
  tasks:
    - {name: there, copy: {content: "{{ me }} for {{ inventory_hostname[-1] }}", dest: "{{ tree }}/{{ me }}.there"}, delegate_to: LABc}
    - {name: here, shell: "echo {{ me }} >> {{ tree }}/here.{{ me }}", delegate_to: localhost}
    - {name: to each, shell: "echo {{ me }} > {{ tree }}/{{ me }}.{{ item[-1] }}", delegate_to: "{{ item }}", loop: "{{ groups['LAB'] }}"}
    - {name: gives, set_fact: {given: "by {{ me }}"}, delegate_to: LABc, delegate_facts: true, when: me == 'a'}
    - {name: has not, copy: {content: "{{ given | default('nothing') }}", dest: "{{ tree }}/{{ me }}.given"}}
- hosts: LABc
  tasks:
    - {name: has, copy: {content: "{{ given }}", dest: "{{ tree }}/c.given"}}
    - {name: as local action, local_action: "shell echo local >> {{ tree }}/local"}
    - {name: of others, copy: {content: "{{ hostvars['LABa'].me }}{{ hostvars.LABb.inventory_hostname[-1] }}", dest: "{{ tree }}/others"}}
""",
    "in turns": """
- hosts: LAB
  serial: 1
  tasks:
    - {name: turn, shell: "echo {{ me }} {{ ansible_play_batch | length }} {{ ansible_play_hosts_all | length }} >> {{ tree }}/turns"}
    - {name: notes, shell: "echo notes {{ me }} >> {{ tree }}/turns", notify: end}
  handlers:
    - {name: end, shell: "echo end {{ me }} >> {{ tree }}/turns"}
- hosts: LAB
  serial: ["50%", 100%]
  order: reverse_inventory
  tasks:
    - {name: batches, shell: "echo {{ ansible_play_batch | join(' ') | replace('LAB', '') }} >> {{ tree }}/batches", run_once: true}
""",
    "handlers that listen, and those flushed early": """
- hosts: LAB
  pre_tasks:
    - {name: before, debug: {msg: x}, changed_when: true, notify: web}
  tasks:
    - {name: changes, debug: {msg: x}, changed_when: "me == 'a'", notify: [web, cache]}
    - {meta: flush_handlers}
    - {name: then, shell: "echo then >> {{ tree }}/{{ me }}"}
    - {name: once more, debug: {msg: x}, changed_when: true, notify: cache}
    - {name: not changed, debug: {msg: x}, notify: unused}
  post_tasks:
    - {name: after, shell: "echo after >> {{ tree }}/{{ me }}"}
  handlers:
    - {name: cache, shell: "echo cache >> {{ tree }}/{{ me }}"}
    - {name: first web, shell: "echo web1 >> {{ tree }}/{{ me }}", listen: web}
    - {name: second web, shell: "echo web2 >> {{ tree }}/{{ me }}", listen: web, when: me != 'b'}
    - {name: unused, shell: "echo unused >> {{ tree }}/{{ me }}"}
""",
    "handlers of a node that fails": """
- hosts: LAB
  tasks:
    - {name: changes, debug: {msg: x}, changed_when: true, notify: H}
    - {name: fails, fail: {msg: no}, when: me == 'a'}
    - {name: after, debug: {msg: x}}
  handlers:
    - {name: H, shell: "echo H >> {{ tree }}/{{ me }}"}
- hosts: LAB
  force_handlers: true
  tasks:
    - {name: changes again, debug: {msg: x}, changed_when: true, notify: F}
    - {name: fails too, fail: {msg: no}, when: me == 'b'}
  handlers:
    - {name: F, shell: "echo F >> {{ tree }}/{{ me }}"}
""",
    "ended early": """
- hosts: LAB
  tasks:
    - {name: first, debug: {msg: x}}
    - {name: meta leaves, meta: end_host, when: me == 'a'}
    - {name: second, shell: "echo second >> {{ tree }}/{{ me }}"}
    - {name: meta all leave, meta: end_play, when: me == 'b'}
    - {name: third, shell: "echo third >> {{ tree }}/{{ me }}"}
- hosts: LAB
  tasks:
    - {name: all are back, debug: {msg: x}}
""",
    "conditions": """
- hosts: LAB
  vars: {active: true, list: [a, b], text: "yes", nothing: null}
  tasks:
    - {name: is true, debug: {msg: x}, when: active}
    - {name: is not, debug: {msg: x}, when: not active}
    - {name: several, debug: {msg: x}, when: [active, me in list, text == 'yes']}
    - {name: undefined, debug: {msg: x}, when: missing is not defined}
    - {name: null, debug: {msg: x}, when: nothing is none}
    - {name: either, debug: {msg: x}, when: me == 'a' or (me == 'b' and active)}
    - {name: bool of text, debug: {msg: x}, when: text | bool}
    - {name: by item, command: "echo {{ item }}", loop: [a, b, c], when: item != me, register: r}
    - {name: of items, copy: {content: "{{ r.results | map(attribute='skipped', default=false) }}", dest: "{{ tree }}/{{ me }}"}}
    - {name: of no items, debug: {msg: x}, loop: []}
    - {name: of a result, debug: {msg: x}, when: r is changed and r is not failed}
""",
    "values of every level": """
- hosts: LAB
  vars: {v: play, w: play, x: play, greeting: "{{ v }}-{{ w }}-{{ x }}"}
  vars_files: ["{{ files }}/vars.yml", ["{{ files }}/none.yml", "{{ files }}/second.yml"]]
  tasks:
    - {name: play, copy: {content: "{{ greeting }} {{ from_file }} {{ second }}", dest: "{{ tree }}/{{ me }}.1"}}
    - block:
        - {name: block, copy: {content: "{{ greeting }}", dest: "{{ tree }}/{{ me }}.2"}}
        - {name: task, copy: {content: "{{ greeting }}", dest: "{{ tree }}/{{ me }}.3"}, vars: {x: task}}
      vars: {w: block, x: block}
    - {name: fact, set_fact: {w: fact}}
    - {name: after, copy: {content: "{{ greeting }}", dest: "{{ tree }}/{{ me }}.4"}, vars: {w: task, x: task}}
    - {name: registered, command: echo r, register: x}
    - {name: at the end, copy: {content: "{{ v }} {{ w }} {{ x.stdout }}", dest: "{{ tree }}/{{ me }}.5"}}
""",
    "defaults of modules": """
- hosts: LAB
  module_defaults: {copy: {mode: "0600"}, ansible.builtin.file: {mode: "0700"}}
  tasks:
    - {name: of the play, copy: {content: x, dest: "{{ tree }}/{{ me }}.1"}}
    - block:
        - {name: of the block, ansible.builtin.copy: {content: x, dest: "{{ tree }}/{{ me }}.2"}}
        - {name: its own, copy: {content: x, dest: "{{ tree }}/{{ me }}.3", mode: "0644"}}
      module_defaults: {copy: {mode: "0640"}}
    - {name: folder, file: {path: "{{ tree }}/{{ me }}.d", state: directory}}
    - {name: of the task, copy: {content: x, dest: "{{ tree }}/{{ me }}.4"}, module_defaults: {copy: {mode: "0660"}}}
""",
    "environments": """
- hosts: LAB
  environment: {A: play, B: play}
  vars: {more: {C: of a variable}}
  tasks:
    - {name: play, shell: "echo $A $B > {{ tree }}/{{ me }}.1"}
    - block:
        - {name: block, shell: "echo $A $B $C > {{ tree }}/{{ me }}.2"}
        - {name: task, shell: "echo $A $B $C > {{ tree }}/{{ me }}.3", environment: {A: "task {{ me }}"}}
      environment: ["{{ more }}", {B: block}]
""",
    "only looked at": """
- hosts: LAB
  tasks:
    - {name: makes, copy: {content: "1\\n", dest: "{{ tree }}/{{ me }}"}}
    - {name: would change, lineinfile: {path: "{{ tree }}/{{ me }}", line: "2"}, check_mode: true, register: r}
    - {name: would not, lineinfile: {path: "{{ tree }}/{{ me }}", line: "1"}, check_mode: true}
    - {name: command is left out, command: touch x, check_mode: true, register: s}
    - {name: said, copy: {content: "{{ r is changed }} {{ s is skipped }} {{ ansible_check_mode }}", dest: "{{ tree }}/{{ me }}.said"}}
    - block:
        - {name: of a block, file: {path: "{{ tree }}/{{ me }}.none", state: touch}}
      check_mode: true
""",
    "loops": """
- hosts: LAB
  vars:
    users: [{name: ann, groups: [x, y]}, {name: bob, groups: []}]
  tasks:
    - {name: mappings, shell: "echo {{ item.name }} {{ item.groups | length }} >> {{ tree }}/{{ me }}", loop: "{{ users }}", loop_control: {label: "{{ item.name }}"}}
    - {name: named, shell: "echo {{ u.name }} {{ at }} >> {{ tree }}/{{ me }}", loop: "{{ users }}", loop_control: {loop_var: u, index_var: at}}
    - {name: of pairs, shell: "echo {{ item.key }}={{ item.value }} >> {{ tree }}/{{ me }}", loop: "{{ {'a': 1, 'b': 2} | dict2items }}"}
    - {name: one fails, command: "test {{ item }} != {{ me }}", loop: [a, b, d], register: r, ignore_errors: true}
    - {name: told, copy: {content: "{{ r.results | selectattr('failed') | map(attribute='item') }} {{ r is failed }}", dest: "{{ tree }}/{{ me }}.failed"}}
    - {name: ends nodes, command: "test {{ item }} != {{ me }}", loop: [a, d]}
    - {name: after, debug: {msg: x}}
""",
    "variables of files, statistics, waiting": """
- hosts: LAB
  vars: {folder: "{{ tree }}/{{ me }}"}
  tasks:
    - {name: folder, file: {path: "{{ folder }}/more", state: directory, mode: "0755"}}
    - name: files
      copy: {content: "colour: {{ item }}\\nsize: {{ item | length }}\\n", dest: "{{ folder }}/more/{{ item }}.yml", mode: "0644"}
      loop: [red, white]
    - {name: there, wait_for_connection: {timeout: 20, sleep: 1}, register: there}
    - {name: one file, include_vars: {file: "{{ folder }}/more/red.yml", name: red}}
    - {name: a folder, include_vars: {dir: "{{ folder }}/more", extensions: [yml], files_matching: "^w"}}
    - {name: free form, include_vars: "{{ folder }}/more/red.yml", when: me == 'a'}
    - {name: not there, include_vars: {file: "{{ folder }}/none.yml"}, ignore_errors: true, register: gone}
    - {name: a moment, pause: {seconds: 1}}
    - {name: counted, set_stats: {data: {colours: 2}, aggregate: true}, register: counted}
    - name: kept
      copy:
        content: "{{ red.colour }} {{ colour }} {{ size }} {{ there is changed }} {{ gone is failed }} {{ counted is changed }}"
        dest: "{{ folder }}/kept"
        mode: "0644"
""",
    "ignored": """
- hosts: LAB
  tasks:
    - {name: may fail, command: "false", ignore_errors: true, register: r}
    - {name: after, copy: {content: "{{ r is failed }} {{ r.rc }} {{ r is succeeded }}", dest: "{{ tree }}/{{ me }}"}}
    - {name: may by template, command: "false", ignore_errors: "{{ me != 'a' }}"}
    - {name: undefined, debug: {msg: "{{ nothing_here }}"}, ignore_errors: true, when: me == 'b', vars: {nothing_here: "{{ {}.x }}"}}
    - {name: end, debug: {msg: x}}
""",
    "asserted": """
- hosts: LAB
  tasks:
    - {name: holds, assert: {that: [1 == 1, "me is match('[abc]')"]}}
    - {name: breaks, assert: {that: me != 'a', fail_msg: "not {{ me }}"}, register: r, ignore_errors: true}
    - {name: told, copy: {content: "{{ r.msg }}", dest: "{{ tree }}/{{ me }}"}}
    - {name: ends, assert: {that: ["me != 'b'"], quiet: true}}
    - {name: after, debug: {msg: x}}
""",
    "action forms": """
- hosts: LAB
  tasks:
    - {name: text, action: "copy content=x dest={{ tree }}/{{ me }}.1"}
    - {name: mapping, action: {module: copy, content: y, dest: "{{ tree }}/{{ me }}.2"}}
    - {name: free, action: "shell echo a=b > {{ tree }}/{{ me }}.3"}
    - name: args
      command: cat -
      args: {stdin: "from args"}
      register: r
    - {name: told, copy: "content='{{ r.stdout }}' dest={{ tree }}/{{ me }}.4"}
""",
    "asked of others, and of themselves": """
- hosts: LAB
  strategy: linear
  tasks:
    - {name: own, command: "echo {{ me }}", register: said}
    - name: of all
      copy:
        content: "{{ groups['LAB'] | map('extract', hostvars, ['said', 'stdout']) | join }} {{ group_names }} {{ inventory_hostname_short[-1] }}"
        dest: "{{ tree }}/{{ me }}"
    - {name: magic, copy: {content: "{{ ansible_play_hosts | length }} {{ ansible_check_mode }} {{ ansible_diff_mode }} {{ ansible_run_tags }} {{ ansible_version.major }}", dest: "{{ tree }}/{{ me }}.magic"}}
    - {name: leaves, fail: {msg: no}, when: me == 'b'}
    - {name: left, copy: {content: "{{ ansible_play_hosts | map('last') | list }} {{ ansible_play_hosts_all | length }}", dest: "{{ tree }}/{{ me }}.left"}}
""",
    "fatal for all": """
- hosts: LAB
  tasks:
    - block:
        - {name: fatal, fail: {msg: no}, when: me == 'a', any_errors_fatal: true}
        - {name: not reached, debug: {msg: x}}
      rescue:
        - {name: rescued, debug: {msg: x}}
    - {name: after, debug: {msg: x}}
""",
}

# with options of the command line
TAGGED = {
    "by tags": """
- hosts: LAB
  tasks:
    - {name: tagged, debug: {msg: x}, tags: go}
    - {name: other, debug: {msg: x}, tags: [other]}
    - {name: untagged, debug: {msg: x}}
    - {name: always, debug: {msg: x}, tags: always}
    - {name: never, debug: {msg: x}, tags: never}
    - {name: never but go, debug: {msg: x}, tags: [never, go]}
    - {name: left out, debug: {msg: x}, tags: [go, not]}
    - block:
        - {name: of a block, debug: {msg: x}, changed_when: true, notify: H}
        - {name: of both, debug: {msg: x}, tags: not}
      tags: go
  handlers:
    - {name: H, debug: {msg: x}}
""",
}
CHECKED = {
    "under --check": """
- hosts: LAB
  tasks:
    - {name: would make, copy: {content: x, dest: "{{ tree }}/{{ me }}"}, register: r, notify: H}
    - {name: left out, command: touch x, register: s}
    - {name: looks all the same, command: echo looked, check_mode: false, changed_when: false, register: t}
    - {name: told, copy: {content: "{{ ansible_check_mode }} {{ r is changed }} {{ s is skipped }} {{ t.stdout }}", dest: "{{ tree }}/{{ me }}.said"}, check_mode: false}
    - {name: facts, set_fact: {x: 1}}
    - {name: there is none, stat: {path: "{{ tree }}/{{ me }}"}, register: u}
    - {name: says so, debug: {msg: x}, when: not u.stat.exists}
  handlers:
    - {name: H, file: {path: "{{ tree }}/h", state: touch}}
""",
}
