/// The heads that a worker sent last. A busy server says the same again and again; where all that a head is made of is as it was, its
/// text is copied in one piece: 450 instructions, the comparison included, instead of 1,000.
final class RecentHeads {
    private static let size = 32
    private let heads = List<RecentHead>(capacity: size)

    init() {
        for _ in 0..<Self.size { heads.append(RecentHead()) }
    }

    /// Appends what was written for such a form and the same response before. False: nothing is kept.
    func append(_ form: HeadForm, _ response: Response, to output: Buffer) -> Bool {
        heads.lend(form.place & (Self.size &- 1)) { head in
            guard head.holds(form, response) else { return false }
            head.append(to: output)
            return true
        }
    }

    /// The head from `start` on was written for such a form and the response.
    func note(_ form: HeadForm, _ response: Response, _ output: Buffer, from start: Int) {
        heads.lend(form.place & (Self.size &- 1)) { $0.note(form, response, output, from: start) }
    }
}

/// What decides how a head is written, the texts apart.
struct HeadForm: Equatable {
    let status: Status
    let contentLength: Int
    let lastModified: Int
    let typeEnd: Int
    let keepalive: Int
    /// That of `Date`.
    let second: Int
    /// Which of our own names `Server` says.
    let product: Int
    let isChunked: Bool
    let variesByEncoding: Bool

    /// nil: the head depends on more than this and the response's type and fields. (Parameters of an initialiser would be counted.)
    static func of(_ request: Request, _ engine: Engine) -> HeadForm? {
        let response = request.response
        let second = engine.loop.wallSeconds
        guard response.isOfOurMaking, response.status != .switchingProtocols,
            let product = engine.commonLines.place(of: request, at: second)
        else { return nil }
        let keepalive = request.flags.contains(.keepAlive) ? request.lendLocation { $0.core.value.keepaliveHeader } : -1
        return HeadForm(
            status: response.status, contentLength: response.contentLength, lastModified: response.lastModified,
            typeEnd: response.typeEnd, keepalive: keepalive, second: second, product: product, isChunked: response.isChunked,
            variesByEncoding: response.variesByEncoding)
    }

    /// Where it is kept, so that the files of a site fall apart.
    var place: Int { contentLength ^ lastModified ^ lastModified >> 5 }
}

/// A head that was sent, and what it was made of.
private final class RecentHead {
    /// Longer ones are not kept.
    private static let limit = 2_048

    private var form: HeadForm?
    private let contentType = Buffer(capacity: 16)
    private let charset = Buffer(capacity: 16)
    private let headers = HeaderList(capacity: 64)
    /// Empty: the form was seen once.
    private let text = Buffer(capacity: 16)
    /// The same form came with other texts: keeping them would be in vain.
    private var isVarying = false

    func holds(_ form: HeadForm, _ response: Response) -> Bool {
        form == self.form && !text.isEmpty && contentType.equals(response.contentType) && charset.equals(response.charset)
            && headers.isSame(as: response.headers)
    }

    func append(to output: Buffer) { output.append(text) }

    /// A head was written to `output`; if it is the second of its form, it is kept.
    func note(_ form: HeadForm, _ response: Response, _ output: Buffer, from start: Int) {
        guard form == self.form else {
            self.form = form
            text.removeAll()
            isVarying = false
            return
        }
        if isVarying { return }
        guard text.isEmpty, output.count &- start <= Self.limit, response.headers.bytes.count <= Self.limit else {
            isVarying = true
            return text.removeAll()
        }
        text.append(output, start..<output.count)
        contentType.removeAll()
        contentType.append(response.contentType)
        charset.removeAll()
        charset.append(response.charset)
        headers.replaceAll(by: response.headers)
    }
}
