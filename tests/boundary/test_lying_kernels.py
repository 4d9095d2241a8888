"""Kernels that answer as they should not: nothing they say can do more than fail the call that they answer."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from jupyter_client.session import Session

from autograder.boundary import agent, examiner, handles, jupyter_carrier
from autograder.boundary.handles import NoAnswer
from autograder.boundary.wire import LIMITS


class LyingKernel:
    """Answers each request with the messages that `says` makes of (request id, its number in the agent's form)."""

    def __init__(self, folder: Path) -> None:
        self.says: Callable[[str, int], list[Any]] = lambda _id, _number: []
        self.connection = {"transport": "ipc", "ip": str(folder / "liar"), "shell_port": 1, "key": "k"}
        self.session = Session(key=b"k")
        self._socket = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.bind(f"ipc://{folder / 'liar'}-1")
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._ends.is_set():
            if not self._socket.poll(20):
                continue
            identities, frames = self.session.feed_identities(self._socket.recv_multipart())
            message = self.session.deserialize(frames)
            expression = message["content"]["user_expressions"]["reply"]
            found = re.search(r'"request": (\d+), "release"', expression)
            number = int(found[1]) if found else 0
            answers = (
                self.says(message["header"]["msg_id"], number) if number else [reply(message["header"]["msg_id"], {})]
            )
            for answer in answers:
                parts = answer if isinstance(answer, list) else self.session.serialize(answer)
                self._socket.send_multipart([*identities, *parts])
        self._socket.close(0)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


def reply(request: str, answer: Any, **content: Any) -> Any:
    """A message that answers the request, in the form in which a kernel shows a value."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    shown = {"status": "ok", "data": {agent.MIME: text}, "metadata": {}}
    session = Session(key=b"k")
    message = session.msg("execute_reply", {"status": "ok", "user_expressions": {"reply": shown}, **content})
    message["parent_header"] = {"msg_id": request}
    return message


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[LyingKernel]:
    kernel = LyingKernel(tmp_path)
    yield kernel
    examiner.disconnect()
    kernel.stop()


FUNCTION = {
    "is": "opaque",
    "id": 1,
    "type": "function",
    "callable": True,
    "name": "f",
    "signature": [["x", "VAR_POSITIONAL", False]],
}


def connected(liar: LyingKernel, seconds: float = 1.0) -> Callable[..., Any]:
    """A handle of the liar's."""
    liar.says = lambda request, number: [
        reply(request, {"names": {"f": {"kind": "value", "value": FUNCTION}}, "request": number})
    ]
    names: dict[str, Any] = {}
    examiner.connect(liar.connection)
    assert not examiner.lost_because()
    examiner.bind(names, ["f"])
    function = names["f"]
    return lambda *arguments: handles._given(function._run(arguments, {}, seconds), "f")


def result(number: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"status": "result", "value": value, "request": number, **more}


def test_a_liar_may_answer_rightly(liar):
    f = connected(liar)
    liar.says = lambda request, number: [reply(request, result(number, 3))]
    assert f(1) == 3


def test_wrong_ids_wrong_signatures_and_repetitions_are_passed_over(liar):
    f = connected(liar)

    def says(request: str, number: int) -> list[Any]:
        unsigned = Session(key=b"other").serialize(reply(request, result(number, 9)))
        good = reply(request, result(number, number))
        return [
            [b"nonsense"],
            [b"<IDS|MSG>", b"a", b"b"],
            unsigned,
            reply("another", result(number, 9)),
            reply("", result(number, 9)),
            good,
            good,
            reply(request, result(number, 9)),
        ]

    liar.says = says
    first = f(1)
    assert [f(1) - first for _ in range(3)] == [1, 2, 3], "each call gets its own answer, and none that is left over"


def test_an_answer_to_another_question(liar):
    f = connected(liar)
    liar.says = lambda request, number: [reply(request, result(number - 1, 3))]
    with pytest.raises(NoAnswer, match="one to another question"):
        f(1)


def test_a_liar_that_says_nothing_is_lost(liar, monkeypatch):
    monkeypatch.setattr(handles, "GRACE", 0.3)
    f = connected(liar, 0.2)
    liar.says = lambda request, number: []
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(NoAnswer, match="did not answer within"):
            f(1)
    assert time.monotonic() - began < 3
    assert "did not answer" in examiner.lost_because()


def test_a_liar_that_answers_late_has_not_answered(liar, monkeypatch):
    monkeypatch.setattr(handles, "GRACE", 0.2)
    f = connected(liar, 0.2)

    def says(request: str, number: int) -> list[Any]:
        time.sleep(0.8)
        return [reply(request, result(number, 3))]

    liar.says = says
    with pytest.raises(NoAnswer):
        f(1)
    time.sleep(0.8)
    with pytest.raises(NoAnswer, match="did not answer"):
        f(1)


def test_a_flood_ends(liar):
    f = connected(liar)
    liar.says = lambda request, number: [reply("another", result(number, 9))] * 600
    with pytest.raises(NoAnswer, match="messages without end"):
        f(1)


ARRAY = base64.b64encode(b"\x93NUMPY\x01\x00v\x00" + b" " * 117 + b"\n").decode()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "[1]",
        "3",
        "null",
        "[" * 50_000,
        '{"request": 1e999}',
        {"status": "result"},
        {"status": "result", "value": {"is": "array", "npy": ARRAY}},
        {"status": "result", "value": {"is": "opaque", "id": "1"}},
        {"status": "result", "value": {"is": "opaque", "id": True}},
        {"status": "result", "value": 1, "changed": [[0, 1]]},
        {"status": "result", "value": 1, "changed": [[5, {"is": "array", "npy": ARRAY}]]},
        {"status": "malformed"},
        {"status": "malformed", "reason": 3},
        {"status": ["result"]},
        {},
    ],
    ids=range(17),
)
def test_forged_answers_fail_the_call_and_no_more(liar, answer):
    f = connected(liar)
    told = {"request": 0} | answer if isinstance(answer, dict) else answer
    liar.says = lambda request, number: [reply(request, told | {"request": number} if isinstance(told, dict) else told)]
    with pytest.raises(NoAnswer) as caught:
        f(np.zeros(2))
    assert len(str(caught.value)) < 300
    liar.says = lambda request, number: [reply(request, result(number, 3))]
    assert f(1) == 3
    assert not examiner.lost_because()


@pytest.mark.parametrize(
    "content",
    [
        {"user_expressions": None},
        {"user_expressions": {"reply": 3}},
        {"user_expressions": {"reply": {"status": "error", "ename": "x"}}},
        {"user_expressions": {"reply": {"data": {"text/plain": "3"}}}},
    ],
    ids=range(4),
)
def test_forged_contents(liar, content):
    f = connected(liar)
    liar.says = lambda request, number: [reply(request, "", **content)]
    with pytest.raises(NoAnswer, match="changed how the kernel answers"):
        f(1)


def test_forged_errors(liar):
    """Whatever it says it raised: an exception of ours comes out, and none that ends the examiner's kernel."""
    f = connected(liar)
    for name, bases in (
        ("KeyboardInterrupt", ["KeyboardInterrupt", "BaseException"]),
        ("GeneratorExit", ["GeneratorExit"]),
        ("os.abort", ["exec", "print"]),
        ("CheckFailure", ["AssertionError", "Exception"]),
        ("UnicodeDecodeError", ["UnicodeDecodeError", "ValueError"]),
        ("ExceptionGroup", ["ExceptionGroup", "Exception"]),
        (3, 4),
        ("x" * 10_000, []),
    ):
        answer = {
            "status": "raised",
            "type": name,
            "bases": bases,
            "message": "a\x1b[31mb" + "x" * 10_000,
            "where": [1, 2],
        }
        liar.says = lambda request, number, answer=answer: [reply(request, {**answer, "request": number})]
        with pytest.raises(Exception, match="a�") as caught:
            f(1)
        assert not isinstance(caught.value, NoAnswer)
        assert getattr(caught.value, "credit", 0) == 0
        assert len(str(caught.value)) < 5_000


def test_forged_descriptions(liar):
    """What names stand for is data like any other; a module is never taken from there."""
    liar.says = lambda request, number: [reply(request, {"names": told, "request": number})]
    examiner.connect(liar.connection)
    signature = [["not a name", "KEYWORD_ONLY", 3]] * 500
    bad_signature = FUNCTION | {"signature": signature, "name": "a b", "doc": 3, "type": "class"}
    told: Any
    for told in (
        3,
        [],
        {"f": 3},
        {"f": {"kind": "value"}},
        {"f": {"kind": "value", "value": {"is": "nothing"}}},
        {"f": {"kind": "module", "module": "os"}},
        {"f": {"kind": "module", "module": ["f"]}},
        {"np": {"kind": "module", "module": "os"}},
        {"os": {"kind": "value", "value": 3}},
    ):
        names: dict[str, Any] = {}
        examiner.bind(names, ["f", "np"])
        assert names == {}, told
    told = {"f": {"kind": "value", "value": bad_signature}}
    examiner.bind(names, ["f"])
    assert names["f"].__name__ == "f"
    assert type(names["f"]).__name__ == "object"
    assert not hasattr(names["f"], "__signature__")


def test_a_request_that_was_dropped_is_sent_again(liar):
    """A kernel drops what waits when a cell fails; whoever says that always is not asked for ever."""
    f = connected(liar)
    asked: list[int] = []

    def says(request: str, number: int) -> list[Any]:
        asked.append(number)
        return [reply(request, "", status="aborted") if len(asked) < 3 else reply(request, result(number, 3))]

    liar.says = says
    assert f(1) == 3
    assert len(asked) == 3
    liar.says = lambda request, number: [reply(request, "", status="aborted")]
    with pytest.raises(NoAnswer):
        f(1)


def test_a_message_that_is_too_large_is_not_taken(liar, monkeypatch):
    monkeypatch.setattr(handles, "GRACE", 3.0)
    monkeypatch.setattr(jupyter_carrier, "WRAPPING", 1_000_000 - LIMITS.characters)
    f = connected(liar, 1.0)
    liar.says = lambda request, number: [reply(request, "x" * 1_100_000)]
    with pytest.raises(NoAnswer, match="your code's kernel was lost"):
        f(1)
