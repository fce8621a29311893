"""What the scripts that measure rely on."""

import socket
import subprocess
import sys

import serving

sys.path.insert(0, str(serving.ROOT / "scripts"))
import workload  # noqa: E402


def test_scripts_that_measure_at_the_same_time_have_ports_of_their_own():
    """A port that one run has chosen is free for its server, and for nobody else, between two of its servers, too."""
    own = workload.reserve_ports(20)
    other = subprocess.run(
        [sys.executable, "-c", "import workload; print(*workload.reserve_ports(20))"], cwd=serving.ROOT / "scripts", check=True,
        capture_output=True, text=True).stdout
    assert len({*own, *map(int, other.split())}) == 40
    for _ in range(2):
        with socket.create_server(("127.0.0.1", own[0])) as server, socket.create_connection(("127.0.0.1", own[0])) as client:
            assert server.accept()[1] == client.getsockname()
    # Whoever asks for just this port without sharing it is refused, though nobody listens there now.
    with socket.socket() as stranger:
        try:
            stranger.bind(("127.0.0.1", own[0]))
        except OSError:
            return
    raise AssertionError(f"{own[0]} was given away")


def test_no_script_that_measures_has_fixed_ports():
    for name in ("bench", "latency", "profile"):
        text = (serving.ROOT / "scripts" / name).read_text()
        assert "reserve_ports" in text
        assert not [word for word in text.replace(",", " ").split() if word.isdigit() and 10_000 <= int(word) <= 65_535]
