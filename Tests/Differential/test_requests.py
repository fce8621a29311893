"""Every site's requests, put to both servers: status, headers, body and log line agree."""

import importlib
import pathlib
import re

import pytest

import differences
from support import close_pairs, pair_for
from support import differences as unequal_lines

SITES = [
    site
    for file in sorted((pathlib.Path(__file__).parent / "sites").glob("*.py"))
    for site in importlib.import_module(f"sites.{file.stem}").SITES
]
CASES = [
    pytest.param(site, name, data, id=f"{site.name}-{name}")
    for site in SITES for name, data in site.requests.items()
]


@pytest.fixture(scope="module", autouse=True)
def stop_at_the_end():
    yield
    close_pairs()


def check(site, name, reference, subject):
    found = unequal_lines(reference, subject)
    expected = differences.REQUESTS.get(f"{site.name}-{name}")
    if expected:
        found = [line for line in found if not expected.matches(line)]
    if found:
        pytest.fail("- nginx, + the subject:\n" + "\n".join(found), pytrace=False)


@pytest.mark.parametrize("site, name, data", CASES)
def test_same_answer(site, name, data):
    pair = pair_for(site)
    check(site, name, *pair.both(name, data))


def without_pipelining(lines):
    """Requests that come byte by byte are not pipelined, and the logged $pipe says so."""
    return [re.sub(r'^(log: .* \d+ \d+) p "', r'\1 . "', line) for line in lines]


# Malformed requests are left out here: both servers answer and close in the middle of them, and
# whether the answer outlives the reset that follows is a race.
@pytest.mark.parametrize(
    "site", [pytest.param(site, id=site.name) for site in SITES if site.torn])
def test_same_answers_when_torn(site):
    """A request that comes byte by byte is answered as one that comes whole."""
    pair = pair_for(site)
    wrong = {}
    for name, data in site.requests.items():
        if name not in pair.answers:
            pair.both(name, data)
        expected = pair.answers[name]
        refused = any(re.match(r"HTTP/1.1 (400|408|413|414|505|0) ", line) for line in expected)
        if refused or not expected or len(data) > 600 or name in site.untorn:
            continue
        found = unequal_lines(without_pipelining(expected), without_pipelining(pair.torn(data)))
        allowed = differences.REQUESTS.get(f"{site.name}-{name}")
        if allowed:
            found = [line for line in found if not allowed.matches(line)]
        if found:
            wrong[name] = found
    if wrong:
        pytest.fail("\n".join([f"{name}:\n  " + "\n  ".join(lines) for name, lines in wrong.items()]), pytrace=False)
