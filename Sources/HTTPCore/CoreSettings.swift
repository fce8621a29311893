/// What ngx_http_core_module's directives set for a location. The initial values are the defaults.
struct CoreSettings: Sendable {
    static let slot = Slot(.core, initial: CoreSettings())

    // Names to files.
    var root = Template(constant: "html")
    var alias: Template?
    var types = TypeTable.standard
    var defaultType: ByteString = "text/plain"
    /// Nil: files are not kept open.
    var openFiles: OpenFileCache?
    var openFileRules = OpenFileCache.Rules()
    var links = LinkSettings()

    // What a location is.
    var isInternal = false
    var satisfiesAny = false
    var authDelay = 0
    var errorPages: [ErrorPage] = []
    /// A path, or the `@name` of a location: what is asked for when a request is over. Nil: nothing.
    var postAction: ByteString?
    var recursiveErrorPages = false
    var logsNotFound = true
    var logsSubrequests = false

    // The request's body.
    var maxBodySize = 1_048_576
    var bodyBufferSize = 16_384
    var bodyTimeout = 60_000
    var bodyInFileOnly = BodyInFile.off
    var bodyTempPath = TempPath("client_body_temp")

    // Sending.
    var sendFile = false
    var sendFileMaxChunk = 2 * 1_048_576
    var sendTimeout = 60_000
    var postponeOutput = 1_460
    var outputBuffers = BufferPlan(count: 2, size: 32_768)
    var readAhead = 0
    /// Nil: the worker reads, and waits for disks.
    var readers: FileReaders?
    /// Threads write what comes from upstreams to temporary files.
    var threadsWrite = false
    /// From this size on files leave the page cache again; nil: none.
    var directSize: Int?
    var directAlignment = 512
    var subrequestBufferSize = 4_096
    var limitRate: Template?
    var limitRateAfter: Template?
    var resetsTimedOut = false
    var chunkedTransferEncoding = true

    // The connection afterwards.
    var keepaliveTimeout = 75_000
    var keepaliveMinTimeout = 0
    /// Seconds for the `Keep-Alive` header, 0 for none.
    var keepaliveHeader = 0
    var keepaliveRequests = 1_000
    var keepaliveTime = 3_600_000
    var keepaliveDisable: KeepaliveDisable = [.msie6]
    var lingeringClose = LingeringClose.on
    var lingeringTime = 30_000
    var lingeringTimeout = 5_000

    // The answer's head.
    var serverTokens = ServerTokens.on
    var absoluteRedirect = true
    var serverNameInRedirect = false
    var portInRedirect = true
    var eTag = true
    var ifModifiedSince = IfModifiedSince.exact
    var maxRanges = Int.max
    var msiePadding = true
    var msieRefresh = false
    /// Templates of which all have to be non-empty for early hints to pass; empty: they do not.
    var earlyHints: [Template] = []

    init() {}

    enum BodyInFile: Sendable { case off, on, clean }
    enum LingeringClose: Sendable { case off, on, always }
    enum IfModifiedSince: Sendable { case off, exact, before }
    enum ServerTokens: Sendable {
        case off, on, build
        case text(Template)
    }

    struct KeepaliveDisable: OptionSet, Sendable {
        let rawValue: UInt8
        init(rawValue: UInt8) { self.rawValue = rawValue }
        static let msie6 = KeepaliveDisable(rawValue: 1)
        static let safari = KeepaliveDisable(rawValue: 2)
        static let none = KeepaliveDisable(rawValue: 4)
    }
}

/// What `error_page` says for one status.
struct ErrorPage: Sendable {
    var status: Status
    /// The status sent instead: nil keeps it, 0 takes that of what the URI answers (`=`).
    var replacement: Status?
    /// A path, another site's URI, or the `@name` of a location.
    var uri: Template

    init(status: Status, replacement: Status?, uri: Template) {
        self.status = status
        self.replacement = replacement
        self.uri = uri
    }
}

/// A folder for temporary files with up to three levels of subfolders named by digits of the file's number.
struct TempPath: Sendable {
    var folder: ByteString
    /// Digits of each level's name; empty for none.
    var levels: [Int]

    init(_ folder: ByteString, levels: [Int] = []) {
        self.folder = folder
        self.levels = levels
    }
}

/// What ngx_http_core_module's directives set for a server as a whole.
struct ServerSettings: Sendable {
    static let slot = Slot(.serverCore, initial: ServerSettings())

    var limits = RequestLimits()
    var headerTimeout = 60_000
    var mergesSlashes = true

    init() {}
}
