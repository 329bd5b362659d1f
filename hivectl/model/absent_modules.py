"""Modules that Ansible's users often have and hivectl has not, with what to write instead."""

from __future__ import annotations

_COMMAND = "write `command:` with `creates:` or `changed_when:`"
_PACKAGES = "write `package:`, or `apt:` on Debian"

ABSENT_MODULES = {
    # ansible.builtin
    "add_host": "write the node into the inventory, which lists all; `when:` leaves it out where it is not wanted",
    "apt_key": "write `get_url:` or `copy:` into /etc/apt/keyrings, and `signed-by=` in the source's line",
    "apt_repository": "write `copy:` of the source's line into /etc/apt/sources.list.d, and `apt:` with `update_cache:`",
    "assemble": "write `template:` that includes the parts",
    "deb822_repository": "write `copy:` of the source's text into /etc/apt/sources.list.d",
    "debconf": "write `shell: echo … | debconf-set-selections`",
    "dnf": _PACKAGES,
    "dnf5": _PACKAGES,
    "dpkg_selections": "write `shell: echo PACKAGE hold | dpkg --set-selections`",
    "expect": "write `command:` with `stdin:`",
    "gather_facts": "write `setup:`; facts that are used are gathered without being asked for",
    "getent": "write `command: getent DATABASE KEY` with `register:`",
    "group_by": "write `when:` on the fact; labels in the inventory are for `hosts:`",
    "include": "write `include_tasks:`, or `import_tasks:` for a file that is always the same",
    "iptables": _COMMAND,
    "known_hosts": "write `lineinfile:` on the known_hosts file",
    "mount_facts": "write `setup:`: `ansible_mounts` has them",
    "package_facts": "write `command: dpkg-query -W PACKAGE` with `register:` and `failed_when: false`",
    "rpm_key": _COMMAND,
    "service_facts": "write `command: systemctl is-active NAME` with `register:` and `failed_when: false`",
    "subversion": _COMMAND,
    "sysvinit": "write `service:`",
    "uri": "write `command: curl -fsS URL` with `register:`, or `get_url:` for a file",
    "yum": _PACKAGES,
    "yum_repository": "write `copy:` of the repository's text into /etc/yum.repos.d",
    # ansible.posix
    "acl": "write `command: setfacl …`",
    "authorized_key": "write `lineinfile:` on ~/.ssh/authorized_keys with `create: true` and `mode: '0600'`",
    "firewalld": "write `command: firewall-cmd …`",
    "mount": "write `lineinfile:` on /etc/fstab, and `command: mount PATH`",
    "selinux": "write `lineinfile:` on /etc/selinux/config",
    "synchronize": "write `copy:` of a folder, or `unarchive:`",
    "sysctl": "write `copy:` into /etc/sysctl.d, and `command: sysctl --system` as a handler",
    # community.general and others
    "alternatives": "write `command: update-alternatives …`",
    "archive": "write `command: tar …` with `creates:`",
    "docker_compose_v2": "write `command: docker compose up -d`",
    "docker_container": "write `command: docker …`",
    "htpasswd": "write `copy:` or `lineinfile:` with the hash",
    "ini_file": "write `lineinfile:` with `insertafter: '^\\[section\\]'`, or `template:` for the whole file",
    "locale_gen": "write `lineinfile:` on /etc/locale.gen, and `command: locale-gen` as a handler",
    "make": "write `command: make …` with `chdir:`",
    "modprobe": "write `copy:` into /etc/modules-load.d, and `command: modprobe NAME`",
    "npm": "write `command: npm install …` with `creates:`",
    "nmcli": "write `command: nmcli …`",
    "raspi_config": "write `command: raspi-config nonint …`",
    "snap": "write `command: snap install …` with `creates: /snap/NAME`",
    "timezone": "write `file:` with `state: link` from /usr/share/zoneinfo/ZONE to /etc/localtime",
    "ufw": "write `command: ufw …`, which says whether a rule was there already",
    "xml": "write `template:` for the whole file",
}
# keywords of old playbooks, and of other places
ABSENT_KEYWORDS = {
    "always_run": "write `check_mode: false`",
    "import_playbook": "it stands beside plays, not among tasks",
    "su": "write `become: true`",
    "su_user": "write `become_user:`",
    "sudo_user": "write `become_user:`",
    "user": "the inventory says who logs in: `user:`",
    "accelerate": "write nothing: connections are kept open",
}
_COLLECTIONS = ("ansible.", "community.", "containers.")


def instead_of(name: str) -> str | None:
    """Return what to write in place of a module or keyword that is not there, by its short or full name."""
    if name in ABSENT_KEYWORDS:
        return ABSENT_KEYWORDS[name]
    return ABSENT_MODULES.get(name.rsplit(".", 1)[-1] if name.startswith(_COLLECTIONS) else name)
