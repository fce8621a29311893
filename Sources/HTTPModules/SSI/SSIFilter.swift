/// Obeys the commands in the body of one answer.
final class SSIFilter {
    /// What commands have put out is passed on before the next one is obeyed: each could show a long value.
    private static let outputBound = 128 * 1_024
    static let usualDateForm: ByteString = "%A, %d-%b-%Y %H:%M:%S %Z"

    let settings: Box<SSISettings>
    let page: SSIPage
    private var parser: SSIParser
    /// What has come and was not looked at yet, the first piece from `position` on.
    private var input: [Piece] = []
    private var position = 0
    private var endsHere = false
    /// A command that waits until what stands before it has been passed on.
    private var hasCommand = false
    private var output: Buffer?
    /// What the page waits for.
    var awaited: SSIInclusion?

    // The state of the page, which commands change.
    var isShown = true
    var isChosen = false
    var condition = SSICondition.none
    var isInBlock = false
    var encoding = Encoding.entity
    var dateForm = SSIFilter.usualDateForm
    var errorText: ByteString = "[an error occurred while processing the directive]"

    enum Encoding: Sendable {
        case none, url, entity
    }

    init(_ settings: Box<SSISettings>, _ page: SSIPage) {
        self.settings = settings
        self.page = page
        parser = SSIParser(valueLimit: settings.value.valueLength)
    }

    var isHolding: Bool { !input.isEmpty || endsHere || hasCommand }
    var isWaiting: Bool {
        guard let awaited else { return false }
        return !awaited.hasEnded
    }

    /// The command at hand.
    var command: [UInt8] { parser.command }
    var parameters: [SSIParser.Parameter] { parser.parameters }

    /// Filters `request.outgoing`, which is in memory.
    func run(_ request: Request) -> Bool {
        input.append(contentsOf: request.outgoing.pieces.array)
        if request.outgoing.isLast { endsHere = true }
        request.outgoing.removeAll()
        if isWaiting { return true }
        awaited = nil
        let isGood = goOn(request)
        pushOutput(request)
        if isGood, input.isEmpty, endsHere, !hasCommand, awaited == nil {
            endsHere = false
            request.outgoing.isLast = true
        }
        return isGood
    }

    /// Reads on until the input ends, or something else has to happen first.
    private func goOn(_ request: Request) -> Bool {
        if hasCommand {
            hasCommand = false
            guard obey(request) else { return false }
            if awaited != nil { return true }
        }
        while let piece = input.first {
            guard let (buffer, range) = piece.buffer else { return false }
            switch read(buffer.span(range), request) {
            case .all:
                input.removeFirst()
                position = 0
                request.engine.loop.release(piece)
            case .paused: return true
            case .failed: return false
            }
        }
        if endsHere {
            let marks = parser.takeMarks()
            show(SSIParser.opening.bytes.extracting(0..<marks), request)
        }
        return true
    }

    private enum Reading {
        case all, paused, failed
    }

    private func read(_ bytes: Span<UInt8>, _ request: Request) -> Reading {
        while true {
            switch parser.next(bytes, from: position) {
            case .needMore: return .all
            case .text(let marks, let range):
                position = range.upperBound
                if marks > 0 { show(SSIParser.opening.bytes.extracting(0..<marks), request) }
                show(bytes.extracting(range), request)
            case .malformed(let end):
                position = end
                let problem = parser.problem
                request.log(.error) { $0.append(problem) }
                showError(request)
            case .command(let end):
                position = end
                // What stands before an inclusion has to be passed on before it is started.
                if mayInclude, output != nil || !request.outgoing.isEmpty {
                    hasCommand = true
                    return .paused
                }
                if !obey(request) { return .failed }
                if awaited != nil || request.outgoing.count >= Self.outputBound { return .paused }
            }
        }
    }

    private var mayInclude: Bool { isShown && SSICommand(parser.command) == .include }

    // MARK: - Output

    /// A part of the page: sent, kept in a block, or left out.
    private func show(_ text: Span<UInt8>, _ request: Request) {
        if isShown { return append(text, request) }
        if isInBlock { page.blocks.last?.text.append(text) }
    }

    func append(_ bytes: Span<UInt8>, _ request: Request) {
        var rest = bytes
        while !rest.isEmpty {
            let buffer = output ?? request.engine.loop.largeBuffers.take()
            output = buffer
            let count = min(rest.count, buffer.free)
            buffer.append(rest.extracting(0..<count))
            rest = rest.extracting(count..<rest.count)
            if buffer.free == 0 { pushOutput(request) }
        }
    }

    private func pushOutput(_ request: Request) {
        guard let output else { return }
        self.output = nil
        request.outgoing.append(.pooled(output, 0..<output.count))
    }

    func showError(_ request: Request) {
        if settings.value.isSilent { return }
        let text = errorText
        append(text.span, request)
    }

    /// Adds the command to the block that is being read.
    func keepCommand() {
        guard let text = page.blocks.last?.text else { return }
        text.append("<!--#")
        text.append(ByteString(command))
        for parameter in parameters {
            text.append(ASCII.space)
            text.append(ByteString(parameter.name))
            text.append("=\"")
            text.append(ByteString(parameter.value))
            text.append(ASCII.quote)
        }
        text.append(" -->")
    }
}
