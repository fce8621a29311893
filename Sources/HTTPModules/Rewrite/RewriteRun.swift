/// One run of a program for one request.
struct RewriteRun {
    enum Outcome {
        /// The next directive.
        case next
        /// No further directive, and on with the request.
        case stop
        case verdict(Verdict)
    }

    let request: Request
    /// Captures are escaped in values: as nginx has it, until a first `rewrite` has matched.
    private var quotes = true

    init(request: Request) {
        self.request = request
    }

    mutating func run(_ program: RewriteProgram) -> Outcome {
        for index in program.steps.indices {
            let outcome: Outcome
            switch program.steps[index] {
            case .rewrite(let rule): outcome = apply(rule)
            case .set(let variable, let template):
                set(variable, template)
                continue
            case .branch(let branch):
                switch holds(branch.condition) {
                case .holds: break
                case .fails: continue
                case .broken: return .verdict(.answer(.internalServerError))
                }
                if let location = branch.location { request.engine.enter(location, request) }
                outcome = run(branch.program)
            case .answer(let answer): return .verdict(Rewrite.answer(answer, request))
            case .stop:
                if request.routing.isPathChanged { stayHere() }
                return .stop
            }
            switch outcome {
            case .next: continue
            case .stop, .verdict: return outcome
            }
        }
        return .next
    }

    /// No other location is looked for, although the path has changed.
    private func stayHere() {
        request.routing.isLocationMatched = false
        request.routing.isPathChanged = false
    }

    // MARK: - Values

    private func take() -> Buffer { request.engine.loop.buffers.take() }
    private func give(_ buffer: Buffer) { request.engine.loop.buffers.give(buffer) }

    private func set(_ variable: VariableIndex, _ template: Template) {
        if let constant = template.constant { return request.assign(variable, constant.span) }
        let value = take()
        append(template, to: value)
        request.assign(variable, value.span)
        give(value)
    }

    private func append(_ template: Template, to out: Buffer) {
        guard quotes, escapes else { return template.append(to: out, scope: request) }
        append(template.parts, to: out, escapingCaptures: true)
    }

    /// What a regular expression captured of a path was decoded if the client had encoded it.
    private var escapes: Bool { request.head.isQuoted || request.head.hasPlus }

    private func append(
        _ parts: [Template.Part], to out: Buffer, escapingCaptures: Bool
    ) {
        for part in parts {
            switch part {
            case .text(let text): out.append(text)
            case .variable(let variable): request.append(variable, to: out)
            case .capture(let number):
                if escapingCaptures, escapes {
                    let captures = request.captures
                    out.append(escaped: captures.group(number), for: .arguments)
                } else {
                    request.captures.append(group: number, to: out)
                }
            }
        }
    }

    // MARK: - rewrite

    private var isLogged: Bool { request.location.settings(Rewrite.slot).value.isLogged }

    private func match(_ regex: Regex, _ subject: Span<UInt8>) -> MatchResult {
        let result = regex.match(subject, in: request)
        if case .failed = result { return result }
        if result == .noMatch { request.captures.reset() }
        guard isLogged else { return result }
        let text = ByteString(subject)
        request.log(.notice) {
            $0.append(ASCII.quote)
            $0.append(regex.pattern)
            $0.append(result == .matched ? "\" matches \"" : "\" does not match \"")
            $0.append(text)
            $0.append(ASCII.quote)
        }
        return result
    }

    private mutating func apply(_ rule: RewriteRule) -> Outcome {
        let routing = request.routing
        let old = routing.path
        switch match(rule.regex, old.span) {
        case .matched: break
        case .noMatch: return .next
        case .failed: return .verdict(.answer(.internalServerError))
        }
        quotes = false
        routing.isInternal = true
        routing.isPathPristine = false
        if rule.next == .thisLocation { stayHere() } else { routing.isPathChanged = true }
        if let status = rule.redirect {
            redirect(rule)
            return .verdict(.answer(status))
        }
        let path = take()
        append(rule.path, to: path, escapingCaptures: false)
        changeArguments(rule)
        routing.path.removeAll()
        routing.path.append(path)
        give(path)
        if isLogged { logRewritten() }
        guard !routing.path.isEmpty else {
            request.log(.error) { $0.append("the rewritten URI has a zero length") }
            return .verdict(.answer(.internalServerError))
        }
        return rule.next == .nextStep ? .next : .stop
    }

    private func changeArguments(_ rule: RewriteRule) {
        let arguments = request.routing.arguments
        guard let replacement = rule.arguments else {
            if !rule.keepsArguments { arguments.removeAll() }
            return
        }
        let new = take()
        append(replacement, to: new, escapingCaptures: true)
        if rule.keepsArguments, !arguments.isEmpty {
            new.append(ASCII.ampersand)
            new.append(arguments)
        }
        arguments.removeAll()
        arguments.append(new)
        request.routing.hasQuery = true
        give(new)
    }

    private func redirect(_ rule: RewriteRule) {
        let location = request.response.location
        let uri = take()
        append(rule.path, to: uri, escapingCaptures: true)
        location.removeAll()
        let used = location.append(unescaping: uri.span, .redirect)
        location.append(uri, used..<uri.count)
        give(uri)
        let arguments = request.routing.arguments
        if rule.keepsArguments, !arguments.isEmpty {
            location.append(rule.hasArguments ? ASCII.ampersand : ASCII.question)
            location.append(arguments)
        }
        guard isLogged else { return }
        request.log(.notice) {
            $0.append("rewritten redirect: \"")
            $0.append(location)
            $0.append(ASCII.quote)
        }
    }

    private func logRewritten() {
        let routing = request.routing
        request.log(.notice) {
            $0.append("rewritten data: \"")
            $0.append(routing.path)
            $0.append("\", args: \"")
            $0.append(routing.arguments)
            $0.append(ASCII.quote)
        }
    }
}

// MARK: - if

extension RewriteRun {
    private enum Answer {
        case holds, fails, broken
        init(_ holds: Bool) { self = holds ? .holds : .fails }
    }

    private func holds(_ condition: RewriteCondition) -> Answer {
        let scratch = take()
        defer { give(scratch) }
        switch condition {
        case .variable(let variable):
            request.append(variable, to: scratch)
            return Answer(scratch.count > 1 || scratch.count == 1 && scratch[0] != ASCII.zero)
        case .equals(let variable, let template, let isNegated):
            request.append(variable, to: scratch)
            let end = scratch.count
            append(template, to: scratch)
            let isEqual = scratch.span(0..<end).equals(scratch.span(end..<scratch.count))
            return Answer(isEqual != isNegated)
        case .matches(let variable, let regex, let isNegated):
            request.append(variable, to: scratch)
            switch match(regex, scratch.span) {
            case .matched: return Answer(!isNegated)
            case .noMatch: return Answer(isNegated)
            case .failed: return .broken
            }
        case .file(let template, let test, let isNegated):
            append(template, to: scratch)
            return Answer(passes(test, scratch) != isNegated)
        }
    }

    private func passes(_ test: RewriteCondition.FileTest, _ path: Buffer) -> Bool {
        path.append(0)
        var status = FileStatus()
        if let failure = request.status(at: path, &status) {
            request.log(failure, of: path)
            return false
        }
        switch test {
        case .plain: return status.isRegular
        case .folder: return status.isDirectory
        case .existing: return status.isRegular || status.isDirectory
        case .executable: return status.mode & 0o100 != 0
        }
    }
}

extension Request {
    /// Logs why a file that was looked for could not be looked at, unless it is not there.
    func log(_ failure: OpenFailure, of path: Buffer) {
        switch failure.errno {
        case .notFound, .notDirectory, .nameTooLong: return
        default: break
        }
        log(.crit, errno: failure.errno) {
            $0.append(failure.call)
            $0.append(" \"")
            $0.append(path, 0..<max(path.count - 1, 0))
            $0.append("\" failed")
        }
    }
}
