"""Says before anything runs which binary is tested, and that it is there."""

import os
import pathlib
import shutil
import tempfile

import pytest

import serving


def pytest_report_header(config):
    return f"subject: {serving.SUBJECT}"


def pytest_sessionstart(session):
    if not os.access(serving.SUBJECT, os.X_OK):
        pytest.exit(f"no binary at {serving.SUBJECT}: build it, or set APUS_BINARY", returncode=2)


@pytest.fixture
def folder():
    """A folder that every user may read (pytest's own are closed to workers without root's rights)."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="apus-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def serve(folder):
    """Starts servers and stops them at the end, checking that no worker died."""
    servers = []

    def start(config, start=True, **options):
        server = serving.Server(folder / f"server{len(servers)}", config, **options)
        servers.append(server)
        if start:
            server.start()
        return server

    yield start
    problems = []
    for server in reversed(servers):
        try:
            server.stop()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)
