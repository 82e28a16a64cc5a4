"""The picture of a run while it lasts: drawn once a second, and at once when a key is pressed or the window changes.

What it looks like and what a key means are decided by functions; here they meet the terminal, its signals and the run.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, Final

import gevent
from rich.text import Text

from tressi.errors import TressiError
from tressi.ui.keys import Keyboard
from tressi.ui.live.picture import page_of, picture
from tressi.ui.live.run_state import Seen
from tressi.ui.live.screen import Screen
from tressi.ui.live.view import View, press, settled
from tressi.ui.sentences import draining_words
from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tressi.model import Change, Draining, Moment, ResolvedConfig, ScalingDecision
    from tressi.ui.live.view import Command
    from tressi.ui.watcher import Controls

_DRAWING_ANEW: Final = (signal.SIGWINCH, signal.SIGCONT)


class LivePicture(Watcher):
    """Draws on the terminal `stream`; keys that are typed at the terminal `keyboard` do to the run what `controls` can.

    `address` is where else the run is shown, which stands in the header.
    """

    def __init__(
        self, stream: IO[str], controls: Controls | None = None, keyboard: int | None = None, address: str = ""
    ) -> None:
        self._screen = Screen(stream, self._overhear, self._draw)
        self._controls = controls
        self._keyboard = Keyboard(keyboard, self._press) if keyboard is not None else None
        self._seen, self._view = Seen(address), View()
        self._handlers: dict[int, Any] = {}
        self._is_up = False

    def start(self, config: ResolvedConfig) -> None:
        """Take the terminal."""
        self._seen.start(config)
        self._is_up = True
        for number in (signal.SIGTSTP, *_DRAWING_ANEW):
            self._handle(number)
        if self._keyboard is not None:
            self._keyboard.open()
        self._draw()

    def moment(self, moment: Moment) -> None:
        """Draw it."""
        self._seen.see(moment)
        self._draw()

    def decision(self, decision: ScalingDecision) -> None:
        """Show it from the next moment on."""
        self._seen.decide(decision)

    def change(self, change: Change) -> None:
        """Show it."""
        self._seen.change(change)
        self._draw()

    def draining(self, draining: Draining) -> None:
        """Say what is waited for, and how to end that."""
        self._seen.is_ending = True
        self._view = replace(self._view, message=f"{draining_words(draining)}; Ctrl-C cuts what is left")
        self._draw()

    def stop(self) -> None:
        """Give the terminal back: the final table says it all."""
        self._is_up = False
        for handler in self._handlers.values():
            handler.cancel()
        self._handlers.clear()
        if self._keyboard is not None:
            self._keyboard.close()
        self._screen.give_back()

    def result(self, summary: Mapping[str, Any]) -> None:
        """Everything is written; what the terminal has not taken of its being given back gets a while longer."""
        del summary
        self._screen.finish()

    # ------------------------------------------------------------------------------------------------------ what happens

    def _draw(self) -> None:
        """Draw what is to be seen now; a terminal that another job of the shell has is left alone, and taken again later."""
        if not self._is_up:
            return
        if self._screen.is_elsewhere:
            self._screen.lose()
            return
        self._screen.take()
        if self._keyboard is not None:
            self._keyboard.take()
        size = self._screen.size
        self._view = settled(self._view, self._seen, page_of(self._view, self._seen, size))
        self._screen.draw(picture(self._view, self._seen, size), size)

    def _press(self, keys: list[str]) -> None:
        """Do what the keys ask for, one after the other, and show it once."""
        for key in keys:
            page = page_of(self._view, self._seen, self._screen.size)
            self._view, command = press(self._view, key, self._seen, page)
            if command is not None:
                self._obey(command)
        self._draw()

    def _obey(self, command: Command) -> None:
        """Ask the run for it; what it refuses is said."""
        controls = self._controls
        if controls is None:
            return
        try:
            if command.action == "set-target":
                self._set_target(controls, command.endpoint_key, command.rps)
            elif command.action == "pause":
                controls.pause()
            elif command.action == "resume":
                controls.resume()
            else:
                controls.stop()
                self._seen.is_ending = True
                self._view = replace(self._view, message="ending once what is in flight has ended; Ctrl-C cuts it")
        except TressiError as refusal:
            self._view = replace(self._view, message=str(refusal))

    def _set_target(self, controls: Controls, endpoint_key: str, rps: float) -> None:
        # Noted first: the run may tell of the change before the call returns.
        before = self._seen.target(endpoint_key)
        self._seen.asked(endpoint_key, rps)
        try:
            controls.set_target(endpoint_key, rps)
        except TressiError:
            self._seen.take_back(endpoint_key, before)
            raise

    def _overhear(self, line: str) -> None:
        """A line that others wrote to standard error: shown with the next moment, at once while there is none."""
        self._seen.note(Text.from_ansi(line).plain)
        if self._seen.moment is None:
            self._draw()

    # ----------------------------------------------------------------------------------------------------------- signals

    def _handle(self, number: int) -> None:
        """Hear of a signal, unless the process that started tressi had it ignored."""
        if signal.getsignal(number) is not signal.SIG_IGN:
            hear = self._give_way if number == signal.SIGTSTP else self._draw
            self._handlers[number] = gevent.signal_handler(number, hear)

    def _give_way(self) -> None:
        """Give the terminal back and do what Ctrl-Z always does: stop until the shell says go on."""
        self._handlers.pop(signal.SIGTSTP).cancel()  # its default action is in force again
        if self._keyboard is not None:
            self._keyboard.give_back()
        self._screen.give_back()
        os.kill(os.getpid(), signal.SIGTSTP)
        self._handle(signal.SIGTSTP)
        self._draw()
