from __future__ import annotations

import socket

import pytest

from bench.errors import UserError
from bench.launch import address


def refusal(given: str) -> str:
    with pytest.raises(UserError) as caught:
        address.check_address(given)
    return str(caught.value)


def test_an_address_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "ANSWER_S", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        mute = refusal(f"127.0.0.1:{port}")  # it listens, but is no cluster
    assert mute.startswith(("no Ray cluster answers", "cannot join the Ray cluster"))
    closed = refusal(f"127.0.0.1:{port}")
    assert closed.startswith(f"no Ray cluster answers at 127.0.0.1:{port}")
    assert "expected host:port" in refusal("nonsense")
    assert "client protocol is not supported" in refusal("ray://there:10001")
    for message in (mute, closed):
        assert len(message.splitlines()) == 1
