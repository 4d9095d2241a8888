"""What goes wrong here, for the caller to show: one line each."""


class KernelError(RuntimeError):
    """A kernel or its template could not be started; the text says what, why, and what to do."""


class IsolationError(KernelError):
    """This machine cannot isolate a kernel as was asked for."""
