public import Bytes
public import Configuration
public import Expression
public import HTTPMessage

/// What ngx_http_core_module's directives set for a location. The initial values are the defaults.
public struct CoreSettings: Sendable {
    public static let slot = Slot(.core, initial: CoreSettings())

    // Names to files.
    public var root = Template(constant: "html")
    public var alias: Template?
    public var types = TypeTable.standard
    public var defaultType: ByteString = "text/plain"
    public var followsLinks = true

    // What a location is.
    public var isInternal = false
    public var satisfiesAny = false
    public var authDelay = 0
    public var errorPages: [ErrorPage] = []
    public var recursiveErrorPages = false
    public var logsNotFound = true
    public var logsSubrequests = false

    // The request's body.
    public var maxBodySize = 1_048_576
    public var bodyBufferSize = 16_384
    public var bodyTimeout = 60_000
    public var bodyInFileOnly = BodyInFile.off
    public var bodyInSingleBuffer = false
    public var bodyTempPath = TempPath("client_body_temp")

    // Sending.
    public var sendFile = false
    public var sendFileMaxChunk = 2 * 1_048_576
    public var tcpNoPush = false
    public var tcpNoDelay = true
    public var sendTimeout = 60_000
    public var sendLowWater = 0
    public var postponeOutput = 1_460
    public var outputBuffers = BufferPlan(count: 2, size: 32_768)
    public var readAhead = 0
    public var limitRate: Template?
    public var limitRateAfter: Template?
    public var resetsTimedOut = false
    public var chunkedTransferEncoding = true

    // The connection afterwards.
    public var keepaliveTimeout = 75_000
    public var keepaliveMinTimeout = 0
    /// Seconds for the `Keep-Alive` header, 0 for none.
    public var keepaliveHeader = 0
    public var keepaliveRequests = 1_000
    public var keepaliveTime = 3_600_000
    public var keepaliveDisable: KeepaliveDisable = [.msie6]
    public var lingeringClose = LingeringClose.on
    public var lingeringTime = 30_000
    public var lingeringTimeout = 5_000

    // The answer's head.
    public var serverTokens = ServerTokens.on
    public var absoluteRedirect = true
    public var serverNameInRedirect = false
    public var portInRedirect = true
    public var eTag = true
    public var ifModifiedSince = IfModifiedSince.exact
    public var maxRanges = Int.max
    public var msiePadding = true
    public var msieRefresh = false
    /// Templates of which all have to be non-empty for early hints to pass; empty: they do not.
    public var earlyHints: [Template] = []

    public init() {}

    public enum BodyInFile: Sendable { case off, on, clean }
    public enum LingeringClose: Sendable { case off, on, always }
    public enum IfModifiedSince: Sendable { case off, exact, before }
    public enum ServerTokens: Sendable {
        case off, on, build
        case text(Template)
    }

    public struct KeepaliveDisable: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let msie6 = KeepaliveDisable(rawValue: 1)
        public static let safari = KeepaliveDisable(rawValue: 2)
    }
}

/// What `error_page` says for one status.
public struct ErrorPage: Sendable {
    public var status: Status
    /// The status sent instead: nil keeps it, 0 takes that of what the URI answers (`=`).
    public var replacement: Status?
    /// A path, another site's URI, or the `@name` of a location.
    public var uri: Template

    public init(status: Status, replacement: Status?, uri: Template) {
        self.status = status
        self.replacement = replacement
        self.uri = uri
    }
}

/// A folder for temporary files with up to three levels of subfolders named by digits of the file's number.
public struct TempPath: Sendable {
    public var folder: ByteString
    /// Digits of each level's name; empty for none.
    public var levels: [Int]

    public init(_ folder: ByteString, levels: [Int] = []) {
        self.folder = folder
        self.levels = levels
    }
}

/// What ngx_http_core_module's directives set for a server as a whole.
public struct ServerSettings: Sendable {
    public static let slot = Slot(.serverCore, initial: ServerSettings())

    public var limits = RequestLimits()
    public var headerTimeout = 60_000
    public var mergesSlashes = true

    public init() {}
}
