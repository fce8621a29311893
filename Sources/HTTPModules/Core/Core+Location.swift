extension Core {
    private static let slot = CoreSettings.slot
    static let inIf: Contexts = [.http, .server, .location, .ifInLocation]

    static var locationRows: [Row] {
        [
            .custom(
                "internal", in: .location, .none, "Only internal redirects reach the location.",
                mayRepeat: false
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.write(slot) { $0.isInternal = true }
            },
            .choice(
                "satisfy", in: .request, slot, \.satisfiesAny, [("all", false), ("any", true)],
                "Whether all access modules must allow a request, or one."),
            .milliseconds(
                "auth_delay", in: .request, slot, \.authDelay,
                "How long an answer 401 is held back."),
            .flag(
                "recursive_error_pages", in: .request, slot, \.recursiveErrorPages,
                "Whether errors of error pages have error pages."),
            .flag(
                "log_not_found", in: .request, slot, \.logsNotFound,
                "Whether missing files are logged as errors."),
            .flag(
                "log_subrequest", in: .request, slot, \.logsSubrequests,
                "Whether subrequests get lines in the access log."),
            .text(
                "post_action", in: inIf, slot, \.postAction,
                "A path, or the @name of a location, that is asked for when a request is over; nobody gets the answer."),
            .list(
                "error_page", in: inIf, .atLeast(2), slot, \.errorPages,
                "The URI whose answer is sent instead of an error's built-in page.",
                syntax: "code ... [=[response]] uri"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try errorPages(invocation)
            },
        ]
    }

    private static func errorPages(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> [ErrorPage] {
        var words = invocation.arguments
        guard let last = words.popLast() else { throw invocation.invalidCount() }
        var replacement: Status?
        if let word = words.last, word.value.hasPrefix("=") {
            words.removeLast()
            if word.value.count > 1 {
                guard let code = Units.number(word.value.slice(1..<word.value.count)) else {
                    throw invocation.invalidValue(word)
                }
                replacement = Status(code)
            } else {
                replacement = Status(0)
            }
        }
        if words.isEmpty { throw invocation.invalidValue(invocation.arguments[0]) }
        let uri = try invocation.template(last)
        var pages: [ErrorPage] = []
        for word in words {
            guard let code = Units.number(word.value), code != 499 else {
                throw invocation.invalidValue(word)
            }
            guard code >= 300, code <= 599 else {
                throw invocation.fail(
                    "value \"\(word.text)\" must be between 300 and 599", at: word)
            }
            var status = replacement
            if replacement == nil {
                switch code {
                case 494, 495, 496, 497: status = 400
                default: break
                }
            }
            pages.append(ErrorPage(status: Status(code), replacement: status, uri: uri))
        }
        return pages
    }

    static var fileRows: [Row] {
        [
            .custom(
                "root", in: inIf, .one, "The folder that a path is looked up in.",
                mayRepeat: true, syntax: "path"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try setRoot(&invocation)
            },
            .custom(
                "alias", in: .location, .one,
                "The folder or file that stands for the location's part of the path.",
                mayRepeat: true, syntax: "path"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try setAlias(&invocation)
            },
            .text(
                "default_type", in: .request, slot, \.defaultType,
                "The media type of files whose extension is not in `types`."),
            .flag(
                "sendfile", in: inIf, slot, \.sendFile,
                "Whether files go from the disk to the network without passing the server's memory."),
            .size(
                "sendfile_max_chunk", in: .request, slot, \.sendFileMaxChunk,
                "How much one call may send of a file."),
            .buffers(
                "output_buffers", in: .request, slot, \.outputBuffers,
                "Buffers for reading files that are not sent by the kernel."),
            .size(
                "read_ahead", in: .request, slot, \.readAhead,
                "Whether the kernel is asked to read large files ahead: 0 is no."),
        ]
    }

    static var openFileRows: [Row] {
        [
            .value(
                "open_file_cache", in: .request, .between(1, 2), slot, \.openFiles,
                "How many paths are kept, with their files open, and for how long unused.",
                syntax: "off | max=number [inactive=time]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try openFileCache(invocation)
            },
            .seconds(
                "open_file_cache_valid", in: .request, slot, \.openFileRules.valid,
                "How long what was found at a path holds without another look."),
            .number(
                "open_file_cache_min_uses", in: .request, slot, \.openFileRules.minUses,
                "The number of uses from which on a file stays open."),
            .flag(
                "open_file_cache_errors", in: .request, slot, \.openFileRules.keepsErrors,
                "Whether it is kept, too, that a file could not be opened."),
        ]
    }

    private static func openFileCache(_ invocation: Invocation) throws(ConfigurationError) -> OpenFileCache? {
        var isOff = false
        var limits = OpenFileCache.Limits(max: 0)
        for word in invocation.arguments {
            if let text = word.value.value(of: "max="), let count = Units.number(text), count > 0 {
                limits.max = count
            } else if let text = word.value.value(of: "inactive="), let seconds = Units.seconds(text) {
                limits.inactive = seconds
            } else if word.value == "off" {
                isOff = true
            } else {
                throw invocation.fail(
                    "invalid \"\(invocation.name)\" parameter \"\(word.text)\"",
                    advice: "max=1000 inactive=20s, for example, or off", at: word)
            }
        }
        if isOff { return nil }
        guard limits.max > 0 else {
            throw invocation.fail("\"\(invocation.name)\" must have the \"max\" parameter")
        }
        return OpenFileCache(limits)
    }

    private static func setRoot(_ invocation: inout Invocation) throws(ConfigurationError) {
        let word = invocation.arguments[0]
        try refuseSecondPath(invocation)
        let template = try pathTemplate(invocation, word)
        invocation.write(slot) {
            $0.root = template
            $0.alias = nil
        }
        note(invocation, setsAlias: false)
    }

    private static func setAlias(_ invocation: inout Invocation) throws(ConfigurationError) {
        let word = invocation.arguments[0]
        guard let location = invocation.location else { throw invocation.invalidCount() }
        try refuseSecondPath(invocation)
        if location.isNamed {
            throw invocation.fail("the \"alias\" directive cannot be used inside the named location")
        }
        let template = try pathTemplate(invocation, word)
        invocation.write(slot) { $0.alias = template }
        note(invocation, setsAlias: true)
        location.setsAlias = true
    }

    /// nginx's messages when `root` and `alias` meet in one block.
    private static func refuseSecondPath(_ invocation: Invocation) throws(ConfigurationError) {
        guard let location = invocation.location else {
            if !invocation.isFirst { throw invocation.refuse("is duplicate") }
            return
        }
        guard let set = location.pathDirective else { return }
        if set == invocation.name { throw invocation.refuse("is duplicate") }
        throw invocation.refuse(
            "is duplicate, \"\(set)\" directive was specified earlier")
    }

    private static func note(_ invocation: Invocation, setsAlias: Bool) {
        invocation.location?.pathDirective = invocation.name
    }

    private static func pathTemplate(
        _ invocation: Invocation, _ word: Word
    ) throws(ConfigurationError) -> Template {
        for forbidden in ["$document_root", "${document_root}", "$realpath_root", "${realpath_root}"]
        where word.value.span.firstIndex(of: ByteString(forbidden).span) != nil {
            let name = forbidden.filter { $0 != "{" && $0 != "}" }
            throw invocation.fail(
                "the \(name) variable cannot be used in the \"\(invocation.name)\" directive", at: word)
        }
        var text = word.value
        if invocation.name == "root" {
            while text.count > 1, text.hasSuffix("/") { text = text.slice(0..<text.count - 1) }
        }
        if text.isEmpty || text[0] != ASCII.dollar { text = invocation.path(text) }
        return try Template(
            compiling: text, registry: invocation.http().registry, at: word.position)
    }
}
