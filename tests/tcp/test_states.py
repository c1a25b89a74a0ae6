"""The table of states is the state machine."""
from __future__ import annotations

from emu.tcp.states import TRANSITIONS, Cause, State


def test_every_state_but_listen_is_reached_and_left():
    reached = {target for ways in TRANSITIONS.values() for target in ways.values()}
    assert reached == set(State) - {State.LISTEN}
    assert set(TRANSITIONS) == set(State) - {State.LISTEN}


def test_a_reset_or_a_timeout_ends_every_open_state():
    for state, ways in TRANSITIONS.items():
        if state is not State.CLOSE:
            assert ways[Cause.RST] is ways[Cause.TIMEOUT] is State.CLOSE


def test_only_the_side_that_closes_first_waits():
    assert [state for state, ways in TRANSITIONS.items() if State.TIME_WAIT in ways.values()] == [State.FIN_WAIT2, State.CLOSING]


def test_numbers_are_linuxs():
    assert [state.value for state in (State.ESTABLISHED, State.SYN_SENT, State.TIME_WAIT, State.CLOSE, State.CLOSING)] == [1, 2, 6, 7, 11]
