/// Small inputs from which the mutation tests start; the same texts seed the fuzzer's corpora.
enum Corpora {
    static let requestHeads = [
        "\0\u{0}GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "\0\u{3}GET /a/../b//c.html?x=1#y HTTP/1.1\r\nHost: Example.COM.:8080\r\nA:  b \r\n\r\n",
        "\u{7}\u{1}POST http://u.example:81/p%20q?a HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 5\r\n\r\nabcde",
        "\u{7}\u{1}CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{2}\u{5}\r\n\r\nPUT /x HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nConnection: close\n\n",
        "\0\0GET /\r\n", "\0\0GET http://a?b\n",
        "\u{10}\0GET / HTTP/1.0\r\na:b\r\nc:d\r\ne:f\r\ng:h\r\n\r\n",
        "\u{8}\u{2}GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nUser-Agent: abcdefghijklmnopqrstuvwxyz\r\n\r\n",
        "\u{1}\u{f}OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nX_Y: z\r\n\r\n",
    ]

    static let responseHeads = [
        "\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
        "\u{2}HTTP/1.0 403.1 No\nHTTP/1.1 200 OK\nServer: x\n\n",
        "\u{4}HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\u{1}Status: 404 Not Found\r\nX_a:b\r\n\r\n",
        "\u{6}HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ]

    static let uris = [
        "\0a/b/../c/./d//e.html?x=1&ab=2", "\u{1}%41%2e%2E/%2f/..%2e/x", "\u{1}../../x", "\0a%00",
        "\0a+b%2B",
        "\u{1}a%3Fb%23c%25d?e#f", "\0bytes=0-1,5-,-3", "\0Sun, 06 Nov 1994 08:49:37 GMT",
        "\0Sunday, 06-Nov-94 08:49:37 GMT", "\0Sun Nov  6 08:49:37 1994", "\0x;ab = 5; c",
    ]

    static let chunked = [
        "\u{2}5\r\nhello\r\n0\r\n\r\n",
        "\u{4}A;x=y\r\n0123456789\r\n1 \r\nz\r\n0\r\nTrailer: a\r\n\r\nnext",
        "\u{1}3\r\nabc\r\n00;e\r\nX: y\r\n\r\n", "\u{6}7fffffffffffffff\r\nabc",
        "\0ffffffffffffffffff\r\n",
    ]
}
