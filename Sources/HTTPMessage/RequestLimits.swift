/// How large a request's head may be and how strict its names are: what the server block's directives say.
package struct RequestLimits: Sendable {
    /// `client_header_buffer_size`.
    package var bufferSize = 1024
    /// `large_client_header_buffers`, number and size.
    package var largeBufferCount = 4
    package var largeBufferSize = 8192
    /// `max_headers`.
    package var fieldCount = 1000
    /// `underscores_in_headers`.
    package var allowsUnderscores = false
    /// `ignore_invalid_headers`: lines with invalid names are skipped instead of kept.
    package var ignoresInvalidNames = true
    /// `allow_connect`.
    package var allowsConnect = false
    /// The parser stops once after the field that names the host, so that the limits of the server it selects can be given.
    package var pausesAtHost = false

    package init() {}
}
