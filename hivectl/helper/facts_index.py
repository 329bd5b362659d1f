"""Which group of facts a variable comes from, so that only groups that a playbook uses are gathered."""

from __future__ import annotations

# an interface's own facts (ansible_eth0) have names that only the node knows: `ansible_facts` has them
_GROUPS = {
    "platform": (
        "architecture board domain fqdn hostname kernel kernel_version machine machine_id nodename "
        "service_mgr system userspace_architecture userspace_bits"
    ),
    "distribution": (
        "distribution distribution_file_parsed distribution_file_path distribution_file_variety "
        "distribution_major_version distribution_minor_version distribution_release "
        "distribution_version os_family pkg_mgr"
    ),
    "hardware": (
        "bios_date bios_vendor bios_version board_name board_serial board_vendor chassis_vendor "
        "devices loadavg memfree_mb memory_mb memtotal_mb processor processor_cores processor_count "
        "processor_nproc processor_threads_per_core processor_vcpus product_name product_serial "
        "product_uuid product_version swapfree_mb swaptotal_mb system_vendor uptime_seconds"
    ),
    "network": "all_ipv4_addresses all_ipv6_addresses default_ipv4 default_ipv6 dns interfaces",
    "user": (
        "effective_group_id effective_user_id real_group_id real_user_id user_dir user_gecos "
        "user_gid user_id user_shell user_uid"
    ),
    "date_time": "date_time",
    "env": "env",
    "python": "python python_version",
    "virtual": "virtualization_role virtualization_tech_guest virtualization_tech_host virtualization_type",
    "mounts": "mounts",
    "local": "local",
}

FACT_NAMES: dict[str, str] = {
    f"ansible_{name}": group for group, names in _GROUPS.items() for name in names.split()
}
