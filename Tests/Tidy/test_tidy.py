"""The rules of style that a machine can hold: the order of the layers, unsafe code, lengths, names, imports."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "Sources"


def layers():
    """The layers in the order of Package.swift, the lowest first."""
    text = (ROOT / "Package.swift").read_text()
    block = re.search(r"let layers = \[(.*?)\]", text, re.S).group(1)
    return re.findall(r'"(\w+)"', block)


LAYERS = layers()
FILES = {layer: sorted((SOURCES / layer).rglob("*.swift")) for layer in LAYERS}
TYPE = re.compile(r"^(?:[\w@()]+ )*(?:class|struct|enum|protocol|typealias) (\w+)", re.M)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
STRING = re.compile(r'"""(.*?)"""|"(?:\\.|[^"\\\n])*"', re.S)


def code(path):
    """The file without comments and texts, so that words in them do not count."""
    return COMMENT.sub("", STRING.sub('""', path.read_text()))


def declared():
    """Types at the top level of files, each with its layer. A name that two layers have is left out: it says nothing."""
    names = {}
    for layer in LAYERS:
        for path in FILES[layer]:
            for name in TYPE.findall(code(path)):
                names.setdefault(name, set()).add(layer)
    return {name: next(iter(where)) for name, where in names.items() if len(where) == 1}


DECLARED = declared()


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_mentions_only_lower_layers(layer):
    height = {name: index for index, name in enumerate(LAYERS)}
    wrong = []
    for path in FILES[layer]:
        text = code(path)
        own = set(re.findall(r"(?:class|struct|enum|protocol|typealias|let|var|func|case|associatedtype) (\w+)", text))
        for word in set(re.findall(r"\b[A-Z]\w+", text)):
            other = DECLARED.get(word)
            if other and word not in own and height[other] > height[layer]:
                wrong.append(f"{path.relative_to(ROOT)} mentions {word} of {other}")
    assert not wrong, "\n".join(wrong)


# Layers that speak to the kernel or to C libraries, and single files elsewhere that wrap one call each.
UNSAFE_LAYERS = {"Platform", "Bytes", "SharedZone", "EventLoop"}
UNSAFE_FILES = {
    "Expression/MatchContext.swift": "PCRE2's match data",
    "Expression/Regex.swift": "PCRE2's compiled patterns",
    "Expression/Template.swift": "the process's one scratch stack",
    "Expression/VariableScope.swift": "the process's one scratch stack",
    "Net/Kernel+SocketAddress.swift": "socket addresses in the kernel's form",
    "Configuration/Scope.swift": "a downcast whose type was compared",
    "Configuration/Settings.swift": "a downcast whose type was compared",
    "Expression/Captures.swift": "handed to PCRE2",
    "Expression/VariableValues.swift": "the process's one scratch stack",
    "Net/HostLookup.swift": "getaddrinfo",
    "Net/ListeningSocket.swift": "socket addresses in the kernel's form",
    "Net/SocketAddress+System.swift": "socket addresses in the kernel's form",
    "HTTP2/HTTP2FieldBlock.swift": "nghttp2's arrays of fields",
    "HTTP2/HTTP2Lenience.swift": "nghttp2's decoder of fields",
    "HTTP2/HTTP2Session.swift": "nghttp2",
    "HTTP2/HTTP2Session+Callbacks.swift": "nghttp2",
    "HTTP2/HTTP2Session+Streams.swift": "nghttp2",
    "HTTPCore/TempFile.swift": "the process's counter of file names",
    "HTTPModules/Core/CoreVariables+Body.swift": "the worker's counter of request numbers",
    "HTTPModules/Gunzip/Inflater.swift": "zlib",
    "HTTPModules/Compression/Deflater.swift": "zlib",
    "HTTPModules/Compression/ZlibStream.swift": "zlib",
    "HTTPModules/Compression/IgzipDeflater.swift": "ISA-L",
    "HTTPModules/Compression/BrotliEncoder.swift": "brotli",
    "HTTPModules/Compression/ZstdEncoder.swift": "Zstandard",
    "Log/GzipMember.swift": "zlib",
    "Log/LogEnvironment.swift": "zlib",
    "TLS/OpenSSLErrors.swift": "OpenSSL",
    "TLS/OCSPQuery.swift": "OpenSSL",
    "TLS/TLSBytes.swift": "OpenSSL",
    "TLS/TLSClientStatus.swift": "OpenSSL",
    "TLS/TLSConnection.swift": "OpenSSL",
    "TLS/TLSConnection+Client.swift": "OpenSSL",
    "TLS/TLSConnection+Certificate.swift": "OpenSSL",
    "TLS/TLSConnection+Facts.swift": "OpenSSL",
    "TLS/TLSContext.swift": "OpenSSL",
    "TLS/TLSContext+Callbacks.swift": "OpenSSL",
    "TLS/TLSContext+Sessions.swift": "OpenSSL",
    "TLS/TLSContext+Verification.swift": "OpenSSL",
    "TLS/TLSHost.swift": "OpenSSL",
    "TLS/TLSObjects.swift": "OpenSSL",
    "TLS/TLSStapling.swift": "OpenSSL",
    "TLS/TLSTickets.swift": "OpenSSL",
}


def test_unsafe_code_stays_low():
    wrong = []
    for layer in LAYERS:
        if layer in UNSAFE_LAYERS:
            continue
        for path in FILES[layer]:
            name = f"{layer}/{path.relative_to(SOURCES / layer)}"
            count = len(re.findall(r"\bunsafe\b", code(path)))
            if count and name not in UNSAFE_FILES:
                wrong.append(f"{name}: {count}")
    assert not wrong, "unsafe code outside of the lowest layers:\n" + "\n".join(wrong)


EVERY = [path for layer in LAYERS for path in FILES[layer]]
TABLES = {"KnownDirectives+Data.swift", "FieldName.swift"}


def test_files_are_short():
    long = [f"{p.relative_to(ROOT)}: {n}" for p in EVERY
            if (n := len(p.read_text().splitlines())) > 600 and p.name not in TABLES]
    assert not long, "\n".join(long)


def test_lines_are_short():
    long = [f"{p.relative_to(ROOT)}:{number}" for p in EVERY for number, line in
            enumerate(p.read_text().splitlines(), 1) if len(line) > 150 and p.name not in TABLES]
    assert not long, "\n".join(long)


def test_no_vague_names():
    vague = re.compile(r"\b(?:class|struct|enum|protocol) \w*(?:Manager|Helper|Util|Utils|Common|Impl)\b")
    found = [f"{p.relative_to(ROOT)}: {m.group(0)}" for p in EVERY for m in vague.finditer(code(p))]
    assert not found, "\n".join(found)


def test_no_foundation_and_no_dispatch():
    banned = re.compile(r"^\s*(?:public |internal |@_\w+ )*import (Foundation\w*|Dispatch|Synchronization|Glibc)\b", re.M)
    found = [f"{p.relative_to(ROOT)}: {m.group(1)}" for p in EVERY for m in banned.finditer(p.read_text())]
    assert not found, "\n".join(found)


def test_nothing_unsafe_about_the_build():
    text = (ROOT / "Package.swift").read_text()
    for flag in ("-Ounchecked", "enforce-exclusivity", "assume-single-threaded"):
        assert flag not in text
    for rule in (".strictMemorySafety()", ".treatAllWarnings(as: .error)", ".swiftLanguageMode(.v6)"):
        assert rule in text


def test_no_unchecked_exclusivity():
    found = [str(p.relative_to(ROOT)) for p in EVERY if "@exclusivity(unchecked)" in code(p)]
    assert not found, "\n".join(found)


def test_no_force_unwrap_of_try():
    found = [f"{p.relative_to(ROOT)}" for p in EVERY if re.search(r"\btry!", code(p))]
    assert not found, "\n".join(found)
