"""Answers that live in another process: the drivers run there, and the check does not notice.

Such an answer has a method `run_there(module, function, arguments, seconds=…, processor=…)`, which calls a
function of a module beside the learner's code, the answer first, and says how it went: `status` ("result", "raised",
"late"), `value`, `error`, `where` (the learner's own line, a traceback.FrameSummary), `printed`, `lines` and `changed`
(pairs of an array that was sent, and what has been made of it). What comes back is data, and may be any data.

It may also have a method `run_all_there`, which takes a list of such arguments and gives how each call went, up to the
first that has not returned: a way takes longer than most calls, and so one serves for many. And an attribute
`__unrolled_kernel__`, an object that stands for the process.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from autograder.checks import drivers
from autograder.checks.calling import Printed
from autograder.checks.drivers import Driver, Layout, Missing, Unsuitable
from autograder.running import TimeIsUp, time_limit

_THERE = "autograder.checks.drivers.across"
_prepared: WeakKeyDictionary[object, set[str]] = WeakKeyDictionary()  # the frameworks that each process has ready
_IMPORTING = 120.0  # seconds for a framework to be imported there, where nobody has done that yet


def driver_for(answer: object, framework: str) -> Driver:
    """The driver that puts this answer to work. Raises ImportError when the framework is not installed."""
    there: Any = getattr(answer, "run_there", None)
    if there is None:
        return drivers.load(framework)
    driver = Elsewhere(framework, there, getattr(answer, "run_all_there", None))
    prepared = _prepared.setdefault(getattr(answer, "__unrolled_kernel__", driver), set())
    if framework not in prepared:
        with driver.within(Printed(), _IMPORTING), contextlib.suppress(TimeIsUp):
            driver.prepare()
        prepared.add(framework)
    return driver


@contextlib.contextmanager
def at_work(driver: Driver, printed: Printed, seconds: float, *, processor: float | None = None) -> Iterator[None]:
    """While the learner's code runs in the body: its printing kept in `printed`, its time limited, wherever it runs."""
    if isinstance(driver, Elsewhere):
        with driver.within(printed, seconds, processor):
            yield
        return
    with printed.capture(), time_limit(seconds, processor=processor):
        yield


class _Noted(Exception):
    """Instead of a call: what would have been called."""

    def __init__(self, function: str, arguments: Sequence[object]) -> None:
        super().__init__(function)
        self.function, self.arguments = function, arguments


class Elsewhere:
    """A Driver whose functions run beside an answer in another process."""

    def __init__(self, framework: str, there: Callable[..., Any], all_there: Callable[..., Any] | None = None) -> None:
        self.MODULE_DTYPE = drivers.MODULE_DTYPES[framework]
        self._framework = framework
        self._there, self._all_there = there, all_there
        self._noting = False
        self._next: Any = None
        self._printed = Printed()
        self._seconds, self._processor = _IMPORTING, None

    @contextlib.contextmanager
    def within(self, printed: Printed, seconds: float, processor: float | None = None) -> Iterator[None]:
        """For the calls in the body: where what is printed goes, and how long each may take."""
        before = self._printed, self._seconds, self._processor
        self._printed, self._seconds, self._processor = printed, seconds, processor  # type: ignore[assignment]
        try:
            yield
        finally:
            self._printed, self._seconds, self._processor = before

    def ahead(self, calls: Sequence[Callable[[], object]]) -> list[Any]:
        """How the calls of this driver that each of `calls` makes went, asked for together; fewer, where one has not
        returned or they took long. `answering` then lets the same calls be made as if they were made now."""
        if self._all_there is None:
            return []
        asked = [self._noted(call) for call in calls]
        (function,) = {name for name, _ in asked}
        listed = [[self._framework, *arguments] for _, arguments in asked]
        return list(self._all_there(_THERE, function, listed, seconds=self._seconds, processor=self._processor))

    @contextlib.contextmanager
    def answering(self, outcome: Any) -> Iterator[None]:
        """In the body the next call is answered by this outcome of `ahead`; by a call of its own for None."""
        self._next = outcome
        try:
            yield
        finally:
            self._next = None

    def _noted(self, call: Callable[[], object]) -> tuple[str, Sequence[object]]:
        self._noting = True
        try:
            call()
        except _Noted as noted:
            return noted.function, noted.arguments
        finally:
            self._noting = False
        raise TypeError("a call that does not use the driver cannot be made ahead")

    def prepare(self) -> None:
        """Import the framework's driver there. Raises ImportError; other reasons show in the first call."""
        with contextlib.suppress(Exception):
            outcome = self._there(_THERE, "prepare", [self._framework], seconds=self._seconds)
            if isinstance(outcome.error, ImportError):
                raise ImportError(str(outcome.error)) from None

    def function(self, answer: Any, arrays: Sequence[NDArray], symbols: Sequence[Sequence[str]] = ()) -> object:
        return self._run("function", [arrays, [list(names) for names in symbols]])

    def pull_back(
        self, answer: Any, arrays: Sequence[NDArray], tracked: Sequence[int], upstreams: Sequence[NDArray]
    ) -> tuple[list[object], list[object]]:
        found = self._run("pull_back", [arrays, tracked, upstreams])
        return _with_missing(found, len(upstreams), len(tracked))

    def module(
        self,
        answer: Any,
        sizes: Sequence[int],
        parameters: Mapping[str, NDArray],
        arrays: Sequence[NDArray],
        upstreams: Sequence[NDArray],
        layout: Layout,
    ) -> tuple[list[object], list[object]]:
        found = self._run("module", [sizes, parameters, arrays, upstreams, tuple(map(list, layout))])
        return _with_missing(found, len(upstreams), len(parameters))

    def train(self, answer: Any, arguments: Sequence[object], *, own_layers: bool) -> object:
        return self._run("train", [arguments, own_layers])

    def _run(self, function: str, arguments: Sequence[object]) -> Any:
        """What the driver's function returns there. Raises what it raised there."""
        if self._noting:
            raise _Noted(function, arguments)
        outcome, self._next = self._next, None
        if outcome is None:
            listed = [self._framework, *arguments]
            outcome = self._there(_THERE, function, listed, seconds=self._seconds, processor=self._processor)
        self._printed.add(outcome.printed, outcome.lines)
        for array, now in outcome.changed:
            np.copyto(array, now)
        if outcome.status == "result":
            return outcome.value
        error: Any = TimeIsUp() if outcome.status == "late" else outcome.error
        if type(error).__name__ == "Unsuitable":
            error = Unsuitable(str(error))
        error.learners_frame = outcome.where
        raise error


def _with_missing(found: object, outputs: int, gradients: int) -> tuple[list[object], list[object]]:
    """What `drivers.across.without_missing` has taken apart. Raises TypeError for what cannot be that."""
    if not (isinstance(found, tuple) and len(found) == 3 and all(isinstance(part, list) for part in found)):
        raise TypeError("the outputs and gradients did not come back in the form that was agreed on")
    values, missing = [list(found[0]), list(found[1])], found[2]
    if [len(part) for part in values] != [outputs, gradients]:
        raise TypeError("not as many outputs or gradients came back as were asked for")
    for entry in missing:
        match entry:
            case (0 | 1 as which, int(place), str(reason), None | tuple() as shape) if 0 <= place < len(values[which]):
                fits = shape is not None and all(type(n) is int for n in shape)
                values[which][place] = Missing(" ".join(reason.split())[:300], shape if fits else None)
    return values[0], values[1]
