"""`get_url`: a file that the node downloads."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Download
from hivectl.helper.operations import Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import FILE_RETURNS, AttributeParameters, attributes_of
from hivectl.modules.base import Module, TaskContext
from hivectl.modules.commands import as_text


@record(kw_only=True)
class Parameters(AttributeParameters):
    """What `get_url` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        **AttributeParameters.REFUSED,
        "use_gssapi": "Kerberos: `command: curl --negotiate ...`",
    }

    url: str | Secret = parameter("What is downloaded, by http, https, ftp or file.")
    dest: str = parameter(
        "Where on the node; in a directory that exists the server or the URL names the file.", kind="path"
    )
    checksum: str | None = parameter(
        "ALGORITHM:CHECKSUM, or ALGORITHM:URL of a list of checksums; another content is not kept.",
        default=None,
        example="sha256:9f86d081...",
    )
    force: bool = parameter("Whether it is downloaded although a file is there already.", default=False)
    backup: bool = parameter("Whether the old file is kept beside it, with a time stamp.", default=False)
    timeout: int = parameter("Seconds that the server may be silent.", default=10)
    headers: dict[str, Any] | None = parameter("Headers of the request.", default=None)
    unredirected_headers: list[str] = parameter("Headers that no redirect gets.", default=[])
    url_username: str | Secret | None = parameter(
        "For servers that ask who it is.", default=None, aliases=("username",)
    )
    url_password: str | Secret | None = parameter("Likewise.", default=None, aliases=("password",))
    force_basic_auth: bool = parameter("Whether they are sent before the server asks.", default=False)
    use_netrc: bool = parameter("Whether ~/.netrc on the node is looked into.", default=True)
    validate_certs: bool = parameter("Whether the server must prove who it is.", default=True)
    client_cert: str | None = parameter(
        "PEM file on the node that proves who we are.", default=None, kind="path"
    )
    client_key: str | None = parameter("Its key, if in another file.", default=None, kind="path")
    ciphers: list[str] | None = parameter("TLS ciphers in OpenSSL's words.", default=None)
    use_proxy: bool = parameter("Whether the environment's proxies are used.", default=True)
    http_agent: str = parameter("The User-Agent.", default="ansible-httpget")
    decompress: bool = parameter("Whether what is packed for the way is unpacked.", default=True)
    tmp_dest: str | None = parameter(
        "Directory on the node for what comes, in place of the file's own.", default=None, kind="path"
    )


def operations(parameters: Parameters, _context: TaskContext) -> Sequence[Operation]:
    """Return the one Download."""
    headers = {str(name): as_text(value) for name, value in (parameters.headers or {}).items()}
    return (
        Download(
            url=parameters.url,
            path=parameters.dest,
            checksum=parameters.checksum or None,
            force=parameters.force,
            backup=parameters.backup,
            timeout=parameters.timeout,
            headers=headers,
            unredirected_headers=tuple(parameters.unredirected_headers),
            user=parameters.url_username,
            password=parameters.url_password,
            basic=parameters.force_basic_auth,
            use_netrc=parameters.use_netrc,
            validate_certs=parameters.validate_certs,
            client_cert=parameters.client_cert,
            client_key=parameters.client_key,
            ciphers=tuple(parameters.ciphers or ()),
            use_proxy=parameters.use_proxy,
            agent=parameters.http_agent,
            decompress=parameters.decompress,
            temporary=parameters.tmp_dest,
            attributes=attributes_of(parameters),
        ),
    )


MODULE = Module(
    name="get_url",
    summary="A file that the node downloads",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: MicroPython for the boards
  get_url:
    url: https://lab.example/firmware/micropython-pico2.uf2
    dest: /srv/firmware/
    checksum: sha256:https://lab.example/firmware/SHA256SUMS
""",
    returns={
        "dest": "where it is",
        "url": "where it came from",
        "status_code": "the server's answer as a number",
        "msg": "the server's answer in words",
        "checksum_src": "SHA-1 of what came",
        "checksum_dest": "SHA-1 of what was there before",
        "md5sum": "MD5 of what came",
        "elapsed": "seconds that it took",
        "backup_file": "the old file, if kept",
        **FILE_RETURNS,
    },
)
