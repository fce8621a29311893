package import Bytes
package import Configuration
package import Expression
package import HTTPMessage

/// What ngx_http_core_module's directives set for a location. The initial values are the defaults.
package struct CoreSettings: Sendable {
    package static let slot = Slot(.core, initial: CoreSettings())

    // Names to files.
    package var root = Template(constant: "html")
    package var alias: Template?
    package var types = TypeTable.standard
    package var defaultType: ByteString = "text/plain"
    package var followsLinks = true

    // What a location is.
    package var isInternal = false
    package var satisfiesAny = false
    package var authDelay = 0
    package var errorPages: [ErrorPage] = []
    package var recursiveErrorPages = false
    package var logsNotFound = true
    package var logsSubrequests = false

    // The request's body.
    package var maxBodySize = 1_048_576
    package var bodyBufferSize = 16_384
    package var bodyTimeout = 60_000
    package var bodyInFileOnly = BodyInFile.off
    package var bodyInSingleBuffer = false
    package var bodyTempPath = TempPath("client_body_temp")

    // Sending.
    package var sendFile = false
    package var sendFileMaxChunk = 2 * 1_048_576
    package var tcpNoPush = false
    package var tcpNoDelay = true
    package var sendTimeout = 60_000
    package var sendLowWater = 0
    package var postponeOutput = 1_460
    package var outputBuffers = BufferPlan(count: 2, size: 32_768)
    package var readAhead = 0
    package var limitRate: Template?
    package var limitRateAfter: Template?
    package var resetsTimedOut = false
    package var chunkedTransferEncoding = true

    // The connection afterwards.
    package var keepaliveTimeout = 75_000
    package var keepaliveMinTimeout = 0
    /// Seconds for the `Keep-Alive` header, 0 for none.
    package var keepaliveHeader = 0
    package var keepaliveRequests = 1_000
    package var keepaliveTime = 3_600_000
    package var keepaliveDisable: KeepaliveDisable = [.msie6]
    package var lingeringClose = LingeringClose.on
    package var lingeringTime = 30_000
    package var lingeringTimeout = 5_000

    // The answer's head.
    package var serverTokens = ServerTokens.on
    package var absoluteRedirect = true
    package var serverNameInRedirect = false
    package var portInRedirect = true
    package var eTag = true
    package var ifModifiedSince = IfModifiedSince.exact
    package var maxRanges = Int.max
    package var msiePadding = true
    package var msieRefresh = false
    /// Templates of which all have to be non-empty for early hints to pass; empty: they do not.
    package var earlyHints: [Template] = []

    package init() {}

    package enum BodyInFile: Sendable { case off, on, clean }
    package enum LingeringClose: Sendable { case off, on, always }
    package enum IfModifiedSince: Sendable { case off, exact, before }
    package enum ServerTokens: Sendable {
        case off, on, build
        case text(Template)
    }

    package struct KeepaliveDisable: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let msie6 = KeepaliveDisable(rawValue: 1)
        package static let safari = KeepaliveDisable(rawValue: 2)
    }
}

/// What `error_page` says for one status.
package struct ErrorPage: Sendable {
    package var status: Status
    /// The status sent instead: nil keeps it, 0 takes that of what the URI answers (`=`).
    package var replacement: Status?
    /// A path, another site's URI, or the `@name` of a location.
    package var uri: Template

    package init(status: Status, replacement: Status?, uri: Template) {
        self.status = status
        self.replacement = replacement
        self.uri = uri
    }
}

/// A folder for temporary files with up to three levels of subfolders named by digits of the file's number.
package struct TempPath: Sendable {
    package var folder: ByteString
    /// Digits of each level's name; empty for none.
    package var levels: [Int]

    package init(_ folder: ByteString, levels: [Int] = []) {
        self.folder = folder
        self.levels = levels
    }
}

/// What ngx_http_core_module's directives set for a server as a whole.
package struct ServerSettings: Sendable {
    package static let slot = Slot(.serverCore, initial: ServerSettings())

    package var limits = RequestLimits()
    package var headerTimeout = 60_000
    package var mergesSlashes = true

    package init() {}
}
