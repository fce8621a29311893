"""disable_symlinks: links in the paths of files, of one owner and of several, with and without open_file_cache."""

import os

from support import Link, Site, get

# Somebody else than the one who owns the files.
STRANGER = 1 if os.getuid() == 0 else -1

CONFIG = r"""
    server {
        listen 127.0.0.1:%%PORT%%;
        root %%ROOT%%;
        %%CACHE%%
        location /off/ { alias %%ROOT%%/; }
        location /on/ { disable_symlinks on; alias %%ROOT%%/; }
        location /owner/ { disable_symlinks if_not_owner; alias %%ROOT%%/; }
        location /from/ { disable_symlinks on from=%%ROOT%%/folder-link; alias %%ROOT%%/; }
        location /from-slash/ { disable_symlinks on from=%%ROOT%%/folder-link/; alias %%ROOT%%/; }
        location /from-part/ { disable_symlinks on from=%%ROOT%%/folder; alias %%ROOT%%/; }
        location /from-all/ { disable_symlinks on from=%%ROOT%%/link.txt; alias %%ROOT%%/; }
        location /from-variable/ { disable_symlinks on from=$document_root$arg_d; alias %%ROOT%%/folder-link/; }
        location /from-else/ { disable_symlinks if_not_owner from=/nowhere; alias %%ROOT%%/; }
        location /try/ { disable_symlinks on; root %%ROOT%%; try_files $uri /folder-link/a.txt /plain.txt =404; }
        location /index-link/ { disable_symlinks on; alias %%ROOT%%/folder/; index link.txt a.txt; }
        location /list/ { disable_symlinks on; alias %%ROOT%%/folder/; autoindex on; index none; }
        location /list-link/ { disable_symlinks on; alias %%ROOT%%/folder-link/; autoindex on; index none; }
        location /packed/ { disable_symlinks on; alias %%ROOT%%/packed/; gzip_static always; }
        location /test/ {
            disable_symlinks on;
            if (-f $document_root/link.txt) { return 200 "a file"; }
            if (-e $document_root/folder-link/a.txt) { return 200 "something"; }
            return 200 "nothing";
        }
        location /page/ { disable_symlinks on; alias %%ROOT%%/; error_page 403 404 /on/plain.txt; }
        location /inherited/ { disable_symlinks on from=%%ROOT%%/folder-link; location /inherited/in/ { alias %%ROOT%%/; } }
    }
"""

FILES = {
    "plain.txt": b"a file\n",
    "folder/a.txt": b"in a folder\n",
    "folder/link.txt": Link("a.txt"),
    "folder/index.html": b"an index\n",
    "large.bin": b"0123456789abcdef" * 8_192,
    "link.txt": Link("plain.txt"),
    "large-link.bin": Link("large.bin"),
    "folder-link": Link("folder"),
    "loop": Link("loop"),
    "dangling": Link("nowhere"),
    "theirs.txt": Link("plain.txt", STRANGER),
    "theirs-folder": Link("folder", STRANGER),
    "packed/x.txt.gz": Link("../folder/a.txt"),
    "packed/x.txt": b"not packed\n",
}

PLACES = ("off", "on", "owner", "from", "from-slash", "from-part", "from-all", "from-else", "page", "inherited/in")
NAMES = ("plain.txt", "folder/a.txt", "folder/link.txt", "link.txt", "large.bin", "large-link.bin", "folder-link/a.txt",
         "folder-link/link.txt", "folder-link/", "folder-link", "folder/", "folder", "loop", "dangling", "missing", "plain.txt/x",
         "theirs.txt", "theirs-folder/a.txt", "link.txt/x", "folder//a.txt")
REQUESTS = {f"{place}-{name}": get(f"/{place}/{name}") for place in PLACES for name in NAMES} | {
    "root": get("/on/"),
    "variable": get("/from-variable/a.txt?d=/"),
    "variable-empty": get("/from-variable/a.txt"),
    "variable-link": get("/from-variable/link.txt?d=/"),
    "try": get("/try/x"),
    "try-link": get("/try/../link.txt"),
    "index-link": get("/index-link/"),
    "list": get("/list/"),
    "list-link": get("/list-link/"),
    "packed": get("/packed/x.txt"),
    "test": get("/test/"),
    # Twice: what is known of a path from where links are followed is no proof where they are not.
    "known-first": get("/off/link.txt"),
    "known-then": get("/on/link.txt"),
}


def site(name, cache):
    return Site(name, CONFIG.replace("%%CACHE%%", cache), REQUESTS, FILES, torn=False)


LINKS = site("links", "")
CACHED = site("links-cached", "open_file_cache max=100 inactive=60s; open_file_cache_errors on; open_file_cache_min_uses 1;")
SITES = [LINKS, CACHED]
