"""What follows a body that cannot be framed is never taken for a request."""

import time

import pytest

from serving import Connection

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
REST = b"zz\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("pause", [0, 0.2], ids=["together", "apart"])
def test_invalid_chunk_of_an_unread_body_ends_the_connection(simple, pause):
    server = simple('location / { return 200 "first\\n"; } location /second { return 200 "second\\n"; }')
    with Connection(server.port) as connection:
        connection.send(HEAD)
        time.sleep(pause)
        connection.send(REST)
        answer = connection.response()
        # What came of the body with its head is looked at before the answer, and refuses it.
        assert answer.body == b"first\n" or not pause and answer.status == 400
        assert b"second" not in connection.rest()
