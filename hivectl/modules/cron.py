"""`cron`: a job or a variable of cron."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Cron, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError, TaskContext, contradictions
from hivectl.modules.commands import environment_of, reveal_text

TIMES = ("annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly")


@record(kw_only=True)
class Parameters:
    """What `cron` takes."""

    name: str = parameter("Names the job, in a comment above it; with `env` the variable's name.")
    job: str | Secret | None = parameter(
        "The command, or the variable's value.", default=None, aliases=("value",)
    )
    state: str = parameter("Whether it shall be there.", default="present", choices=("absent", "present"))
    user: str | None = parameter(
        "Whose crontab; with `cron_file` who runs the job. Absent: who runs the task.", default=None
    )
    cron_file: str | None = parameter(
        "A file in /etc/cron.d, or an absolute path, in place of a crontab.", default=None, kind="path"
    )
    minute: str = parameter("Minute: 0-59, *, */2 and the like.", default="*")
    hour: str = parameter("Hour: 0-23 and the like.", default="*")
    day: str = parameter("Day of the month: 1-31 and the like.", default="*", aliases=("dom",))
    month: str = parameter("Month: 1-12 and the like.", default="*")
    weekday: str = parameter(
        "Day of the week: 0-6, Sunday first, and the like.", default="*", aliases=("dow",)
    )
    special_time: str | None = parameter("A word in place of the five fields.", default=None, choices=TIMES)
    disabled: bool = parameter("Whether the job becomes a comment.", default=False)
    env: bool = parameter("Whether this is a variable.", default=False)
    insertafter: str | None = parameter("Variable that a new variable is put behind.", default=None)
    insertbefore: str | None = parameter("Variable that a new variable is put before.", default=None)
    backup: bool = parameter("Whether the old table is kept in a temporary file.", default=False)


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself or is missing, or None."""
    present = parameters.state == "present"
    fields = (parameters.minute, parameters.hour, parameters.day, parameters.month, parameters.weekday)
    inserts = parameters.insertafter is not None or parameters.insertbefore is not None
    text = "" if parameters.job is None else reveal_text(parameters.job).strip("\r\n")
    faults = {
        "only one of `insertafter` and `insertbefore` can be given": (
            parameters.insertafter is not None and parameters.insertbefore is not None
        ),
        "`special_time` stands in place of minute, hour, day, month and weekday": (
            parameters.special_time is not None and any(field != "*" for field in fields)
        ),
        "/etc/crontab belongs to the system: give `cron_file` a name in /etc/cron.d": (
            parameters.cron_file == "/etc/crontab"
        ),
        "`cron_file` needs `user`: who shall run the job?": (
            present and parameters.cron_file is not None and not parameters.user
        ),
        "`job` is needed with state: present": present and parameters.job is None,
        "`insertafter` and `insertbefore` are for variables (`env: true`)": (
            present and inserts and not parameters.env
        ),
        "the name of a variable has no space": parameters.env and " " in parameters.name,
        "`name` is one line": "\n" in parameters.name,
        "`job` is one line: cron would take what follows for another job": "\n" in text or "\r" in text,
    }
    return next((fault for fault, holds in faults.items() if holds), None)


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Cron.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    return (
        Cron(
            entry=parameters.name,
            state=cast("Literal['present', 'absent']", parameters.state),  # the choices hold it
            job=parameters.job,
            user=parameters.user,
            cron_file=parameters.cron_file,
            minute=parameters.minute,
            hour=parameters.hour,
            day=parameters.day,
            month=parameters.month,
            weekday=parameters.weekday,
            special_time=parameters.special_time,
            disabled=parameters.disabled,
            env=parameters.env,
            insertafter=parameters.insertafter,
            insertbefore=parameters.insertbefore,
            backup=parameters.backup,
            environment=environment_of(context),
        ),
    )


MODULE = Module(
    name="cron",
    summary="A job or a variable of cron",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: A picture every ten minutes
  cron:
    name: picture
    minute: "*/10"
    job: /usr/local/bin/picture
""",
    returns={
        "jobs": "names of the jobs that are there then",
        "envs": "names of the variables",
        "cron_file": "the file, if one was given",
        "state": "absent, when the file went with its last job",
        "backup_file": "the old table, if kept",
    },
)
