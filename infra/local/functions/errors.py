"""What stops this host, and the exit code each stop ends with."""

EXIT_OK = 0
EXIT_BAD_CONFIGURATION = 2
# A function ran longer than host.json allows: Azure kills the worker process, and so do we. The
# supervisor (`--restart`) starts a fresh one on this code only.
EXIT_FUNCTION_TIMEOUT = 75


class ConfigurationError(Exception):
    """The app, its settings or its host.json cannot run; the text is one sentence for a person."""


class InvocationFailed(Exception):
    """The worker reported failure: what the function raised, and where."""

    def __init__(self, message: str, stack_trace: str = "") -> None:
        super().__init__(message)
        self.stack_trace = stack_trace


class FunctionTimeout(InvocationFailed):
    """The function ran longer than `functionTimeout`; its worker process must go."""
