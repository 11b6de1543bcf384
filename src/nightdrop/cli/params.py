"""Parameters of a run on the command line: K=V."""

from nightdrop.core.errors import InvalidError


class ParamFormError(InvalidError):
    """A parameter is written K=V."""

    code = "param_form"
    hint = "For example: --param customer=42"


def parse_params(params: tuple[str, ...]) -> dict[str, str]:
    """Return the parameters; every value is text.

    Raises:
        ParamFormError: one has no ``=`` or no name, or a name comes twice.
    """
    parsed: dict[str, str] = {}
    for param in params:
        key, equals, value = param.partition("=")
        if not equals or not key or key in parsed:
            raise ParamFormError
        parsed[key] = value
    return parsed
