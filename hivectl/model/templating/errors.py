"""What can be wrong with a template; all of it is something that a person wrote."""

from __future__ import annotations

from hivectl.model.errors import InputError


class TemplateError(InputError):
    """A template cannot be rendered.

    Attributes:
        placed: whether the line inside the template is known, and said.
    """

    placed: bool = False


class TemplateSyntaxError(TemplateError):
    """A template or condition is not Jinja2, or names a filter, test or lookup that does not exist.

    Attributes:
        line: of the template, from 1; 0 where it is not known.
    """

    line: int = 0


class UndefinedVariableError(TemplateError):
    """A template needs a variable, key or attribute that does not exist.

    Attributes:
        name: what is undefined; masked where it is a secret.
    """

    name: str = ""


class VariableLoopError(TemplateError):
    """Variables are defined by one another in a circle."""


class UnsafeTemplateError(TemplateError):
    """A template reaches for what the sandbox keeps: private attributes, functions, foreign objects."""


class TemplateLimitError(TemplateError):
    """A template takes too many steps, too long, or makes too large a value."""


class TemplateValueError(TemplateError):
    """A filter, test, operator or function cannot work with the values that it was given."""


class TemplateFileError(TemplateError):
    """A template includes or imports a file that is not in its folders."""


class ConditionError(TemplateError):
    """A condition is no bare expression, or its value is no boolean."""
