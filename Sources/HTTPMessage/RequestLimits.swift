/// How large a request's head may be and how strict its names are: what the server block's directives say.
public struct RequestLimits: Sendable {
    /// `client_header_buffer_size`.
    public var bufferSize = 1024
    /// `large_client_header_buffers`, number and size.
    public var largeBufferCount = 4
    public var largeBufferSize = 8192
    /// `max_headers`.
    public var fieldCount = 1000
    /// `underscores_in_headers`.
    public var allowsUnderscores = false
    /// `ignore_invalid_headers`: lines with invalid names are skipped instead of kept.
    public var ignoresInvalidNames = true
    /// `allow_connect`.
    public var allowsConnect = false
    /// The parser stops once after the field that names the host, so that the limits of the server it selects can be given.
    public var pausesAtHost = false

    public init() {}
}
