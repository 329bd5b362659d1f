"""`stat`: what is at a path."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Stat
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, TaskContext

Algorithm = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


@record(kw_only=True)
class Parameters:
    """What `stat` takes."""

    path: str = parameter("The path on the node.", aliases=("dest", "name"), kind="path")
    follow: bool = parameter("Whether a link is followed.", default=False)
    get_checksum: bool = parameter("Whether a regular file's checksum is reckoned.", default=True)
    checksum_algorithm: str = parameter(
        "Which checksum.", default="sha1", choices=ALGORITHMS, aliases=("checksum", "checksum_algo")
    )
    get_mime: bool = parameter(
        "The kind of content is not looked for: only false is taken.",
        default=False,
        choices=(False,),
        aliases=("mime", "mime_type", "mime-type"),
    )
    get_attributes: bool = parameter(
        "Attributes of the file system (lsattr) are not looked for: only false is taken.",
        default=False,
        choices=(False,),
        aliases=("attr", "attributes"),
    )


def operations(parameters: Parameters, _context: TaskContext) -> Sequence[Operation]:
    """Return the one look."""
    algorithm = cast("Algorithm", parameters.checksum_algorithm)  # the choices hold it
    return (
        Stat(
            path=parameters.path,
            follow=parameters.follow,
            checksum=algorithm if parameters.get_checksum else None,
        ),
    )


MODULE = Module(
    name="stat",
    summary="What is at a path",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: Is it there?
  stat:
    path: /opt/data
    get_checksum: false
  register: data
""",
    check_mode="always",
    returns={"stat": "`exists`, and if so `isreg isdir islnk size mode uid gid mtime checksum` and so on"},
)
