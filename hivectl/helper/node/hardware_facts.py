"""Facts of the machine itself: processor, memory, devices, mounts, what it is inside of; from /proc and /sys."""

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.machine import Machine
    from hivectl.helper.node.wire import Wire

MIB = 1024 * 1024
SIZES = ("Bytes", "KB", "MB", "GB", "TB", "PB")
# kinds of mounts that hold no files of the node's own
UNREAL = frozenset(["proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2", "pstore", "bpf", "tracefs", "debugfs", "securityfs", "mqueue", "hugetlbfs", "configfs", "fusectl", "autofs", "rpc_pipefs", "binfmt_misc", "nsfs", "ramfs", "efivarfs", "selinuxfs"])  # fmt: skip


def hardware(machine: "Machine") -> "dict[str, Any]":
    """Processor, memory, firmware, disks, uptime."""
    found = _processor(machine)
    found.update(_memory(machine))
    found.update(_firmware(machine))
    found["devices"] = _devices(machine)
    uptime = machine.line("/proc/uptime").split()
    if uptime:
        found["uptime_seconds"] = int(float(uptime[0]))
    averages = machine.line("/proc/loadavg").split()
    if len(averages) >= 3:
        found["loadavg"] = {"1m": float(averages[0]), "5m": float(averages[1]), "15m": float(averages[2])}
    return found


def _processor(machine: "Machine") -> "dict[str, Any]":
    listed: "list[str]" = []
    sockets: "dict[str, int]" = {}
    cores: "dict[str, int]" = {}
    package = "0"
    vcpus = 0
    for line in machine.text("/proc/cpuinfo").splitlines():
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            continue
        if key in {"processor", "vendor_id", "model name", "Processor", "cpu model", "vendor"}:
            listed.append(value)
        if key == "processor":
            vcpus += 1
        elif key == "physical id":
            package = value
            sockets[package] = sockets.get(package, 0) + 1
        elif key == "cpu cores" and value.isdigit():
            cores[package] = int(value)
    # what this process may run on, not what the machine has
    usable = machine.processors() or vcpus or 1
    count = len(sockets) or vcpus or 1
    per_socket = max(cores.values()) if cores else 1
    siblings = max(sockets.values()) if sockets else 1
    threads = max(1, siblings // per_socket)
    return {
        "processor": listed,
        "processor_count": count,
        "processor_cores": per_socket,
        "processor_threads_per_core": threads,
        "processor_vcpus": threads * count * per_socket,
        "processor_nproc": usable,
    }


def _memory(machine: "Machine") -> "dict[str, Any]":
    sizes: "dict[str, int]" = {}
    for line in machine.text("/proc/meminfo").splitlines():
        key, _, value = line.partition(":")
        number = value.split()[0] if value.split() else ""
        if number.isdigit():
            sizes[key] = int(number) // 1024
    total, free = sizes.get("MemTotal", 0), sizes.get("MemFree", 0)
    idle = free + sizes.get("Buffers", 0) + sizes.get("Cached", 0)
    swap, swap_free = sizes.get("SwapTotal", 0), sizes.get("SwapFree", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": swap,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": idle, "used": total - idle},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": sizes.get("SwapCached", 0),
            },
        },
    }


def _firmware(machine: "Machine") -> "dict[str, Any]":
    """DMI where the machine has it, the device tree where it has that (Raspberry Pis)."""
    found: "dict[str, Any]" = {}
    for key, name in (
        ("bios_date", "bios_date"),
        ("bios_vendor", "bios_vendor"),
        ("bios_version", "bios_version"),
        ("board_name", "board_name"),
        ("board_serial", "board_serial"),
        ("board_vendor", "board_vendor"),
        ("chassis_vendor", "chassis_vendor"),
        ("product_name", "product_name"),
        ("product_serial", "product_serial"),
        ("product_uuid", "product_uuid"),
        ("product_version", "product_version"),
        ("system_vendor", "sys_vendor"),
    ):
        found[key] = machine.line("/sys/class/dmi/id/" + name) or "NA"
    model = machine.text("/proc/device-tree/model").rstrip("\0")
    if model and found["product_name"] == "NA":
        found["product_name"] = found["board_name"] = model
        found["product_serial"] = machine.text("/proc/device-tree/serial-number").rstrip("\0") or "NA"
    return found


def _devices(machine: "Machine") -> "dict[str, Any]":
    found: "dict[str, Any]" = {}
    try:
        names = sorted(machine.names("/sys/block"))
    except OSError:
        return found
    for name in names:
        base = f"/sys/block/{name}/"
        sectors = _number(base + "size", machine)
        sector = _number(base + "queue/logical_block_size", machine) or 512
        partitions = {}
        for inside in sorted(machine.names(base)):
            if inside.startswith(name) and machine.exists(base + inside + "/partition"):
                size = _number(base + inside + "/size", machine)
                partitions[inside] = {
                    "start": machine.line(base + inside + "/start"),
                    "sectors": size,
                    "sectorsize": sector,
                    "size": readable_size(size * 512),
                }
        found[name] = {
            "virtual": 1 if machine.real(base).startswith("/sys/devices/virtual") else 0,
            "removable": machine.line(base + "removable"),
            "rotational": machine.line(base + "queue/rotational"),
            "model": machine.line(base + "device/model") or None,
            "vendor": machine.line(base + "device/vendor") or None,
            "sectors": sectors,
            "sectorsize": str(sector),
            "size": readable_size(sectors * 512),
            "partitions": partitions,
        }
    return found


def _number(path: str, machine: "Machine") -> int:
    text = machine.line(path)
    return int(text) if text.isdigit() else 0


def readable_size(size: float) -> str:
    """Return bytes as Ansible writes them: `1.50 GB`."""
    for unit in SIZES:
        if size < 1024 or unit == SIZES[-1]:
            return f"{size:.2f} {unit}"
        size /= 1024
    return ""


def mounts(wire: "Wire", machine: "Machine") -> "dict[str, Any]":
    """What is mounted, with its room; a mount that hangs (NFS) is left out after some seconds."""
    identities = _identities(machine)
    found = []
    for line in machine.text("/proc/self/mounts").splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[2] in UNREAL or (not fields[0].startswith("/") and ":" not in fields[0]):
            continue
        device, mount, kind, options = (_unescape(field) for field in fields[:4])
        entry: "dict[str, Any]" = {
            "device": device,
            "mount": mount,
            "fstype": kind,
            "options": options,
            "dump": 0,
            "passno": 0,
            "uuid": identities.get(machine.real(device), "N/A"),
        }
        entry.update(machine.room(mount, kind, wire))
        found.append(entry)
    return {"mounts": found}


def _identities(machine: "Machine") -> "dict[str, str]":
    folder = "/dev/disk/by-uuid"
    try:
        return {machine.real(os.path.join(folder, name)): name for name in machine.names(folder)}
    except OSError:
        return {}


def _unescape(field: str) -> str:
    r"""Replace the octal escapes of fstab(5): `\040` is a space."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field


def _statvfs(mount: str) -> "dict[str, Any]":
    try:
        system = os.statvfs(mount)
    except OSError:
        return {}
    return {
        "size_total": system.f_frsize * system.f_blocks,
        "size_available": system.f_frsize * system.f_bavail,
        "block_size": system.f_bsize,
        "block_total": system.f_blocks,
        "block_available": system.f_bavail,
        "block_used": system.f_blocks - system.f_bavail,
        "inode_total": system.f_files,
        "inode_available": system.f_favail,
        "inode_used": system.f_files - system.f_favail,
    }


def room(mount: str, kind: str, wire: "Wire") -> "dict[str, Any]":
    """Return how much room a mount has."""
    return _room(mount, wire) if kind.startswith(("nfs", "cifs", "fuse", "smb")) else _statvfs(mount)


def _room(mount: str, wire: "Wire") -> "dict[str, Any]":
    """Ask in a child, which alone hangs where a server is gone."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, wire.encode(_statvfs(mount)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    import select
    from _signal import SIGKILL  # type: ignore[import-not-found]  # signal imports enum: 3 ms

    try:
        if select.select([reading], [], [], 3.0)[0]:
            data = os.read(reading, 65536)
            return dict(wire.decode(data.decode())) if data else {}
        return {"note": "the mount does not answer"}
    finally:
        os.close(reading)
        os.kill(pid, SIGKILL)
        until = time.monotonic() + 1
        while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < until:
            time.sleep(0.01)  # a child that hangs in the kernel stays behind


def virtual(machine: "Machine") -> "dict[str, Any]":
    """What the node is inside of: a container, a virtual machine, or nothing."""
    kind, role = _virtual(machine)
    return {
        "virtualization_type": kind,
        "virtualization_role": role,
        "virtualization_tech_guest": [kind] if role == "guest" else [],
        "virtualization_tech_host": [kind] if role == "host" else [],
    }


def _virtual(machine: "Machine") -> "tuple[str, str]":
    environment = machine.text("/proc/1/environ")
    if machine.exists("/.dockerenv") or "/docker" in machine.text("/proc/1/cgroup"):
        return "docker", "guest"
    if machine.exists("/run/.containerenv"):
        return "podman", "guest"
    for entry in environment.split("\0"):
        if entry.startswith("container="):
            return entry.partition("=")[2] or "container", "guest"
    return _machine(machine)


def _machine(machine: "Machine") -> "tuple[str, str]":
    product = machine.line("/sys/class/dmi/id/product_name")
    vendor = machine.line("/sys/class/dmi/id/sys_vendor")
    for word, kind in (
        ("KVM", "kvm"),
        ("QEMU", "kvm"),
        ("VMware", "VMware"),
        ("VirtualBox", "virtualbox"),
        ("Virtual Machine", "VirtualPC"),
        ("Amazon EC2", "kvm"),
        ("Google", "kvm"),
        ("Xen", "xen"),
    ):
        if word in product or word in vendor:
            return kind, "guest"
    processors = machine.text("/proc/cpuinfo")
    if " hypervisor" in processors:
        return "kvm", "guest"
    if machine.exists("/dev/kvm") and machine.exists("/sys/module/kvm"):
        return "kvm", "host"
    return "NA", "NA"
