"""What a cell shows, kept within bounds, whatever its kernel sends under that name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode


@dataclass(frozen=True)
class Kept:
    """How much of what a cell shows is kept."""

    text_bytes: int = 200_000
    data_bytes: int = 4 * 2**20
    outputs: int = 100


class Shown:
    """The outputs of one run."""

    def __init__(self, keep: Kept) -> None:
        self.outputs: list[NotebookNode] = []
        self._keep = keep
        self._text = self._data = 0
        self._full = self._clear = False

    def take(self, kind: str, content: Mapping[str, Any]) -> None:
        """Add what a message of Jupyter's output channel shows; what cannot be understood is passed over."""
        if kind == "clear_output":
            if content.get("wait"):
                self._clear = True
            else:
                self.outputs.clear()
            return
        if kind == "stream":
            name, text = content.get("name"), content.get("text")
            if name in ("stdout", "stderr") and isinstance(text, str):
                self._clear_if_asked()
                self._stream(str(name), text)
            return
        try:
            output = _output(kind, content)
            # The validator, too, says what is no output; in a cell alone it looks at everything.
            size = len(nbformat.v4.writes(nbformat.v4.new_notebook(cells=[_holding(output)])))
        except Exception:  # a kernel may send anything under these names
            return
        self._clear_if_asked()
        if self._data + size > self._keep.data_bytes or len(self.outputs) >= self._keep.outputs:
            self._overflow()
        else:
            self._data += size
            self.outputs.append(output)

    def _clear_if_asked(self) -> None:
        if self._clear:
            self.outputs.clear()
            self._clear = False

    def _stream(self, name: str, whole: str) -> None:
        room = self._keep.text_bytes - self._text
        if room <= 0:
            self._overflow()
            return
        text = whole[:room]
        self._text += len(text)
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.output_type == "stream" and last.name == name:
            last.text += text
        elif len(self.outputs) >= self._keep.outputs:
            self._overflow()
        else:
            self.outputs.append(NotebookNode(output_type="stream", name=name, text=text))
        if len(text) < len(whole):
            self._overflow()

    def _overflow(self) -> None:
        if not self._full:
            self._full = True
            note = "\n… more output than is kept\n"
            self.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=note))


def _output(kind: str, content: Mapping[str, Any]) -> NotebookNode:
    """An output of nbformat 4; ValueError, KeyError or nbformat's own error where the message is none."""
    if kind == "error":
        name, value, lines = content["ename"], content["evalue"], content["traceback"]
        if not all(isinstance(text, str) for text in (name, value, *lines)) or not isinstance(lines, list):
            raise ValueError("an error whose parts are no texts")
        return NotebookNode(output_type="error", ename=name, evalue=value, traceback=list(lines))
    if kind not in ("display_data", "execute_result"):
        raise ValueError(f"{kind} is no output")
    output: NotebookNode = nbformat.v4.output_from_msg({"header": {"msg_type": kind}, "content": content})
    return output


def _holding(output: NotebookNode) -> NotebookNode:
    cell: NotebookNode = nbformat.v4.new_code_cell(outputs=[output])
    return cell
