/// ngx_http_log_module: a line for each request in every access log of its location, when the request is over.
enum AccessLogging {
    static let slot = Slot(.log, initial: AccessLogSettings())
    /// The block's `error_log`, which belongs to nginx's core but is kept like any other setting.
    static let errorSlot = Slot(.errorLog, initial: ErrorLogSettings())

    /// Whether requests of a location need the log phase at all.
    static func isNeeded(in location: Location) -> Bool {
        !location.settings(slot).value.isEmpty
    }

    /// Writes the lines of a request: in its log phase.
    static func log(_ request: Request) {
        request.lendLocation { location in
            location.settings.lend(slot) { box in
                if box.value.isOff { return }
                for index in box.value.logs.indices {
                    box.value.logs.lend(index) { write($0, of: request, in: location, box.value.cache) }
                }
            }
        }
    }

    private static func write(_ log: AccessLog, of request: Request, in location: Location, _ cache: OpenLogFileCache?) {
        guard log.hasVariablePath else { return log.write(request, errors: location.errorLog, request) }
        guard hasRoot(request) else { return }
        log.write(request, cache: cache, links: request.core.value.links, errors: location.errorLog, request)
    }

    /// Whether the directory exists that the request's files would lie in. nginx asks before it writes to a log whose path has
    /// variables: otherwise a client could create files by inventing hosts.
    private static func hasRoot(_ request: Request) -> Bool {
        let core = request.core.value
        let path = Buffer(capacity: 256)
        (core.alias ?? core.root).append(to: path, scope: request)
        path.append(0)
        var status = FileStatus()
        let failure = request.status(at: path, &status)
        if failure == nil, status.isDirectory { return true }
        path.truncate(to: path.count - 1)
        request.log(.error, errno: failure?.errno ?? .notDirectory) { line in
            line.append("testing \"")
            line.append(path)
            line.append("\" existence failed")
        }
        return false
    }
}
