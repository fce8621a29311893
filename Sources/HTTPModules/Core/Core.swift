/// ngx_http_core_module: the blocks `http`, `server` and `location`, and what holds for every request.
enum Core {
    static var rows: [Row] {
        blockRows + serverRows + listenRows + locationRows + fileRows + openFileRows + linkRows + readingRows + bodyRows + sendRows
            + keepaliveRows + headRows + hashRows + laterRows
    }

    /// The log that a settled block writes to.
    static func errorLog(of scope: Scope, _ files: LogFiles) -> ErrorLog {
        scope[AccessLogging.errorSlot].log ?? files.errorLog
    }

    /// Prepares a block that answers requests: its location is made when its own directives are evaluated.
    static func openLocation(_ scope: Scope, _ location: LocationBuilder) {
        scope.owner = location
        scope.whenSettled { (scope: Scope) throws(ConfigurationError) in
            guard let builder = scope.builder as? ConfigurationBuilder else { return }
            Headers.settle(scope)
            _ = location.settle(scope, errorLog: errorLog(of: scope, builder.logFiles))
        }
        scope.whenFinished { (_: Scope) throws(ConfigurationError) in location.finish() }
    }
}

extension ConfigurationBuilder: LogFormatsOwner {
    var logFormats: LogFormats {
        guard let http else { preconditionFailure("access logs stand within an http block") }
        return http.formats
    }
}
