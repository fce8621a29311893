"""Limits are those of what is shipped: a debug build keeps to none of them."""

import pytest

import counting
import serving


def pytest_collection_modifyitems(items):
    if "/debug/" not in serving.SUBJECT:
        return
    for item in items:
        if "/Limits/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="a debug build"))


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shim")
    # Workers without root's rights load it, too.
    for path in (folder, *folder.parents[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    return counting.build(folder)


@pytest.fixture
def application():
    started = counting.Application()
    yield started
    started.close()
