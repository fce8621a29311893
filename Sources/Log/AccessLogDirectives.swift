/// The access logs of a block.
struct AccessLogSettings: Sendable {
    /// Empty where no block has set any; then http has a default, `AccessLogDirectives.addDefault`.
    var logs: [AccessLog] = []
    /// `access_log off`, which wins over logs of the same block.
    var isOff = false
    /// `open_log_file_cache`; nil is off.
    var cache: OpenLogFileCache?

    init() {}

    /// Whether a request writes any line.
    var isEmpty: Bool { isOff || logs.isEmpty }
}

/// The directives `access_log`, `log_format` and `open_log_file_cache`, which http and stream share.
struct AccessLogDirectives: Sendable {
    private let slot: Slot<AccessLogSettings>
    private let formats: @Sendable (AnyObject) -> LogFormats?
    private let hasDefaultFormat: Bool

    /// `formats` finds the formats in what the configuration is built into. Without a default format, `access_log` must name one.
    init(
        slot: Slot<AccessLogSettings>, hasDefaultFormat: Bool,
        formats: @escaping @Sendable (AnyObject) -> LogFormats?
    ) {
        self.slot = slot
        self.hasDefaultFormat = hasDefaultFormat
        self.formats = formats
    }

    /// The rows: `log_format` in the outermost context, `access_log` and the cache in those of requests or sessions.
    func rows(
        formatsIn outermost: Contexts, logsIn contexts: Contexts, cacheIn cacheContexts: Contexts
    ) -> [Row] {
        [
            .custom(
                "log_format", in: outermost, .atLeast(2),
                """
                Defines a format of access logs by name: strings with variables. `escape=` says how \
                values are made safe: `default` (`\\xHH`), `json` or `none`.
                """,
                syntax: "name [escape=default|json|none] string …"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try known(invocation).add(invocation)
            },
            .custom(
                "access_log", in: contexts, .atLeast(1),
                """
                Where requests are logged and in which format; a line can be held back in a buffer, \
                compressed, and made to depend on a condition. `off` logs nothing.
                """,
                syntax:
                    "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try addLog(&invocation)
            },
            .custom(
                "open_log_file_cache", in: cacheContexts, .between(1, 4),
                """
                Keeps the files of logs whose paths have variables open, at most `max`, while they \
                are used `min_uses` times within `inactive`; checks each `valid` that they are there.
                """,
                mayRepeat: false,
                syntax: "max=N [inactive=time] [min_uses=N] [valid=time] | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try setCache(&invocation)
            },
        ]
    }

    /// Gives a server without any `access_log`, its own or outside, nginx's default one. For its scope when it is settled.
    func addDefault(_ path: ByteString, to scope: Scope) throws(ConfigurationError) {
        let settings = scope[slot]
        guard !settings.isOff, settings.logs.isEmpty,
            let owner = scope.builder as? any LogFilesOwner,
            let format = try formats(scope.builder)?.format("combined")
        else { return }
        let log = AccessLog(
            sink: .file(owner.logFiles.file(path)), files: owner.logFiles, format: format)
        scope.write(slot) { $0.logs = [log] }
    }

    private func known(_ invocation: Invocation) throws(ConfigurationError) -> LogFormats {
        guard let formats = formats(invocation.builder) else {
            throw invocation.fail("there are no log formats here")
        }
        return formats
    }

    // MARK: - access_log

    private func addLog(_ invocation: inout Invocation) throws(ConfigurationError) {
        if invocation[0] == "off" {
            if invocation.arguments.count > 1 {
                throw invocation.invalidParameter(invocation.arguments[1])
            }
            let isFirst = invocation.isFirst
            return invocation.write(slot) { settings in
                if isFirst { settings.logs = [] }
                settings.isOff = true
            }
        }
        let files = try invocation.logFiles()
        let formats = try known(invocation)
        let sink = try sink(invocation, files, formats)
        let format = try format(invocation, formats)
        let condition = try options(invocation, sink, formats)
        let log = AccessLog(sink: sink, files: files, format: format, condition: condition)
        let isFirst = invocation.isFirst
        invocation.write(slot) { settings in
            if isFirst {
                settings.logs = []
                settings.isOff = false
            }
            settings.logs.append(log)
        }
    }

    private func sink(
        _ invocation: Invocation, _ files: LogFiles, _ formats: LogFormats
    ) throws(ConfigurationError) -> AccessLogSink {
        let word = invocation.arguments[0]
        if let parameters = word.value.value(of: "syslog:") {
            return .syslog(try invocation.syslog(parameters, files))
        }
        if Template.hasVariables(word.span) {
            let path = files.fullPath(word.value)
            return .path(try formats.template(path, at: word.position), WriteHealth())
        }
        return .file(files.file(word.value))
    }

    private func format(
        _ invocation: Invocation, _ formats: LogFormats
    ) throws(ConfigurationError) -> LogFormat {
        guard invocation.arguments.count > 1 || hasDefaultFormat else {
            throw invocation.fail("log format is not specified")
        }
        let word = invocation.arguments.dropFirst().first
        let name = word?.value ?? "combined"
        guard let format = try formats.format(name) else {
            throw invocation.fail(
                "unknown log format \"\(name)\"",
                advice: "a log_format must stand before the logs that use it", at: word)
        }
        return format
    }

    /// Reads what follows the format's name. Returns the condition.
    private func options(
        _ invocation: Invocation, _ sink: AccessLogSink, _ formats: LogFormats
    ) throws(ConfigurationError) -> Template? {
        var size = 0
        var flush: Int?
        var gzip: Int?
        var condition: Template?
        for word in invocation.arguments.dropFirst(2) {
            if let text = word.value.value(of: "buffer=") {
                size = Units.size(text.span) ?? 0
                if size == 0 { throw invocation.fail("invalid buffer size \"\(text)\"", at: word) }
            } else if let text = word.value.value(of: "flush=") {
                flush = Units.milliseconds(text.span)
                if flush ?? 0 == 0 {
                    throw invocation.fail("invalid flush time \"\(text)\"", at: word)
                }
            } else if word.value == "gzip" {
                gzip = 1
            } else if let text = word.value.value(of: "gzip=") {
                gzip = text.span.decimalValue
                if !(1...9).contains(gzip ?? 0) {
                    throw invocation.fail("invalid compression level \"\(text)\"", at: word)
                }
            } else if let text = word.value.value(of: "if=") {
                condition = try formats.template(text, at: word.position)
            } else {
                throw invocation.invalidParameter(word)
            }
        }
        if gzip != nil, size == 0 { size = 65_536 }
        let path = invocation[0]
        if size == 0 {
            if flush == nil { return condition }
            throw invocation.fail("no buffer is defined for access_log \"\(path)\"")
        }
        switch sink {
        case .path:
            throw invocation.fail("buffered logs cannot have variables in name")
        case .syslog:
            throw invocation.fail("logs to syslog cannot be buffered")
        case .file(let file):
            let buffering = LogBuffering(size: size, flush: flush, gzip: gzip)
            if file.setBuffering(buffering) { return condition }
            throw invocation.fail(
                "access_log \"\(path)\" already defined with conflicting parameters")
        }
    }

    // MARK: - open_log_file_cache

    private func setCache(_ invocation: inout Invocation) throws(ConfigurationError) {
        var limits = OpenLogFileCache.Limits()
        var isOff = false
        for word in invocation.arguments {
            var value: Int? = 0
            if let text = word.value.value(of: "max=") {
                value = text.span.decimalValue
                limits.max = value ?? 0
            } else if let text = word.value.value(of: "inactive=") {
                value = Units.seconds(text.span)
                limits.inactive = value ?? 0
            } else if let text = word.value.value(of: "min_uses=") {
                value = text.span.decimalValue
                limits.minUses = value ?? 0
            } else if let text = word.value.value(of: "valid=") {
                value = Units.seconds(text.span)
                limits.valid = value ?? 0
            } else if word.equals("off") {
                isOff = true
            } else {
                value = nil
            }
            if value == nil {
                throw invocation.fail(
                    "invalid \"\(invocation.name)\" parameter \"\(word.text)\"", at: word)
            }
        }
        if isOff { return invocation.write(slot) { $0.cache = nil } }
        if limits.max == 0 {
            throw invocation.fail("\"\(invocation.name)\" must have \"max\" parameter")
        }
        let files = try invocation.logFiles()
        let cache = OpenLogFileCache(limits, kernel: files.environment.kernel)
        files.caches.append(cache)
        invocation.write(slot) { $0.cache = cache }
    }
}
