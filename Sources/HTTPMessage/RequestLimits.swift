/// How large a request's head may be and how strict its names are: what the server block's directives say.
struct RequestLimits: Sendable {
    /// `client_header_buffer_size`.
    var bufferSize = 1024
    /// `large_client_header_buffers`, number and size.
    var largeBufferCount = 4
    var largeBufferSize = 8192
    /// `max_headers`.
    var fieldCount = 1000
    /// `underscores_in_headers`.
    var allowsUnderscores = false
    /// `ignore_invalid_headers`: lines with invalid names are skipped instead of kept.
    var ignoresInvalidNames = true
    /// `allow_connect`.
    var allowsConnect = false
    /// The parser stops once behind the request line, so that the target can be looked at before anything else.
    var pausesAtLine = false
    /// The parser stops once after the field that names the host, so that the limits of the server it selects can be given.
    var pausesAtHost = false

    init() {}
}
