"""Every directive in every context with 0 to 4 arguments: `-t` says what the real nginx says.

The exit status and the first line of the message are compared (Apus adds advice in further lines).
directives.tsv holds the open-source directives of the modules built first, as far as Debian's
nginx 1.22 knows them: name, contexts, the arguments' syntax.
"""

import concurrent.futures
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

import differences
import serving
from serving import NOT_BUILT, REFERENCE, SUBJECT

PORT = 18498  # `-t` binds what `listen` names
CONTEXTS = {
    "main": "DIRECTIVE\nevents { }\n",
    "events": "events {\nDIRECTIVE\n}\n",
    "http": "events { }\nhttp {\nDIRECTIVE\nserver { listen 127.0.0.1:PORT; }\n}\n",
    "server": "events { }\nhttp { server { listen 127.0.0.1:PORT;\nDIRECTIVE\n} }\n",
    "location": "events { }\nhttp { server { listen 127.0.0.1:PORT; location /l {\nDIRECTIVE\n} } }\n",
    "if in server": "events { }\nhttp { server { listen 127.0.0.1:PORT; if ($host) {\nDIRECTIVE\n} } }\n",
    "if in location":
        "events { }\nhttp { server { listen 127.0.0.1:PORT; location /l { if ($host) {\nDIRECTIVE\n} } } }\n",
    "limit_except":
        "events { }\nhttp { server { listen 127.0.0.1:PORT; location /l { limit_except GET {\nDIRECTIVE\n} } } }\n",
    "upstream": "events { }\nhttp { upstream u { server 127.0.0.1:1;\nDIRECTIVE\n}\n"
                "server { listen 127.0.0.1:PORT; } }\n",
}
BLOCKS = {
    "events": "{ }", "http": "{ }", "types": "{ text/plain txt; }", "map": "{ a b; }", "if": "{ }",
    "charset_map": "{ C0 D18E; }", "limit_except": "{ }", "location": "{ }",
    "server": f"{{ listen 127.0.0.1:{PORT - 1}; }}", "upstream": "{ server 127.0.0.1:1; }",
}
# Arguments that are right, one after another, where the syntax column does not tell them.
ARGUMENTS = {
    "access_log": ["a.log", "combined"], "add_header": ["X-A", "v", "always"], "add_trailer": ["X-A", "v", "always"],
    "alias": ["/tmp/"], "allow": ["127.0.0.1"], "deny": ["all"], "auth_basic_user_file": ["users"], "autoindex_format": ["json"],
    "charset": ["utf-8"], "charset_map": ["koi8-r", "utf-8"], "client_body_temp_path": ["temp", "1", "2", "2"],
    "client_body_in_file_only": ["clean"], "debug_connection": ["127.0.0.1"], "debug_points": ["stop"], "default_type": ["text/plain"],
    "env": ["A=b"], "error_log": ["e.log", "info"], "error_page": ["404", "/x"], "expires": ["modified", "1h"],
    "fastcgi_catch_stderr": ["text"],
    "fastcgi_next_upstream": ["error", "timeout"], "fastcgi_param": ["A", "b", "if_not_empty"],
    "fastcgi_pass": ["127.0.0.1:1"], "fastcgi_split_path_info": ["^(a)(b)$"], "fastcgi_temp_path": ["temp", "1", "2", "2"],
    "scgi_next_upstream": ["error", "timeout"], "scgi_param": ["A", "b", "if_not_empty"], "scgi_pass": ["unix:/tmp/scgi.sock"],
    "uwsgi_next_upstream": ["error", "timeout"], "uwsgi_param": ["A", "b", "if_not_empty"], "uwsgi_pass": ["suwsgi://127.0.0.1:1"],
    "memcached_pass": ["127.0.0.1:1"], "memcached_next_upstream": ["not_found", "error"],
    "fastcgi_bind": ["127.0.0.1", "transparent"], "scgi_bind": ["127.0.0.1", "transparent"], "uwsgi_bind": ["off"],
    "scgi_temp_path": ["temp", "1", "2", "2"], "uwsgi_temp_path": ["temp", "1", "2", "2"], "uwsgi_ignore_headers": ["Expires"],
    "uwsgi_ssl_protocols": ["TLSv1.2", "TLSv1.3"], "http2_streams_index_size": ["32"],
    "grpc_bind": ["127.0.0.1", "transparent"], "grpc_ignore_headers": ["Expires"], "grpc_next_upstream": ["error", "timeout"],
    "grpc_pass": ["grpc://127.0.0.1:1"], "grpc_set_header": ["X-A", "v"], "grpc_ssl_conf_command": ["Options", "PrioritizeChaCha"],
    "grpc_ssl_protocols": ["TLSv1.2", "TLSv1.3"],
    "gzip_buffers": ["8", "4k"], "gzip_disable": ["msie6"], "gzip_http_version": ["1.0"], "gzip_proxied": ["any"],
    "gzip_static": ["always"], "hash": ["$host", "consistent"], "if": ["($host)"], "if_modified_since": ["before"],
    "include": ["none*.conf"], "keepalive_disable": ["none"], "keepalive_timeout": ["5s", "6s"],
    "large_client_header_buffers": ["4", "8k"], "limit_conn": ["c", "1"], "limit_conn_log_level": ["info"],
    "limit_conn_status": ["429"], "limit_conn_zone": ["$host", "zone=c:1m"], "limit_except": ["GET"], "limit_req": ["zone=z", "burst=2", "nodelay"],
    "limit_req_log_level": ["info"], "limit_req_status": ["429"], "limit_req_zone": ["$host", "zone=z:1m", "rate=1r/s"],
    "lingering_close": ["always"], "listen": [f"127.0.0.1:{PORT - 2}", "default_server", "backlog=5", "reuseport"],
    "load_module": ["/nonexistent/module.so"], "location": ["=", "/x"], "lock_file": ["l.lock"], "log_format": ["name", "$host"],
    "map": ["$host", "$x"], "open_file_cache": ["max=10", "inactive=5s"], "open_log_file_cache": ["max=10", "inactive=5s"],
    "output_buffers": ["2", "32k"], "pid": ["p.pid"], "proxy_bind": ["127.0.0.1", "transparent"], "proxy_buffers": ["8", "4k"],
    "proxy_cache": ["z"], "proxy_cache_methods": ["GET"], "proxy_cache_path": ["cache", "keys_zone=z:1m"],
    "proxy_cache_use_stale": ["error"], "proxy_cache_valid": ["200", "1m"], "proxy_cookie_domain": ["a", "b"],
    "proxy_cookie_flags": ["a", "secure"], "proxy_cookie_path": ["/a", "/b"], "proxy_http_version": ["1.1"],
    "proxy_ignore_headers": ["Expires"], "proxy_method": ["GET"], "proxy_next_upstream": ["error", "timeout"],
    "proxy_pass": ["http://127.0.0.1:1"], "proxy_redirect": ["/a", "/b"], "proxy_set_header": ["X-A", "v"],
    "proxy_ssl_conf_command": ["Options", "PrioritizeChaCha"], "proxy_ssl_protocols": ["TLSv1.2", "TLSv1.3"],
    "proxy_store": ["on"], "proxy_store_access": ["user:rw", "group:r"], "proxy_temp_path": ["temp", "1", "2", "2"],
    "random": ["two", "least_conn"], "real_ip_header": ["X-Own"], "resolver": ["127.0.0.1", "valid=5s"], "return": ["200", "text"],
    "rewrite": ["^/a", "/b", "last"], "root": ["/tmp"], "satisfy": ["any"], "server_name": ["a.test", "b.test"],
    "server_tokens": ["build"], "set": ["$x", "v"], "set_real_ip_from": ["127.0.0.1"], "source_charset": ["utf-8"],
    "thread_pool": ["t", "threads=2", "max_queue=3"], "try_files": ["$uri", "/x"], "upstream": ["name"], "use": ["epoll"],
    "user": ["root", "root"], "worker_cpu_affinity": ["auto"], "worker_processes": ["auto"], "working_directory": ["/tmp"],
    "zone": ["z", "64k"], "disable_symlinks": ["on"], "charset_types": ["text/x"], "gzip_types": ["text/x"], "aio": ["threads"],
    "ancient_browser": ["MSIE"], "modern_browser": ["msie", "5.5"], "userid": ["v1"], "userid_expires": ["1d"],
    "userid_flags": ["secure", "httponly", "samesite=lax"], "userid_mark": ["x"], "valid_referers": ["none", "a.test"],
    "secure_link_secret": ["word"], "sub_filter": ["a", "b"], "sub_filter_types": ["text/x"], "addition_types": ["text/x"],
    "ssi_types": ["text/x"], "auth_request_set": ["$told", "v"], "mirror": ["/copy"],
    "ssl_protocols": ["TLSv1.2", "TLSv1.3"], "ssl_session_cache": ["builtin:100", "shared:S:1m"], "ssl_ocsp": ["leaf"],
    "ssl_verify_client": ["optional"], "ssl_conf_command": ["Options", "PrioritizeChaCha"], "ssl_ocsp_cache": ["shared:O:1m"],
    "server upstream": ["127.0.0.1:1", "weight=2", "max_fails=1", "backup"], "keepalive": ["3"],
}
# Whatever else an argument is: a word that fits nowhere. No host names, which would be looked up.
WRONG = {name: "127.0.0.1:99999" for name in (
    "listen", "server", "set_real_ip_from", "debug_connection", "resolver", "proxy_bind", "grpc_bind", "fastcgi_pass", "scgi_pass",
    "uwsgi_pass", "fastcgi_bind", "scgi_bind", "uwsgi_bind", "memcached_bind", "memcached_pass", "allow", "deny")}


def rows():
    table = pathlib.Path(__file__).with_name("directives.tsv").read_text()
    for line in table.splitlines():
        name, contexts, syntax = line.split("\t")
        yield name, contexts.split(","), syntax


def plausible(name, context, syntax):
    if name == "server" and context == "upstream":
        return ARGUMENTS["server upstream"]
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    for pattern, value in [
            (r"\bon \| off|off \| on", "on"), (r"^size|\| size|^rate", "4k"), (r"^time|\| time|interval", "5s"),
            (r"^number", "3")]:
        if re.search(pattern, syntax):
            return [value]
    return ["word"]


def configurations():
    """Each as (id, directive, text)."""
    for name, allowed, syntax in rows():
        for context, template in CONTEXTS.items():
            values = plausible(name, context, syntax)
            is_block = name in BLOCKS and not (name == "server" and context == "upstream")
            end = " " + BLOCKS[name] if is_block else ";"
            sets = {}
            for count in range(5):
                sets[str(count)] = (values + [values[-1]] * 4)[:count]
            if context in allowed or any(part in context for part in allowed if part == "if"):
                for count in range(1, 5):
                    sets[f"{count}-wrong"] = [WRONG.get(name, "wrong")] * count
                sets["variable"] = ["$nonexistent"]
                sets["empty"] = ['""']
                sets["unterminated"] = values
                sets["twice"] = values
            for label, words in sets.items():
                text = " ".join([name, *words])
                if label == "unterminated":
                    text += ";" if is_block else " { }"
                else:
                    text += end
                if label == "twice":
                    text += "\n" + text
                identity = f"{name}-{context.replace(' ', '_')}-{label}"
                yield identity, name, template.replace("DIRECTIVE", text).replace("PORT", str(PORT))


ALL = list(configurations())
BY_DIRECTIVE = {}
for _identity, _name, _text in ALL:
    BY_DIRECTIVE.setdefault(_name, []).append((_identity, _text))


def check(binary, text):
    """The exit status, and the first line without what differs between two folders."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-t-"))
    try:
        (folder / "logs").mkdir()
        (folder / "nginx").symlink_to(shutil.which(binary) or binary)
        (folder / "nginx.conf").write_text(text)
        done = subprocess.run(
            [str(folder / "nginx"), "-t", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "logs/error.log"], timeout=30,
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, cwd=folder)
        lines = done.stderr.replace(str(folder), "PREFIX").splitlines()
        return done.returncode, re.sub(r"^nginx: ", "", lines[0]) if lines else ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@functools.lru_cache(maxsize=4)
def answers(name):
    """Both binaries' answers for all configurations of a directive, a few at a time."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        def ask(binary):
            return {identity: pool.submit(check, binary, text) for identity, text in BY_DIRECTIVE[name]}
        reference, subject = ask(REFERENCE), ask(SUBJECT)
        return {identity: (reference[identity].result(), subject[identity].result())
                for identity in reference}


@pytest.mark.parametrize("identity, name", [pytest.param(i, n, id=i) for i, n, _ in ALL])
def test_same_verdict(identity, name):
    reference, subject = answers(name)[identity]
    if NOT_BUILT.match(subject[1]):
        pytest.skip(re.sub(r" in PREFIX.*", "", subject[1]))
    if reference == subject:
        return
    expected = differences.directive(identity)
    if expected and expected.matches(f"- {reference[0]} {reference[1]}") \
            and expected.matches(f"+ {subject[0]} {subject[1]}"):
        return
    pytest.fail(f"\n- {reference[0]} {reference[1]}\n+ {subject[0]} {subject[1]}", pytrace=False)
