/// The head of the answer being made. Fields with a place of their own are written in nginx's order; the rest follow from `headers`.
final class Response {
    var status = Status(rawValue: 0)
    /// The code and phrase as an upstream sent them; empty: nginx's own phrase for `status`.
    let statusLine = Buffer(capacity: 64)
    let headers = HeaderList()
    /// Without parameters of our own; empty for none.
    let contentType = Buffer(capacity: 64)
    /// Where the type ends in `contentType` if that names its charset itself, as an upstream wrote it; -1 if it does not.
    private(set) var typeEnd = -1
    /// The charset, empty for none. Added to the content type as `; charset=` unless that names it already.
    let charset = Buffer(capacity: 32)
    /// The charset that an upstream wants the body in (`X-Accel-Charset`), empty for none.
    let overridingCharset = Buffer(capacity: 16)
    /// Where the body begins in the whole content: it is the first of several parts.
    var contentOffset = 0
    /// Bytes of the body, or -1 when it is not known.
    var contentLength = -1
    /// Seconds since the epoch, or -1.
    var lastModified = -1
    /// The `Location` header: an absolute URI or a path that the writer completes.
    let location = Buffer(capacity: 64)
    /// The `Server` header as given by an upstream or a module; empty: our own.
    let server = Buffer(capacity: 32)
    /// The `Date` header as an upstream gave it; empty: now.
    let date = Buffer(capacity: 32)
    /// Ranges of the body may be asked for.
    var allowsRanges = false
    /// Only one range at a time makes sense (the body is not in one piece).
    var singleRange = false
    /// `Accept-Ranges: none` semantics were settled by an upstream.
    var disablesNotModified = false
    /// The body is left out: HEAD, 204, 304.
    var isHeadOnly = false
    /// The head has passed the filters and is on its way.
    var isHeadSent = false
    /// Bytes of the head on the wire.
    var headSize = 0
    /// The last piece of the body has passed the filters.
    var isBodyComplete = false
    /// The body is sent in chunks.
    var isChunked = false
    /// The value of `Vary: Accept-Encoding` is wanted.
    var variesByEncoding = false
    /// An ETag of ours is weakened by filters that change the body.
    var isBodyTransformed = false
    /// Sent as trailers: none unless `add_trailer` is used.
    var hasTrailers = false
    /// Trailer fields that an upstream sent and that pass to the client; nil for none.
    var trailers: HeaderList?
    /// The status that a redirect by `error_page` answers with, kept for the log: 0 for none.
    var errorStatus = Status(rawValue: 0)
    /// The file that the body is, where filters may want to know it.
    var source: ContentSource?
    /// What a filter of the head has ready in place of the body that `source` is.
    var kept: KeptContent?
    /// The upgraded connection: bytes pass unchanged both ways after the head.
    var isTunnel = false

    init() {}

    /// Forgets everything, keeps the memory.
    func reset() {
        status = Status(rawValue: 0)
        clearHead()
        isHeadOnly = false
        isHeadSent = false
        headSize = 0
        isBodyComplete = false
        isChunked = false
        isBodyTransformed = false
        hasTrailers = false
        if trailers != nil { trailers = nil }
        errorStatus = Status(rawValue: 0)
        isTunnel = false
    }

    /// Forgets what a module has set so far: another one answers.
    func clearHead() {
        statusLine.removeAll()
        headers.removeAll()
        removeContentType()
        overridingCharset.removeAll()
        contentLength = -1
        contentOffset = 0
        lastModified = -1
        location.removeAll()
        server.removeAll()
        date.removeAll()
        allowsRanges = false
        singleRange = false
        disablesNotModified = false
        variesByEncoding = false
        if source != nil { source = nil }
        if kept != nil { kept = nil }
    }

    /// The length and the ranges no longer hold: a filter changes the body.
    func forgetLength() {
        contentLength = -1
        allowsRanges = false
        headers.removeAll(.acceptRanges)
        isBodyTransformed = true
    }

    /// An entity tag stays valid for a transformed body only as a weak one (RFC 9110 8.8.3.3).
    func weakenETag() {
        guard let index = headers.firstIndex(of: .eTag) else { return }
        let bytes = headers.bytes
        let range = headers[index].valueRange
        if bytes.span(range).hasPrefix("W/") { return }
        guard !range.isEmpty, bytes[Int(range.start)] == ASCII.quote else {
            headers.remove(at: index)
            return
        }
        let start = bytes.count
        bytes.append("W/")
        bytes.appendCopy(of: range.range)
        headers.setValueRange(at: index, ByteRange(start, bytes.count))
    }

    /// The lines in nginx's own places say what they say where nobody has given them another text.
    var isOfOurMaking: Bool { statusLine.isEmpty && server.isEmpty && date.isEmpty && location.isEmpty }

    // MARK: - The content type

    /// The type without its charset.
    var mediaType: Range<Int> { 0..<(typeEnd >= 0 ? typeEnd : contentType.count) }

    func setContentType(_ type: Span<UInt8>) {
        removeContentType()
        contentType.append(type)
    }

    func setContentType(_ type: ByteString) { setContentType(type.span) }
    func setContentType(_ type: StaticString) { setContentType(type.bytes) }

    func removeContentType() {
        contentType.removeAll()
        charset.removeAll()
        typeEnd = -1
    }

    /// Takes the type as an upstream wrote it; a charset among its parameters becomes known but stays as written.
    func setContentType(received value: Span<UInt8>) {
        setContentType(value)
        var start = 0
        while let semicolon = value.firstIndex(of: ASCII.semicolon, from: start) {
            start = semicolon + 1
            while start < value.count, value[start] == ASCII.space { start += 1 }
            let rest = value.extracting(start..<value.count)
            guard rest.count >= 8, rest.extracting(0..<8).equalsIgnoringCase("charset=") else {
                continue
            }
            var name = rest.extracting(8..<rest.count)
            if !name.isEmpty, name[0] == ASCII.quote { name = name.extracting(1..<name.count) }
            if !name.isEmpty, name[name.count - 1] == ASCII.quote {
                name = name.extracting(0..<name.count - 1)
            }
            charset.append(name)
            typeEnd = semicolon
            return
        }
    }

    /// Takes the charset out of a type that an upstream wrote, so that `charset` is what is sent.
    func dropReceivedCharset() {
        guard typeEnd >= 0 else { return }
        contentType.truncate(to: typeEnd)
        typeEnd = -1
    }

    /// Appends the value of the `Content-Type` header.
    func appendContentType(to output: Buffer) {
        output.append(contentType)
        guard typeEnd < 0, !charset.isEmpty else { return }
        output.append("; charset=")
        output.append(charset)
    }
}
