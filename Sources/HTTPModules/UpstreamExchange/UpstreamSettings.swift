/// What every family of upstream directives (`proxy_`, `fastcgi_`, ...) sets. The initial values are the defaults.
struct UpstreamSettings: Sendable {
    // Times, in milliseconds.
    var connectTimeout = 60_000
    var sendTimeout = 60_000
    var readTimeout = 60_000

    // The answer's way through memory and file.
    var isBuffering = true
    /// Whether an answer may say otherwise.
    var changesBuffering = true
    var bufferSize = 4_096
    var buffers = BufferPlan(count: 8, size: 4_096)
    var busyBuffersSize: Int?
    var maxTempFileSize: Int?
    var tempFileWriteSize: Int?
    var tempPath: TempPath
    var limitRate: Template?

    // The request.
    var buffersRequest = true
    var passesRequestHeaders = true
    var passesRequestBody = true
    var ignoresClientAbort = false

    // The answer's head.
    var hiddenHeaders: [ByteString] = []
    var passedHeaders: [ByteString] = []
    /// What the family hides if nobody says otherwise.
    let hiddenByDefault: [ByteString]
    /// Made of the three lists above.
    var hidden: HiddenHeaders
    var ignored: IgnoredHeaders = []
    var forcesRanges = false
    var interceptsErrors = false
    /// A page of ours stands for an answer 404.
    var intercepts404 = false
    var passesTrailers = false

    // Other servers.
    var retryConditions: RetryConditions = [.error, .timeout]
    var retryTries = 0
    var retryTimeout = 0

    // The socket.
    var local: LocalAddress?
    var socketKeepalive = false
    var receiveBuffer = 0
    var sendBuffer = 0

    /// What connections begin with.
    var introduction: UpstreamIntroduction?

    // TLS.
    var tls = TLSClientConfiguration()

    init(tempPath: TempPath, hiding hiddenByDefault: [ByteString] = HiddenHeaders.standard) {
        self.tempPath = tempPath
        self.hiddenByDefault = hiddenByDefault
        hidden = HiddenHeaders(hidden: [], passed: [], standard: hiddenByDefault)
    }

    var retryPolicy: RetryPolicy {
        RetryPolicy(conditions: retryConditions, timeout: retryTimeout)
    }

    /// The larger of the buffers for the head and for the body.
    var largestBuffer: Int { max(bufferSize, buffers.size) }
    /// Bytes of the answer that may wait in memory.
    var memoryLimit: Int { buffers.count * buffers.size }
    var fileLimit: Int { maxTempFileSize ?? 1_073_741_824 }
}

/// Where connections to upstreams come from: `proxy_bind`.
struct LocalAddress: Sendable {
    enum Source: Sendable {
        case address(SocketAddress)
        case template(Template)
    }

    var source: Source
    /// As written, for messages.
    var text: ByteString
}
