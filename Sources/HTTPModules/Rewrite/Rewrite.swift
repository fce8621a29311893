/// ngx_http_rewrite_module: changes a request's URI, answers with a fixed text or a redirect, and chooses settings by
/// conditions.
///
/// The directives of a block are compiled to a `RewriteProgram`, which is run once in the server and once in each location
/// that the request comes to.
enum Rewrite {
    struct Settings: Sendable {
        /// `rewrite_log`: what the directives do is logged.
        var isLogged = false
        /// `uninitialized_variable_warn`.
        var warnsOfUninitialized = true
    }

    static let slot = Slot(.rewrite, initial: Settings())

    /// Runs the program of the request's location, or server.
    static func handle(_ request: Request) -> Verdict {
        guard let program = request.lendLocation({ $0.program }) else { return .decline }
        if let answer = program.onlyAnswer { return Rewrite.answer(answer, request) }
        var run = RewriteRun(request: request)
        switch run.run(program) {
        case .next, .stop: return .decline
        case .verdict(let verdict): return verdict
        }
    }

    /// Answers as `return` says.
    static func answer(_ answer: RewriteAnswer, _ request: Request) -> Verdict {
        if let refusal = request.refusalOfBody() { return .answer(refusal) }
        if let body = answer.body { return Rewrite.answer(answer.status, body, request) }
        let status = answer.status
        let response = request.response
        let pool = request.engine.loop.buffers
        let text = pool.take()
        // The text may hold `$status`.
        response.status = status
        answer.text.append(to: text, scope: request)
        if status.isRedirect {
            response.location.removeAll()
            response.location.append(text)
            pool.give(text)
            return .answer(status)
        }
        begin(request, status, length: text.count)
        if response.isHeadOnly || text.isEmpty {
            pool.give(text)
            request.sendLast()
        } else {
            request.send(.pooled(text, 0..<text.count), last: true)
        }
        return .done
    }

    /// Answers with a text that is always the same.
    private static func answer(_ status: Status, _ body: Buffer, _ request: Request) -> Verdict {
        // Without a text, it is an error like any other, with its page.
        if body.isEmpty, status.rawValue >= 400 { return .answer(status) }
        if status.isRedirect {
            request.response.location.removeAll()
            request.response.location.append(body)
            return .answer(status)
        }
        begin(request, status, length: body.count)
        if request.response.isHeadOnly || body.isEmpty {
            request.sendLast()
        } else {
            request.sendWhole(body)
        }
        return .done
    }

    private static func begin(_ request: Request, _ status: Status, length: Int) {
        request.response.status = status
        request.response.contentLength = length
        StaticFiles.setContentType(of: request)
        request.sendHead()
    }

    /// Logs what went wrong while a variable or regular expression was evaluated.
    static func report(_ scope: VariableScope, _ problem: EvaluationProblem) {
        guard let request = scope as? Request else { return }
        switch problem {
        case .cycle(let variable):
            request.log(.error) {
                $0.append("cycle while evaluating variable \"")
                $0.append(request.registry.name(of: variable))
                $0.append(ASCII.quote)
            }
        case .uninitialized(let variable):
            guard request.location.settings(slot).value.warnsOfUninitialized else { return }
            request.log(.warn) {
                $0.append("using uninitialized \"")
                $0.append(request.registry.name(of: variable))
                $0.append("\" variable")
            }
        case .regexFailed(let regex, let code):
            request.log(.alert) {
                $0.append("pcre2_match() failed: ")
                $0.append(decimal: Int(code))
                $0.append(" using \"")
                $0.append(regex.pattern)
                $0.append(ASCII.quote)
            }
        }
    }
}

extension Status {
    /// The statuses whose answer has a `Location`.
    var isRedirect: Bool {
        switch rawValue {
        case 301, 302, 303, 307, 308: true
        default: false
        }
    }
}
