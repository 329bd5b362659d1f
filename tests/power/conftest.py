from tests.support.sshd import sshd_host, sshd_hosts

__all__ = ["sshd_host", "sshd_hosts"]
