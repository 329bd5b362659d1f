"""Facts of the network: interfaces and default routes, by `ip -j` where it is there, else from /proc and /sys."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hivectl.helper.node.machine import Machine
    from hivectl.helper.node.wire import Wire


def network(wire: "Wire", machine: "Machine") -> "dict[str, Any]":
    """Interfaces, addresses, default routes, name servers."""
    interfaces = _interfaces(wire, machine)
    found: "dict[str, Any]" = {"interfaces": sorted(interfaces)}
    for name, interface in interfaces.items():
        # Ansible's: a dash or colon cannot stand in a variable's name
        found[name.replace("-", "_").replace(":", "_").replace(".", "_")] = interface
    found["all_ipv4_addresses"] = [
        entry["address"]
        for interface in interfaces.values()
        for entry in [interface.get("ipv4"), *interface.get("ipv4_secondaries", [])]
        if entry and not entry["address"].startswith("127.")
    ]
    found["all_ipv6_addresses"] = [
        entry["address"]
        for interface in interfaces.values()
        for entry in interface.get("ipv6", [])
        if entry["address"] != "::1"
    ]
    found["default_ipv4"] = _default_ipv4(interfaces, machine)
    found["default_ipv6"] = _default_ipv6(interfaces, machine)
    found["dns"] = _dns(machine)
    return found


def _interfaces(wire: "Wire", machine: "Machine") -> "dict[str, dict[str, Any]]":
    found: "dict[str, dict[str, Any]]" = {}
    try:
        names = sorted(machine.names("/sys/class/net"))
    except OSError:
        names = []
    for name in names:
        base = f"/sys/class/net/{name}/"
        if not machine.exists(base):
            continue
        flags = int(machine.line(base + "flags") or "0", 16)
        loopback = bool(flags & 0x8)  # IFF_LOOPBACK, linux/if.h
        entry: "dict[str, Any]" = {
            "device": name,
            "active": machine.line(base + "operstate") in {"up", "unknown"} and bool(flags & 0x1),
            "mtu": int(machine.line(base + "mtu") or "0"),
            "promisc": bool(flags & 0x100),
            "type": "loopback" if loopback else _type(base, machine),
        }
        address = machine.line(base + "address")
        if address and not loopback:
            entry["macaddress"] = address
        found[name] = entry
    _add_addresses(found, wire, machine)
    return found


def _type(base: str, machine: "Machine") -> str:
    if machine.exists(base + "bridge"):
        return "bridge"
    return "bonding" if machine.exists(base + "bonding") else "ether"


def _add_addresses(interfaces: "dict[str, dict[str, Any]]", wire: "Wire", machine: "Machine") -> None:
    listed = machine.addresses(wire)
    if listed is None:
        _add_addresses_by_ioctl(interfaces)
        _add_ipv6_by_proc(interfaces, machine)
        return
    for one in listed:
        interface = interfaces.get(one.get("ifname", ""))
        for address in one.get("addr_info", []) if interface is not None else []:
            if address.get("family") == "inet":
                _add_ipv4(interface, address["local"], address["prefixlen"], address.get("broadcast", ""))
            elif address.get("family") == "inet6":
                _add_ipv6(interface, address["local"], address["prefixlen"], address.get("scope", ""))


def _add_ipv4(interface: "Any", address: str, prefix: int, broadcast: str) -> None:
    number = _number(address)
    mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
    entry = {
        "address": address,
        "broadcast": broadcast,
        "netmask": _dotted(mask),
        "network": _dotted(number & mask),
        "prefix": str(prefix),
    }
    if "ipv4" in interface:
        interface.setdefault("ipv4_secondaries", []).append(entry)
    else:
        interface["ipv4"] = entry


def _add_ipv6(interface: "Any", address: str, prefix: int, scope: str) -> None:
    interface.setdefault("ipv6", []).append({"address": address, "prefix": str(prefix), "scope": scope})


def _number(address: str) -> int:
    number = 0
    for part in address.split("."):
        number = number << 8 | int(part)
    return number


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _add_addresses_by_ioctl(interfaces: "dict[str, dict[str, Any]]") -> None:
    """Ask the kernel for the first IPv4 address of each interface: netdevice(7)."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for name, interface in interfaces.items():
            request = struct.pack("256s", os.fsencode(name)[:15])
            answers = []
            for code in (0x8915, 0x891B, 0x8919):  # SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR
                try:
                    answers.append(socket.inet_ntoa(fcntl.ioctl(asked.fileno(), code, request)[20:24]))
                except OSError:
                    break
            if len(answers) == 3:
                prefix = bin(_number(answers[1])).count("1")
                _add_ipv4(interface, answers[0], prefix, "" if answers[2] == "0.0.0.0" else answers[2])  # noqa: S104


def _add_ipv6_by_proc(interfaces: "dict[str, dict[str, Any]]", machine: "Machine") -> None:
    import socket

    scopes = {"00": "global", "10": "host", "20": "link", "40": "site"}
    for line in machine.text("/proc/net/if_inet6").splitlines():
        digits, _, prefix, scope, _, name = line.split()
        if name in interfaces:
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
            _add_ipv6(interfaces[name], address, int(prefix, 16), scopes.get(scope, ""))


def _default_ipv4(interfaces: "dict[str, dict[str, Any]]", machine: "Machine") -> "dict[str, Any]":
    best: "tuple[int, str, str] | None" = None
    for line in machine.text("/proc/net/route").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000":
            gateway = ".".join(str(byte) for byte in reversed(bytes.fromhex(fields[2])))
            if best is None or int(fields[6]) < best[0]:
                best = (int(fields[6]), fields[0], gateway)
    if best is None:
        return {}
    found = _summary(interfaces, best[1], best[2])
    found.update(interfaces.get(best[1], {}).get("ipv4", {}))
    return found


def _default_ipv6(interfaces: "dict[str, dict[str, Any]]", machine: "Machine") -> "dict[str, Any]":
    import socket

    for line in machine.text("/proc/net/ipv6_route").splitlines():
        fields = line.split()
        name = fields[-1]
        if fields[0] == "0" * 32 and fields[1] == "00" and name != "lo" and fields[4] != "0" * 32:
            found = _summary(interfaces, name, socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[4])))
            addresses = interfaces.get(name, {}).get("ipv6", [])
            chosen = [entry for entry in addresses if entry["scope"] == "global"] or addresses
            found.update(chosen[0] if chosen else {})
            return found
    return {}


def _summary(interfaces: "dict[str, dict[str, Any]]", name: str, gateway: str) -> "dict[str, Any]":
    interface = interfaces.get(name, {})
    found: "dict[str, Any]" = {"interface": name, "gateway": gateway, "alias": name}
    for key in ("macaddress", "mtu", "type"):
        if key in interface:
            found[key] = interface[key]
    return found


def _dns(machine: "Machine") -> "dict[str, Any]":
    found: "dict[str, Any]" = {}
    for line in machine.text("/etc/resolv.conf").splitlines():
        words = line.split()
        if len(words) < 2 or words[0].startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            found.setdefault("nameservers", []).append(words[1])
        elif words[0] == "search":
            found["search"] = words[1:]
        elif words[0] == "domain":
            found["domain"] = words[1]
    return found
