"""Which group of facts a variable comes from, so that only groups that a playbook uses are gathered."""

from __future__ import annotations

_GROUPS = {
    "platform": (
        "ansible_architecture ansible_domain ansible_fqdn ansible_hostname ansible_kernel ansible_kernel_version "
        "ansible_machine ansible_machine_id ansible_nodename ansible_pkg_mgr ansible_service_mgr ansible_system "
        "ansible_userspace_architecture ansible_userspace_bits"
    ),
    "distribution": (
        "ansible_distribution ansible_distribution_file_parsed ansible_distribution_file_path "
        "ansible_distribution_file_variety ansible_distribution_major_version ansible_distribution_release "
        "ansible_distribution_version ansible_os_family"
    ),
    "hardware": (
        "ansible_memfree_mb ansible_memory_mb ansible_memtotal_mb ansible_processor ansible_processor_cores "
        "ansible_processor_count ansible_processor_nproc ansible_processor_threads_per_core "
        "ansible_processor_vcpus ansible_swapfree_mb ansible_swaptotal_mb ansible_uptime_seconds"
    ),
    "network": (
        "ansible_all_ipv4_addresses ansible_all_ipv6_addresses ansible_default_ipv4 ansible_default_ipv6 "
        "ansible_dns ansible_interfaces"
    ),
    "user": (
        "ansible_effective_group_id ansible_effective_user_id ansible_real_group_id ansible_real_user_id "
        "ansible_user_dir ansible_user_gecos ansible_user_gid ansible_user_id ansible_user_shell ansible_user_uid"
    ),
    "date_time": "ansible_date_time",
    "env": "ansible_env",
    "python": "ansible_python ansible_python_version",
    "virtual": "ansible_virtualization_role ansible_virtualization_type",
    "mounts": "ansible_mounts",
}

FACT_NAMES: dict[str, str] = {name: group for group, names in _GROUPS.items() for name in names.split()}
