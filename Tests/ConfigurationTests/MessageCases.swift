/// Configurations and what nginx 1.22 says about them, word by word. The files that they include are in `Fixture.files`.
let messageCases: [(text: String, message: String)] = [
    (
        "events {\n",
        "unexpected end of file, expecting \"}\" in /c.conf:2"
    ),
    (
        "events {",
        "unexpected end of file, expecting \"}\" in /c.conf:1"
    ),
    (
        "user",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:1"
    ),
    (
        "user a",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:1"
    ),
    (
        "user\n\n",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:3"
    ),
    (
        "user \"a\nb",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:2"
    ),
    (
        "user 'a",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:1"
    ),
    (
        ";",
        "unexpected \";\" in /c.conf:1"
    ),
    (
        "{}",
        "unexpected \"{\" in /c.conf:1"
    ),
    (
        "}",
        "unexpected \"}\" in /c.conf:1"
    ),
    (
        "events {}\n}\n",
        "unexpected \"}\" in /c.conf:2"
    ),
    (
        "user a b c;",
        "invalid number of arguments in \"user\" directive in /c.conf:1"
    ),
    (
        "user;",
        "invalid number of arguments in \"user\" directive in /c.conf:1"
    ),
    (
        "user a }",
        "unexpected \"}\" in /c.conf:1"
    ),
    (
        "user \"a\"b;",
        "unexpected \"b\" in /c.conf:1"
    ),
    (
        "user \"a\"}",
        "unexpected \"}\" in /c.conf:1"
    ),
    (
        "user 'a'#;",
        "unexpected \"#\" in /c.conf:1"
    ),
    (
        "user {}",
        "directive \"user\" is not terminated by \";\" in /c.conf:1"
    ),
    (
        "events;",
        "directive \"events\" has no opening \"{\" in /c.conf:1"
    ),
    (
        "events a {}",
        "invalid number of arguments in \"events\" directive in /c.conf:1"
    ),
    (
        "lisen 80;",
        "unknown directive \"lisen\" in /c.conf:1"
    ),
    (
        "lisen 80 {}",
        "unknown directive \"lisen\" in /c.conf:1"
    ),
    (
        "\n\n\"lisen\"\n80\n;",
        "unknown directive \"lisen\" in /c.conf:5"
    ),
    (
        "daemon on;\ndaemon off;",
        "\"daemon\" directive is duplicate in /c.conf:2"
    ),
    (
        "daemon yes;",
        "invalid value \"yes\" in \"daemon\" directive, it must be \"on\" or \"off\" in /c.conf:1"
    ),
    (
        "daemon ON;daemon x;",
        "\"daemon\" directive is duplicate in /c.conf:1"
    ),
    (
        "daemon\non\noff\n;",
        "invalid number of arguments in \"daemon\" directive in /c.conf:4"
    ),
    (
        "gzip on;",
        "\"gzip\" directive is not allowed here in /c.conf:1"
    ),
    (
        "events {}\nhttp { user a; }",
        "\"user\" directive is not allowed here in /c.conf:2"
    ),
    (
        "events {}\nhttp { events {} }",
        "\"events\" directive is not allowed here in /c.conf:2"
    ),
    (
        "events {}\nhttp { server { http {} } }",
        "\"http\" directive is not allowed here in /c.conf:2"
    ),
    (
        "events {}\nhttp {\n gzip on;\n gzip off;\n}",
        "\"gzip\" directive is duplicate in /c.conf:4"
    ),
    (
        "events {}\nhttp {\n  gzip_min_length x;\n}",
        "\"gzip_min_length\" directive invalid value in /c.conf:3"
    ),
    (
        "events {}\nhttp { keepalive_requests 1k; }",
        "\"keepalive_requests\" directive invalid number in /c.conf:2"
    ),
    (
        "events {}\nhttp { keepalive_requests \"\"; }",
        "\"keepalive_requests\" directive invalid number in /c.conf:2"
    ),
    (
        "events {}\nhttp { client_body_buffer_size 1g; }",
        "\"client_body_buffer_size\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { client_max_body_size 1t; }",
        "\"client_max_body_size\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { send_timeout 1x; }",
        "\"send_timeout\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { send_timeout 1y; }",
        "\"send_timeout\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { proxy_buffers 0 4k; }",
        "\"proxy_buffers\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { proxy_buffers 4 4x; }",
        "\"proxy_buffers\" directive invalid value in /c.conf:2"
    ),
    (
        "events {}\nhttp { proxy_http_version 3; }",
        "invalid value \"3\" in /c.conf:2"
    ),
    (
        "events {}\nhttp { proxy_next_upstream error nope; }",
        "invalid value \"nope\" in /c.conf:2"
    ),
    (
        "events {}\nhttp { root a; root b; }",
        "\"root\" directive is duplicate in /c.conf:2"
    ),
    (
        "events {}\nhttp { proxy_set_header a; }",
        "invalid number of arguments in \"proxy_set_header\" directive in /c.conf:2"
    ),
    (
        "events {}\nhttp { types { a b; c { } } }",
        "unexpected \"{\" in /c.conf:2"
    ),
    (
        "events {}\nhttp { types { a b;\n }",
        "unexpected end of file, expecting \"}\" in /c.conf:3"
    ),
    (
        "events {}\nhttp { upstream a { } }",
        "no servers are inside upstream in /c.conf:2"
    ),
    (
        "events {}\nhttp {\n upstream a {\n lisen 1;\n}\n}",
        "unknown directive \"lisen\" in /c.conf:4"
    ),
    (
        "events {}\nhttp { server { location / { gzip on\n } } }",
        "unexpected \"}\" in /c.conf:3"
    ),
    (
        "events {}\nhttp { server {\n location / {\n gzip x;\n }\n lisen x;\n} gzip y; }",
        "invalid value \"x\" in \"gzip\" directive, it must be \"on\" or \"off\" in /c.conf:4"
    ),
    (
        "events {}\nhttp { server { lisen 1; } }\n}",
        "unknown directive \"lisen\" in /c.conf:2"
    ),
    (
        "lisen 80;\nuser \"a",
        "unknown directive \"lisen\" in /c.conf:1"
    ),
    (
        "include nope.conf;",
        "open() \"/nope.conf\" failed (2: No such file or directory) in /c.conf:1"
    ),
    (
        "include;",
        "invalid number of arguments in \"include\" directive in /c.conf:1"
    ),
    (
        "include a b;",
        "invalid number of arguments in \"include\" directive in /c.conf:1"
    ),
    (
        "include good.conf {}",
        "directive \"include\" is not terminated by \";\" in /c.conf:1"
    ),
    (
        "include bad.conf;",
        "unexpected \"}\" in /bad.conf:2"
    ),
    (
        "events {}\ninclude open.conf;",
        "unexpected end of file, expecting \"}\" in /open.conf:2"
    ),
    (
        "include unknown.conf;",
        "unknown directive \"lisen\" in /unknown.conf:3"
    ),
    (
        "include none*.conf;lisen 1;",
        "unknown directive \"lisen\" in /c.conf:1"
    ),
    (
        "include good.conf;daemon off;",
        "\"daemon\" directive is duplicate in /c.conf:1"
    ),
    (
        "events {}\nhttp { server { if ($a) { root x; root y; } } }",
        "\"root\" directive is not allowed here in /c.conf:2"
    ),
    (
        "user \(long("x", 4100));\n",
        "too long parameter \"xxxxxxxxxx...\" started in /c.conf:1"
    ),
    (
        "user \"\(long("x", 4100))\";\n",
        "too long parameter, probably missing terminating \"\"\" character in /c.conf:1"
    ),
    (
        "user '\(long("x", 4100))';\n",
        "too long parameter, probably missing terminating \"'\" character in /c.conf:1"
    ),
    (
        "user \(long("y", 5000))",
        "too long parameter \"yyyyyyyyyy...\" started in /c.conf:1"
    ),
    (
        "\tuser a\\",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:1"
    ),
    (
        "user \"a\\\";",
        "unexpected end of file, expecting \";\" or \"}\" in /c.conf:1"
    ),
    (
        "user ${a{b};",
        "directive \"user\" is not terminated by \";\" in /c.conf:1"
    ),
    (
        "user root;\r\nlisen\r\n1;",
        "unknown directive \"lisen\" in /c.conf:3"
    ),
    (
        "\u{FEFF}user a;",
        "unknown directive \"\u{FEFF}user\" in /c.conf:1"
    ),
    (
        "events {}\nhttp { server { location /a { } location /b } }",
        "unexpected \"}\" in /c.conf:2"
    ),
    (
        "events {}\nhttp { limit_rate 1; limit_rate 2; }",
        "\"limit_rate\" directive is duplicate in /c.conf:2"
    ),
    (
        "events {}\nhttp { server_names_hash_max_size x; }",
        "\"server_names_hash_max_size\" directive invalid number in /c.conf:2"
    ),
    (
        "events {}\nhttp { server { server_names_hash_max_size 1; } }",
        "\"server_names_hash_max_size\" directive is not allowed here in /c.conf:2"
    ),
]

private func long(_ letter: Character, _ count: Int) -> String {
    String(repeating: letter, count: count)
}
