"""What the node is, by Ansible's names of facts (without their `ansible_`), group by group."""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.machine import Machine
    from hivectl.helper.node.wire import Wire

# Ansible's families, by the ID and ID_LIKE of os-release(5)
FAMILIES = (
    ("Debian", {"debian", "ubuntu", "raspbian", "linuxmint", "devuan", "kali", "pop", "neon"}),
    ("RedHat", {"rhel", "fedora", "centos", "rocky", "almalinux", "ol", "amzn", "scientific", "alinux"}),
    ("Suse", {"suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"}),
    ("Archlinux", {"arch", "archarm", "manjaro", "endeavouros"}),
    ("Alpine", {"alpine"}),
    ("Gentoo", {"gentoo"}),
    ("Mandrake", {"mandriva", "mageia"}),
)
NAMES = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "raspbian": "Debian",
    "fedora": "Fedora",
    "rhel": "RedHat",
    "centos": "CentOS",
    "rocky": "Rocky",
    "almalinux": "AlmaLinux",
    "amzn": "Amazon",
    "ol": "OracleLinux",
    "alpine": "Alpine",
    "arch": "Archlinux",
    "archarm": "Archlinux ARM",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "sles": "SLES",
    "linuxmint": "Linux Mint",
    "kali": "Kali",
    "gentoo": "Gentoo",
}
MANAGERS = (
    ("apt", ("/usr/bin/apt-get",)),
    ("dnf5", ("/usr/bin/dnf5",)),
    ("dnf", ("/usr/bin/dnf",)),
    ("yum", ("/usr/bin/yum",)),
    ("zypper", ("/usr/bin/zypper",)),
    ("pacman", ("/usr/bin/pacman",)),
    ("apk", ("/sbin/apk", "/usr/sbin/apk")),
    ("opkg", ("/usr/bin/opkg", "/bin/opkg")),
    ("portage", ("/usr/bin/emerge",)),
)


def facts(operation: "dict[str, Any]", wire: "Wire", machine: "Machine | None" = None) -> "dict[str, Any]":
    """Carry out a `facts`: only the groups that are asked for."""
    from hivectl.helper.node.machine import Machine

    machine = machine or Machine()
    found: "dict[str, Any]" = {}
    result: "dict[str, Any]" = {"changed": False, "ansible_facts": found}
    for group in operation["groups"]:
        if group == "local":
            from hivectl.helper.node.local_facts import local

            found["local"], warnings = local(operation.get("fact_path"), wire, machine)
            if warnings:
                result["warnings"] = warnings
        else:
            found.update(_gather(group, wire, machine))
    return result


def _gather(group: str, wire: "Wire", machine: "Machine") -> "dict[str, Any]":
    if group in {"hardware", "mounts", "virtual"}:
        from hivectl.helper.node import hardware_facts

        if group == "mounts":
            return hardware_facts.mounts(wire, machine)
        return hardware_facts.hardware(machine) if group == "hardware" else hardware_facts.virtual(machine)
    if group == "network":
        from hivectl.helper.node.network_facts import network

        return network(wire, machine)
    gatherers = {
        "platform": platform,
        "distribution": distribution,
        "user": user,
        "date_time": date_time,
        "env": env,
        "python": python,
    }
    return gatherers[group](machine) if group in gatherers else {}


def platform(machine: "Machine") -> "dict[str, Any]":
    """Kernel, names of the machine, init."""
    system = machine.uname()
    processor = system.machine
    architecture = "i386" if processor in {"i486", "i586", "i686"} else processor
    name = _full_name(system.nodename)
    init = os.path.basename(machine.line("/proc/1/comm"))
    systemd = init == "systemd" or machine.exists("/run/systemd/system")
    return {
        "system": system.sysname,
        "kernel": system.release,
        "kernel_version": system.version,
        "machine": processor,
        "architecture": architecture,
        "userspace_bits": "64" if sys.maxsize > 2**32 else "32",
        "userspace_architecture": architecture if sys.maxsize > 2**32 or processor != "x86_64" else "i386",
        "nodename": system.nodename,
        "hostname": system.nodename.partition(".")[0],
        "fqdn": name,
        "domain": name.partition(".")[2],
        "machine_id": machine.line("/etc/machine-id") or machine.line("/var/lib/dbus/machine-id"),
        "service_mgr": "systemd" if systemd else _init(init, machine),
    }


def _init(init: str, machine: "Machine") -> str:
    if machine.exists("/sbin/openrc") or machine.exists("/usr/sbin/openrc"):
        return "openrc"
    if machine.exists("/etc/init.d") and init == "init":
        return "sysvinit"
    return init or "service"


def _full_name(name: str) -> str:
    if "." in name:
        return name
    import socket

    try:
        entries = socket.getaddrinfo(name, None, 0, socket.SOCK_STREAM, 0, socket.AI_CANONNAME)
    except OSError:
        return name
    found = entries[0][3]
    return found if found and found != "localhost" else name


def _os_release(machine: "Machine") -> "dict[str, str]":
    found: "dict[str, str]" = {}
    for line in (machine.text("/etc/os-release") or machine.text("/usr/lib/os-release")).splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            found[key.strip()] = value.strip().strip("\"'")
    return found


def distribution(machine: "Machine") -> "dict[str, Any]":
    """Which Linux: os-release(5)."""
    release = _os_release(machine)
    identity = release.get("ID", "")
    like = [identity, *release.get("ID_LIKE", "").split()]
    name = NAMES.get(identity) or release.get("NAME") or "Linux"
    family = next((family for family, members in FAMILIES for word in like if word in members), name)
    version = release.get("VERSION_ID", "NA")
    found = {
        "distribution": name,
        "distribution_version": version,
        "distribution_major_version": version.partition(".")[0],
        "distribution_release": release.get("VERSION_CODENAME") or _codename(release) or "NA",
        "distribution_file_path": "/etc/os-release",
        "distribution_file_variety": name,
        "distribution_file_parsed": bool(release),
        "os_family": family,
        "pkg_mgr": next((name for name, paths in MANAGERS if any(map(machine.exists, paths))), "unknown"),
    }
    minor = machine.line("/etc/debian_version") if identity in {"debian", "raspbian"} else ""
    if "." in minor:
        found["distribution_version"] = minor
        found["distribution_minor_version"] = minor.partition(".")[2]
    return found


def _codename(release: "dict[str, str]") -> str:
    _, bracket, rest = release.get("VERSION", "").partition("(")
    return rest.partition(")")[0] if bracket else ""


def user(_machine: "Machine") -> "dict[str, Any]":
    """Who we are there."""
    import pwd

    found: "dict[str, Any]" = {
        "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "real_group_id": os.getgid(),
        "effective_group_id": os.getegid(),
    }
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return dict(found, user_id=str(os.getuid()), user_uid=os.getuid(), user_gid=os.getgid())
    return dict(
        found,
        user_id=entry.pw_name,
        user_uid=entry.pw_uid,
        user_gid=entry.pw_gid,
        user_gecos=entry.pw_gecos,
        user_dir=entry.pw_dir,
        user_shell=entry.pw_shell,
    )


def date_time(_machine: "Machine") -> "dict[str, Any]":
    """The node's clock."""
    moment = time.time()
    local, world = time.localtime(moment), time.gmtime(moment)
    micro = "%06d" % int(moment % 1 * 1e6)
    written = time.strftime
    return {
        "date_time": {
            "year": written("%Y", local),
            "month": written("%m", local),
            "weekday": written("%A", local),
            "weekday_number": written("%w", local),
            "weeknumber": written("%W", local),
            "day": written("%d", local),
            "hour": written("%H", local),
            "minute": written("%M", local),
            "second": written("%S", local),
            "epoch": str(int(moment)),
            "epoch_int": str(int(moment)),
            "date": written("%Y-%m-%d", local),
            "time": written("%H:%M:%S", local),
            "iso8601_micro": written("%Y-%m-%dT%H:%M:%S.", world) + micro + "Z",
            "iso8601": written("%Y-%m-%dT%H:%M:%SZ", world),
            "iso8601_basic": written("%Y%m%dT%H%M%S", local) + micro,
            "iso8601_basic_short": written("%Y%m%dT%H%M%S", local),
            "tz": written("%Z", local),
            "tz_dst": time.tzname[1],
            "tz_offset": written("%z", local),
        }
    }


def env(_machine: "Machine") -> "dict[str, Any]":
    """The login's environment."""
    return {"env": dict(os.environ)}


def python(_machine: "Machine") -> "dict[str, Any]":
    """The interpreter that runs the helper."""
    version = sys.version_info
    return {
        "python_version": "%d.%d.%d" % version[:3],
        "python": {
            "version": {
                "major": version[0],
                "minor": version[1],
                "micro": version[2],
                "releaselevel": version[3],
                "serial": version[4],
            },
            "version_info": list(version),
            "executable": sys.executable,
            "has_sslcontext": True,
            "type": sys.implementation.name,
        },
    }
