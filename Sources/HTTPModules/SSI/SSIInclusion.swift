/// A subrequest that a page includes, until it ends.
final class SSIInclusion: SubrequestObserver {
    private let page: SSIPage
    /// The variable that its answer is kept in.
    private let variable: ByteString?
    /// What stands for an answer that is empty, or an error.
    private let stub: Buffer?
    private(set) var hasEnded = false

    init(page: SSIPage, variable: ByteString?, stub: Buffer?) {
        self.page = page
        self.variable = variable
        self.stub = stub
        super.init()
    }

    override func subrequestEnds(_ request: Request, code: UInt16) -> UInt16 {
        guard code == 0 else { return answer(request, code) }
        hasEnded = true
        if let variable, request.response.status.code < 300, let memory = request.kinship?.memory {
            page.set(variable, ByteString(memory.span))
        }
        return 0
    }

    /// An error: the stub is the answer.
    private func answer(_ request: Request, _ code: UInt16) -> UInt16 {
        guard let stub, let parent = request.kinship?.parent else { return code }
        let type = parent.response.contentType
        request.response.setContentType(type.span)
        request.sendHead()
        request.send(.shared(stub, 0..<stub.count), last: true)
        return 0
    }

    override func fillEmptyAnswer(_ request: Request) {
        guard let stub else { return }
        request.outgoing.append(.shared(stub, 0..<stub.count))
    }
}
