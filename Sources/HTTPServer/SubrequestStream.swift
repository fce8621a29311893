/// What stands for the client's side of a subrequest: its output joins that of the main request.
final class SubrequestStream: ClientStream {
    private unowned let request: Request
    private let main: Request

    init(_ request: Request, main: Request) {
        self.request = request
        self.main = main
        super.init()
    }

    private var isActive: Bool { request.kinship?.family.isActive(request) ?? false }

    override func writeBody(of request: Request) {
        request.kinship?.family.take(request)
    }

    override func flush() {
        if isActive { main.stream.flush() }
    }

    override var pendingOutput: Int {
        (isActive ? main.stream.queuedOutput : 0) + request.unfilteredCount
    }

    override var queuedOutput: Int {
        (isActive ? main.stream.queuedOutput : 0) + (request.kinship?.postponedBytes ?? 0)
    }

    override func continueSoon() { request.engine.wish(.turn, for: request) }

    override var bytesSent: Int { main.stream.bytesSent }
}
