"""The agent by itself: what it says of calls, and that it needs nothing but Python and NumPy."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from autograder import running
from autograder.boundary import agent
from autograder.boundary.agent_text import agent_source
from autograder.boundary.values import Writer


class Asked:
    """An agent on some names, and what it replies."""

    def __init__(self, **names: Any) -> None:
        self.agent = agent.Agent(lambda: names)

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        reply = self.agent.answer(json.dumps({"do": do, "request": 7, "seconds": 5, **request}))
        told = json.loads(reply._repr_mimebundle_()[agent.MIME])
        assert told["request"] == 7
        return told

    def reference(self, name: str) -> int:
        return self.ask("describe", names=[name])["names"][name]["value"]["id"]

    def call(self, name: str, *arguments: Any, **more: Any) -> dict[str, Any]:
        writer = Writer()
        given = {"arguments": writer.tree(list(arguments)), "keywords": writer.tree({})}
        return self.ask("call", target=self.reference(name), **given, **more)


def test_what_names_stand_for():
    def f(x, *rest, k=1, **more):
        """Says it."""

    told = Asked(f=f, x=3, np=np, big=np.zeros(10**7), thing=object()).ask(
        "describe", names=["f", "x", "np", "big", "thing", "not there"]
    )["names"]
    assert set(told) == {"f", "x", "np", "big", "thing"}
    assert told["x"] == {"kind": "value", "value": 3}
    assert told["np"] == {"kind": "module", "module": "numpy"}
    assert told["big"]["value"]["type"] == "ndarray", "too large to be sent, it may still be handed on"
    assert "callable" not in told["thing"]["value"]
    function = told["f"]["value"]
    assert (function["callable"], function["name"], function["doc"]) == (True, "f", "Says it.")
    kinds = [["x", "POSITIONAL_OR_KEYWORD", False], ["rest", "VAR_POSITIONAL", False]]
    assert function["signature"] == [*kinds, ["k", "KEYWORD_ONLY", True], ["more", "VAR_KEYWORD", False]]


def test_calls():
    asked = Asked(double=lambda x: x * 2, talks=lambda: print("a\nb"))
    assert asked.call("double", 3)["value"] == 6
    assert asked.call("talks")["printed"] == "a\nb\n"
    assert asked.call("talks")["lines"] == 2


def test_a_function_of_a_module_with_the_object_first():
    asked = Asked(x=object())
    told = asked.call("x", "upper", module="builtins", function="hasattr")
    assert told["value"] is False


def test_which_arrays_were_changed():
    def spoils(a, b, c):
        b += 1
        c[0] = c[0]

    told = Asked(spoils=spoils).call("spoils", np.zeros(2), np.ones(3), np.ones(2))
    ((place, _),) = told["changed"]
    assert place == 1


def test_errors_say_where():
    def inner(x):
        return x["key"]

    told = Asked(outer=lambda: inner({})).call("outer")
    assert (told["status"], told["type"], told["message"]) == ("raised", "KeyError", "'key'")
    assert told["bases"] == ["KeyError", "LookupError", "Exception", "BaseException", "object"]
    line, function, source = told["where"]
    assert (function, source) == ("inner", 'return x["key"]')
    assert line > 0


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError


def raising(error: BaseException) -> Any:
    def f():
        raise error

    return f


@pytest.mark.parametrize("error", [Unspeakable(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException()])
def test_whatever_is_raised_is_told(error):
    told = Asked(f=raising(error)).call("f")
    assert told["status"] == "raised"
    assert told["type"] == type(error).__name__


def test_floods_and_long_messages_are_bounded():
    def floods():
        print("x" * 10**6)
        for _ in range(10**4):
            print("y")
        raise ValueError("z" * 10**6)

    told = Asked(floods=floods).call("floods")
    assert len(told["printed"]) == running.CHARACTERS_KEPT
    assert told["lines"] == 10**4 + 1
    assert len(told["message"]) == agent.LONGEST_MESSAGE


def test_warnings_are_printed():
    def warns():
        return np.float64(1e308) * 10

    told = Asked(warns=warns).call("warns")
    assert told["printed"] == "RuntimeWarning: overflow encountered in scalar multiply\n"


def test_time_limits():
    def endless():
        while True:
            pass

    def swallows():
        while True:
            try:
                while True:
                    pass
            except:  # noqa: E722
                pass

    def sleeps():
        time.sleep(0.3)
        return 1

    asked = Asked(endless=endless, swallows=swallows, sleeps=sleeps)
    for name in ("endless", "swallows"):
        began = time.monotonic()
        told = asked.call(name, seconds=0.3)
        assert told["status"] == "late"
        assert told["where"][1] == name
        assert time.monotonic() - began < 3
    began_processor = time.process_time()
    assert asked.call("endless", seconds=30, processor=0.3)["status"] == "late"
    assert time.process_time() - began_processor < 3
    assert asked.call("sleeps", seconds=30, processor=0.2)["value"] == 1, "sleeping uses no processor time"


def test_what_cannot_be_sent_is_refused_and_what_is_no_data_stays():
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    asked = Asked(cyclic=lambda: cyclic, huge=lambda: np.zeros(10**7), thing=lambda: [object(), (x for x in [])])
    assert "contains itself" in asked.call("cyclic")["reason"]
    assert "MiB" in asked.call("huge")["reason"]
    assert [t["type"] for t in asked.call("thing")["value"]] == ["object", "generator"]


def test_references_are_kept_until_they_are_released():
    asked = Asked(f=lambda: 1)
    number = asked.reference("f")
    given = {"target": number, "arguments": [], "keywords": {"is": "dict", "items": []}}
    assert asked.ask("call", **given)["value"] == 1
    told = asked.ask("call", release=[number], **given)
    assert (told["status"], told["type"]) == ("raised", "KeyError")


@pytest.mark.parametrize("request_text", ["", "{", '{"do": "nothing"}', '{"do": "call"}', '{"do": 3}'])
def test_requests_that_are_none_get_an_answer_too(request_text):
    told = json.loads(agent.Agent(dict).answer(request_text).text)
    assert told["status"] == "raised"


def test_it_needs_nothing_but_python_and_numpy(root):
    """As one text in a Python that does not see the course."""
    script = (
        "import sys, json\n"
        f"space = {{'__name__': 'unrolled_agent'}}; exec(compile({agent_source()!r}, 'agent', 'exec'), space)\n"
        "import __main__; __main__.f = lambda x: x + 1\n"
        "agent = space['install']()\n"
        "ask = lambda **r: json.loads(agent.answer(json.dumps(r)).text)\n"
        "number = ask(do='describe', names=['f'])['names']['f']['value']['id']\n"
        "told = ask(do='call', target=number, arguments=[2], keywords={'is': 'dict', 'items': []}, seconds=5)\n"
        "ours = [m for m in sys.modules if m.startswith('autograder')]\n"
        "print(told['value'], ours, sys.modules.get('zmq'))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[0] == "3 [] None", done.stderr
