/// ngx_http_stub_status_module: a page of figures about client connections, which monitoring programs read.
enum StubStatus {
    private static let slot = Slot(.stubStatus, initial: StubStatusSettings())

    static var rows: [Row] {
        [
            .custom(
                "stub_status", in: [.server, .location], .oneOf(0, 1),
                "Answers with the numbers of connections and requests, with \"full\" also with those of what is kept in memory "
                    + "and of what threads have read.",
                syntax: "[full]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                // nginx takes any word here, and makes nothing of it.
                let isFull = invocation.arguments.first?.value == "full"
                invocation.write(slot) { $0.isFull = isFull }
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
        if request.location.settings(slot).value.isFull {
            append("Files", .files, counters, to: page)
            append("Bodies", .bodies, counters, to: page)
            page.append("Reads of files: ")
            page.append(decimal: counters[.reads])
            page.append(" Bytes: ")
            page.append(decimal: counters[.readBytes])
            page.append(" \n")
        }
        let response = request.response
        response.status = .ok
        response.setContentType("text/plain" as StaticString)
        response.contentLength = page.count
        request.sendHead()
        request.send(.pooled(page, 0..<page.count), last: true)
        return .done
    }

    private static func append(
        _ title: StaticString, _ first: ConnectionCounters.Name, _ counters: ConnectionCounters, to page: Buffer
    ) {
        page.append(title)
        page.append(" in memory:")
        let labels: [StaticString] = [" ", " Bytes: ", " Hits: ", " Misses: "]
        for (index, label) in labels.enumerated() {
            guard let name = ConnectionCounters.Name(rawValue: first.rawValue + index) else { continue }
            page.append(label)
            page.append(decimal: counters[name])
        }
        page.append(" \n")
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

private struct StubStatusSettings: Sendable {
    var isFull = false
}
