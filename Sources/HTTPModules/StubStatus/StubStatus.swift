/// ngx_http_stub_status_module: a page of figures about client connections, which monitoring programs read.
enum StubStatus {
    static var rows: [Row] {
        [
            .custom(
                "stub_status", in: [.server, .location], .oneOf(0, 1),
                "Answers with the numbers of connections and requests."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.location?.contentHandler = .stubStatus
            }
        ]
    }

    static func handle(_ request: Request) -> Verdict {
        guard request.method == .get || request.method == .head else {
            return .answer(.notAllowed)
        }
        request.engine.publishFigures()
        let counters = request.cycle.counters
        let page = request.engine.loop.buffers.take()
        page.append("Active connections: ")
        page.append(decimal: counters[.active])
        page.append(" \nserver accepts handled requests\n ")
        for name in [ConnectionCounters.Name.accepted, .handled, .requests] {
            page.append(decimal: counters[name])
            page.append(ASCII.space)
        }
        page.append("\nReading: ")
        page.append(decimal: counters[.reading])
        page.append(" Writing: ")
        page.append(decimal: counters[.writing])
        page.append(" Waiting: ")
        page.append(decimal: counters[.waiting])
        page.append(" \n")
        let response = request.response
        response.status = .ok
        response.setContentType("text/plain" as StaticString)
        response.contentLength = page.count
        request.sendHead()
        request.send(.pooled(page, 0..<page.count), last: true)
        return .done
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        let names: [(ByteString, ConnectionCounters.Name)] = [
            ("connections_active", .active), ("connections_reading", .reading),
            ("connections_writing", .writing), ("connections_waiting", .waiting),
        ]
        for (name, figure) in names {
            try registry.declareValue(name, .noCacheable) { request, out in
                request.engine.publishFigures()
                out.append(decimal: request.cycle.counters[figure])
                return true
            }
        }
    }
}
