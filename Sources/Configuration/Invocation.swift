/// One occurrence of a directive being evaluated: what a row's code is given.
struct Invocation {
    /// Where relative paths start.
    enum PathStart: Sendable {
        case prefix, configuration
    }

    let entry: RowTable.Entry
    let directive: Directive
    let scope: Scope
    var arguments: [Word]
    /// Whether this is the row's first occurrence in the block.
    let isFirst: Bool

    var row: Row { entry.row }
    var name: String { entry.row.name }
    var builder: AnyObject { scope.builder }

    /// The value of an argument; the arity has been checked.
    subscript(index: Int) -> ByteString { arguments[index].value }

    // MARK: - Errors

    /// An error with this message, placed at the directive.
    func fail(
        _ message: String, advice: String? = nil, at word: Word? = nil
    ) -> ConfigurationError {
        ConfigurationError(
            message, position: directive.terminator,
            focus: word?.position ?? directive.name.position, advice: advice)
    }

    /// `"NAME" directive REASON`, as in `"listen" directive is duplicate`.
    func refuse(
        _ reason: String, advice: String? = nil, at word: Word? = nil
    ) -> ConfigurationError {
        fail("\"\(name)\" directive \(reason)", advice: advice, at: word ?? arguments.first)
    }

    /// `invalid value "WORD"`.
    func invalidValue(_ word: Word, advice: String? = nil) -> ConfigurationError {
        fail("invalid value \"\(word.text)\"", advice: advice, at: word)
    }

    /// `invalid parameter "WORD"`.
    func invalidParameter(_ word: Word, advice: String? = nil) -> ConfigurationError {
        fail("invalid parameter \"\(word.text)\"", advice: advice, at: word)
    }

    /// `invalid number of arguments in "NAME" directive`.
    func invalidCount(advice: String? = nil) -> ConfigurationError {
        fail("invalid number of arguments in \"\(name)\" directive", advice: advice)
    }

    /// Says something without refusing the configuration.
    func warn(_ message: String, advice: String? = nil, at word: Word? = nil) {
        var warning = fail(message, advice: advice, at: word)
        warning.level = .warn
        scope.evaluation.warn(warning)
    }

    /// Runs `check` when the whole configuration has been evaluated; an error without a place gets this directive's.
    func afterwards(_ check: @escaping () throws(ConfigurationError) -> Void) {
        let place = directive.terminator
        scope.evaluation.afterwards { () throws(ConfigurationError) in
            do throws(ConfigurationError) {
                try check()
            } catch {
                throw error.placed(at: place)
            }
        }
    }

    // MARK: - Settings

    subscript<S>(slot: Slot<S>) -> S { scope[slot] }

    func write<S, R, Failure: Error>(
        _ slot: Slot<S>, _ body: (inout S) throws(Failure) -> R
    ) throws(Failure) -> R {
        try scope.write(slot, body)
    }

    /// The path made absolute, as nginx does: by putting the prefix before it.
    func path(_ path: ByteString, relativeTo start: PathStart = .prefix) -> ByteString {
        if !path.isEmpty, path[0] == ASCII.slash { return path }
        switch start {
        case .prefix: return scope.evaluation.prefix + path
        case .configuration: return scope.evaluation.configurationPrefix + path
        }
    }

    /// The entries of a block that has no directives. An inner block among them is an error, as in nginx.
    ///
    /// `body` is given each entry in file order; its name is the first word.
    func forEachEntry(
        _ body: (Directive) throws(ConfigurationError) -> Void
    ) throws(ConfigurationError) {
        for entry in directive.block ?? [] {
            if entry.block != nil {
                throw ConfigurationError(
                    "unexpected \"{\"", position: entry.terminator, focus: entry.terminator,
                    advice: "a \"\(name)\" block has entries that end with \";\", no blocks")
            }
            do throws(ConfigurationError) {
                try body(entry)
            } catch {
                throw error.placed(at: entry.terminator)
            }
        }
    }

    /// An error about one entry of the block.
    func fail(
        _ message: String, in entry: Directive, advice: String? = nil
    ) -> ConfigurationError {
        ConfigurationError(
            message, position: entry.terminator, focus: entry.name.position, advice: advice)
    }
}
