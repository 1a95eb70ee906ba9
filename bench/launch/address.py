"""Whether a Ray cluster answers at an address, asked without risk for this process."""

from __future__ import annotations

import socket
import subprocess
import sys

from bench.errors import UserError

CONNECT_S = 3.0
ANSWER_S = 12.0


def check_address(address: str) -> None:
    """UserError within 15 s when no cluster answers at `address` (`host:port`, or `auto`)."""
    if "://" in address:
        raise UserError(
            f"--address {address}: ray's client protocol is not supported; "
            "run this on a machine of the cluster and give host:port, or auto"
        )
    if address != "auto":
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise UserError(f"--address {address}: expected host:port, or auto")
        try:
            socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"no Ray cluster answers at {address} ({error}); is it started there?") from error
    # In a process of its own: ray ends the process that tries to join what is not a cluster.
    code = (
        "import sys, ray; ray.init(address=sys.argv[1], logging_level=50, log_to_driver=False); ray.nodes()"
    )
    command = [sys.executable, "-c", code, address]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise UserError(f"no Ray cluster answers at {address} within {ANSWER_S:.0f} s") from error
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise UserError(f"cannot join the Ray cluster at {address}: {last[:300]}")
