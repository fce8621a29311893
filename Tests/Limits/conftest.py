"""Limits are those of what is shipped: a debug build keeps to none of them."""

import pytest

import serving


def pytest_collection_modifyitems(items):
    if "/debug/" not in serving.SUBJECT:
        return
    for item in items:
        if "/Limits/" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="a debug build"))
